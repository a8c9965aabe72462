"""Tiny runs and clips for the tests of this folder."""

import json
from pathlib import Path

import jax
import numpy as np

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.input.signs import clip as clips
from jaxsign.train import checkpoint

SMALL = {
    "input_dim": 156,
    "emb_dim": 16,
    "n_heads": 2,
    "n_layers": 1,
    "ff_dim": 32,
    "num_gloss": 5,
    "num_cat": 3,
    "max_len": 32,
}
NAMES = {
    "gloss": ["HELLO", "YES", "NO", "DON’T KNOW", "TEA"],
    "cat": ["GREETING", "SURVIVAL", "DRINK"],
}


def save_run(
    folder: Path, name="sign_transformer", seed=0, names=NAMES, words=(), **fields
) -> Path:
    """A run folder with random weights."""
    recipe = {"sign_transformer": "fslr_transformer", "iv3_gru": "fslr_iv3_gru"}[name]
    config = configs.load(recipe, words)
    sizes = {**SMALL, **fields} if name == "sign_transformer" else fields
    config.net.update({"num_gloss": 5, "num_cat": 3, **sizes})
    config.input.buckets = (8, 16)
    config.input.max_length = 0
    return _saved(folder, config, seed, names)


def save_points_run(folder: Path, **fields) -> Path:
    """A run of a tiny PoseFormer with random weights, which takes [T, 75, 3]."""
    config = configs.load("signon")
    sizes = {"num_gloss": 5, "emb_dim": 16, "n_heads": 2, "n_layers": 1}
    config.net.update({**sizes, **fields})
    config.input.buckets = (8, 16)
    config.input.max_length = 0
    return _saved(folder, config, 0, {"gloss": NAMES["gloss"]})


def _saved(folder: Path, config, seed: int, names) -> Path:
    net = nets.build(**config.net.to_dict())
    inputs = {"x": np.zeros((1, 4, *net.frame_shape), np.float32), "language": np.zeros(1, int)}
    # Random numbers in the shapes of the net: compiling its own initialisation takes seconds.
    rng = np.random.default_rng(seed)
    row = [inputs.get(name) for name in net.inputs]
    shapes = jax.eval_shape(net.init, jax.random.key(0), *row)
    variables = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape, np.float32), shapes)
    variables = {k: v for k, v in variables.items() if k != "intermediates"}
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save_variables(folder, variables, epoch=7, metric=0.5)
    configs.save_run_config(config, folder)
    if names is not None:
        (folder / "labels.json").write_text(json.dumps({"heads": names}), encoding="utf-8")
    return folder


def recorded(length: int, seed=0) -> clips.Clip:
    """A clip of landmarks, the pose in all frames, the rest in some."""
    rng = np.random.default_rng(seed)
    landmarks = rng.random((length, 543, 3), np.float32)
    landmarks[::2, clips.LEFT_HAND] = np.nan
    return clips.Clip(landmarks, np.arange(length) / 30.0)


def save_clip(path: Path, length: int, seed=0, **arrays) -> Path:
    """An .npz of the FSLR layout."""
    rng = np.random.default_rng(seed)
    content = {
        "X": rng.random((length, 156), np.float32),
        "mask": np.ones((length, 78), bool),
        "timestamps_ms": np.arange(length, dtype=np.int64) * 33,
        "meta": np.array("{}"),
        **arrays,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{k: v for k, v in content.items() if v is not None})
    return path
