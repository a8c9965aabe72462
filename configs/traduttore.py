"""SignTransformer on the Traduttore keypoints: 33 ASL words and letters, pose and hands, 20 frames.

    jaxsign train --config traduttore --workdir runs/traduttore \
        --config.data.train.path=DIR --config.data.val.path=DIR --config.data.test.path=DIR
    jaxsign evaluate --workdir runs/traduttore --split test

DIR holds sequences.npz (landmarks [N, 20, 75, 3] with the set's own split; the test clips come from
later recording sessions). The set's baseline, a logistic regression on shoulder-normalised points,
reaches 0.864 test accuracy; this recipe 0.959 (one seed), in one or two minutes on two cores.
For a short trial also lower the warm-up: --config.train.epochs=2 --config.schedule.warmup=0.

The signer's place and size change between the sessions, so keypoints are taken relative to the
shoulders and moved, scaled, turned and dropped in training; fingers are told from their wrists in
the hand's own size (with view.hands=body the same seed reaches 0.878). The second head tells words,
letters and idle apart.
"""

from ml_collections import ConfigDict

from configs import fslr_transformer


def get_config(arg: str = "") -> ConfigDict:
    """No variants."""
    if arg:
        raise ValueError(f"traduttore has no variant {arg!r}")
    config = fslr_transformer.get_config()
    config.system = "traduttore"
    config.data.source = "landmarks75"
    config.view.update(normalise="shoulders", hands="local")
    config.net.update(num_gloss=33, num_cat=3, emb_dim=192, n_layers=3, ff_dim=384, dropout=0.3)
    config.net.max_len = 64
    config.input.buckets = (20,)
    config.input.max_length = 20
    config.input.augment.update(
        noise_std=0.02, noise_prob=0.5, shift=0.15, scale=0.2, rotate=10.0, point_dropout=0.1
    )
    config.optim.update(name="adamw", lr=1e-3, weight_decay=0.05, grad_clip=1.0)
    config.loss.update(name="label_smoothing", weights=(0.9, 0.1))
    config.schedule.update(name="warmup_cosine", warmup=5, final_factor=0.01)
    config.train.epochs = 40
    return config
