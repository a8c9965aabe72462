"""Tiny runs that answer with label sequences."""

import functools
import json
from pathlib import Path

import jax
import numpy as np

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.train import checkpoint

NAMES = ("HELLO", "YES", "NO", "TEA", "HOW ARE YOU")
SIZES = {
    "num_gloss": len(NAMES),
    "dim": 16,
    "num_heads": 2,
    "num_layers": 1,
    "ff_dim": 16,
    "patch_size": 4,
    "max_target": 40,
    "max_relative": 50,
}
DATA = [
    "--config.data.synthetic.signs=5",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=2",
]


def save_run(folder: Path, *words: str, names=NAMES, epoch=100, manifest=None, **fields) -> Path:
    """A run folder with random weights, whose answers are several glosses long."""
    config = configs.load(
        "whisper_sign:synthetic", [*DATA, "--config.decode.mode=two_pass", *words]
    )
    config.net.update({**SIZES, **fields})
    config.input.buckets = (160,)
    folder.mkdir(parents=True, exist_ok=True)
    variables = _variables(config.net.to_json_best_effort())
    checkpoint.save_variables(folder, variables, epoch=epoch, metric=0.5)
    configs.save_run_config(config, folder)
    if names:
        (folder / "labels.json").write_text(json.dumps({"heads": {"gloss": names}}))
    if manifest is not None:
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@functools.cache
def _variables(fields: str):
    net = nets.build(**json.loads(fields))
    x, rng = np.zeros((1, 8, *net.frame_shape), np.float32), np.random.default_rng(0)
    shapes = jax.eval_shape(net.init, jax.random.key(0), x, None, np.zeros((1, 1), np.int32))
    variables = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape, np.float32), shapes)
    variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])
    head = variables["params"]["ctc_head"]
    head["kernel"] = 4 * head["kernel"]
    # Every id is the best one at times.
    said = jax.jit(net.apply)(variables, clip(240)[None])["ctc_log_probs"]
    head["bias"] = head["bias"] - np.asarray(said).mean((0, 1))
    return variables


def clip(frames: int, seed=0) -> np.ndarray:
    """Stored features float32 [T, 42, 7] that change with time."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_normal((frames // 12 + 2, 42, 7)).astype(np.float32)
    return np.repeat(steps, 12, axis=0)[:frames]


def recognise(run, arrays, batch_size=4, names=(), **asked):
    """A run's answers to features of clips."""
    clips = [runs.NetInput(x, np.ones(len(x), bool)) for x in arrays]
    answerer = run.task.answerer(run, asked)
    return asking.Asker(run).answers(clips, batch_size, names=names, answerer=answerer)
