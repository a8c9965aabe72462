"""InceptionV3GRU on precomputed InceptionV3 features, with the original's training defaults.

    jaxsign train --config fslr_iv3_gru --workdir runs/iv3 \
        --config.data.train.path=DIR --config.data.train.labels=DIR/labels.csv \
        --config.data.val.path=DIR2 --config.data.val.labels=DIR2/labels.csv

The original reports 0.11 validation gloss accuracy on FSL-105 with these defaults after 100 epochs,
and 0.72 with the argument `large` (hidden sizes 32/24, plateau schedule, augmentation). Train on
raw frames (uint8 [T, H, W, 3]) with `--config.data.key=frames` and, for ImageNet weights,
`--config.train.backbone_weights=FILE` (or `random`).
"""

from ml_collections import ConfigDict

from jaxsign.config import base


def get_config(arg: str = "") -> ConfigDict:
    """arg: '' or 'large'."""
    config = base()
    config.system = "fslr_iv3_gru"
    config.net = ConfigDict(
        {
            "name": "iv3_gru",
            "num_gloss": 105,
            "num_cat": 10,
            "hidden1": 16,
            "hidden2": 12,
            "dropout": 0.3,
            "transform_input": True,
        }
    )
    config.data.key = "X2048"
    config.view.name = ""  # features come as they are
    config.train.frozen = ("^backbone/",)
    config.input.max_length = 300
    if arg == "large":
        _large(config)
    elif arg:
        raise ValueError(f"fslr_iv3_gru has no variant {arg!r}; known: large")
    return config


def _large(config: ConfigDict) -> None:
    config.net.update(hidden1=32, hidden2=24, dropout=0.2)
    config.optim.update(lr=3e-4, weight_decay=5e-6)
    config.loss.weights = (0.8, 0.2)
    config.input.batch_size = 16
    config.input.augment.update(noise_std=0.01, mask_prob=0.1, mask_ratio=0.1)
    config.schedule.update(name="plateau", patience=25)
    config.train.epochs = 300
