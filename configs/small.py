"""Isolated signs from a few hundred clips of landmarks, whatever made them.

    jaxsign train --config small --workdir runs/small \
        --config.data.train.path=DIR/train --config.data.val.path=DIR/val

DIR holds clips in any format that jaxsign reads: all 543 points, pose and hands, or hands alone.
Points are placed by the shoulders, fingers by their wrists in the hand's own size; parts that
fewer than a fifth of the training frames show are left out, and it is said which. A small
SignTransformer learns from clips at other speeds, moved, turned, scaled, with noise and gaps, in
small batches, so that few clips make many steps; its weights are averaged. Mirror images are off,
for signs that differ only by the side: --config.input.augment.flip=0.5 if yours do not, or if you
have left-handed signers. docs/small_sets.md has what it reaches.

The argument `masked` makes a start for it from clips without labels, such as all that there are of
the same signers: the same net on the same view guesses frames that are hidden from it.

    jaxsign train --config small:masked --workdir runs/masked \
        --config.data.train.path=DIR/unlabelled --config.data.val.path=DIR/val
    jaxsign train --config small --workdir runs/small --config.train.init_from=runs/masked \
        --config.data.train.path=DIR/train --config.data.val.path=DIR/val
"""

from ml_collections import ConfigDict

from configs import fslr_transformer


def get_config(arg: str = "") -> ConfigDict:
    """arg: '' or 'masked'."""
    if arg not in ("", "masked"):
        raise ValueError(f"small has no variant {arg!r}; known: masked")
    config = fslr_transformer.get_config()
    config.system = "small"
    config.task.heads, config.loss.weights = ("gloss",), (1.0,)
    config.data.source = "collection"
    config.view.update(normalise="shoulders", hands="local")
    config.view.least = 0.2  # share of frames that must show a part
    config.view.left_out = ()  # the parts that they do not show, found in the training clips
    config.net.update(num_gloss=0, num_cat=0, emb_dim=128, n_layers=2, ff_dim=256, dropout=0.1)
    config.input.batch_size = 8
    config.input.buckets = (16, 32, 64, 128, 300)
    config.input.augment.update(
        speed=0.2, shift=0.15, scale=0.2, rotate=10.0, noise_std=0.02, noise_prob=0.5,
        mask_prob=0.2,
    )  # fmt: skip
    config.optim.update(name="adamw", lr=2e-3, weight_decay=0.05, grad_clip=1.0)
    config.loss.update(name="label_smoothing", label_smoothing=0.1)
    config.schedule.update(name="warmup_cosine", warmup=5, final_factor=0.01)
    config.train.update(epochs=100, early_stop=30, min_epochs=60, ema_decay=0.99)
    config.train.full_epoch = 320  # clips, so that a few make 4000 steps too
    config.train.stop_monitor = "loss"  # accuracies of few clips stand still long before the end
    if arg == "masked":
        config.task.update(name="masked", heads=(), monitor="loss")
        config.input.batch_size = 16
        config.optim.lr = 1e-3
        config.train.update(early_stop=20, min_epochs=40, ema_decay=0.0)
    return config
