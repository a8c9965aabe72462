"""SignTransformer on FSLR keypoint files, with the original's training defaults.

    jaxsign train --config fslr_transformer --workdir runs/fslr \
        --config.data.train.path=DIR --config.data.train.labels=DIR/labels.csv \
        --config.data.val.path=DIR2 --config.data.val.labels=DIR2/labels.csv

The original reports 0.56 to 0.60 validation gloss accuracy on FSL-105 keypoints after 100 epochs.
The argument `synthetic` is the built-in job of `make train`: twenty synthetic signs in minimal
pairs, ten signers, of whom two are only seen in validation; about 0.95 gloss accuracy in under a
minute on two cores.
"""

from ml_collections import ConfigDict

from jaxsign.config import base


def get_config(arg: str = "") -> ConfigDict:
    """arg: '' or 'synthetic'."""
    config = base()
    config.system = "fslr_transformer"
    config.net = ConfigDict(
        {
            "name": "sign_transformer",
            "input_dim": 0,  # 0 = the width of the data: 156 keypoint numbers, 2048 features
            "emb_dim": 256,
            "n_heads": 8,
            "n_layers": 4,
            "ff_dim": 1024,
            "num_gloss": 105,
            "num_cat": 10,
            "dropout": 0.1,
            "max_len": 300,
            "pooling": "mean",
        }
    )
    if arg == "synthetic":
        _synthetic(config)
    elif arg:
        raise ValueError(f"fslr_transformer has no variant {arg!r}; known: synthetic")
    return config


def _synthetic(config: ConfigDict) -> None:
    config.data.source = "synthetic"
    config.data.synthetic.update(signs=20, categories=4, signers=10, clips_per_signer=3)
    config.net.update(num_gloss=20, num_cat=4, emb_dim=128, n_layers=2, ff_dim=256)
    config.input.buckets = (32, 64)
    config.view.normalise = "shoulders"
    config.optim.lr = 1e-3
    config.optim.grad_clip = 1.0
    config.schedule.name = "warmup_cosine"
    config.schedule.warmup = 2
    config.schedule.final_factor = 0.01
    config.input.augment.update(noise_std=0.02, shift=0.05)
    config.train.epochs = 25
