"""Runs for the tests of streams: nets whose answers tell what they saw."""

import json
import types
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs import clip_examples, views
from jaxsign.tasks.sequences.following import Sentences
from jaxsign.tasks.sequences.task import CtcAttention
from jaxsign.train import checkpoint

PATCH = 4
NAMES = ("HELLO", "YES", "NO", "TEA")
_MIX = np.random.default_rng(5).normal(size=(42 * 7, len(NAMES) + 1)).astype(np.float32)


class LocalNet(nets.Net):
    """One answer a patch: the rounded mean of the patch's first number is the id."""

    outputs = ("ctc_log_probs",)
    frames_per_output = PATCH
    frame_shape = (42, 7)

    def __call__(self, x, valid, *, train=False):
        x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % PATCH), (0, 0), (0, 0)))
        numbers = x[..., 0, 0].reshape(len(x), -1, PATCH).max(-1)
        ids = jnp.round(numbers).astype(int)
        return {"ctc_log_probs": jax.nn.log_softmax(6 * jax.nn.one_hot(ids, len(NAMES) + 1))}


class WideNet(nets.Net):
    """Answers that depend on the whole window and on where in it a frame lies."""

    outputs = ("ctc_log_probs",)
    frames_per_output = PATCH
    frame_shape = (42, 7)

    def __call__(self, x, valid, *, train=False):
        x = jnp.where(valid[..., None, None], x, 0)
        x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % PATCH), (0, 0), (0, 0)))
        rows = x.reshape(len(x), -1, PATCH, 42 * 7).mean(2) @ jnp.asarray(_MIX)
        place = jnp.sin(jnp.arange(rows.shape[1]))[:, None]
        return {"ctc_log_probs": jax.nn.log_softmax(rows + rows.mean(1, keepdims=True) + place)}


def run(net=None, **view):
    """A run as `jaxsign.infer.run.Run` looks to a stream."""
    net = net or LocalNet()
    config = configs.base()
    config.view, config.net = {"name": "whisper_sign", "rate": 60.0, **view}, {}
    config.task.update(name="ctc_attention", heads=("gloss",))
    made = views.of_recipe(config)
    return types.SimpleNamespace(
        task=CtcAttention(net, 1.0), net=net, variables={}, config=config, heads=("gloss",),
        labels={"gloss": NAMES}, frame_shape=net.frame_shape, takes_nan=False, workdir=Path("run"),
        view=made,
        features=lambda value: value if made is None else made(value),
    )  # fmt: skip


class Asker:
    """Stands where a net's compiled step is asked."""

    def __init__(self, net):
        self._net = net

    def one(self, x, length=None):
        batch = clip_examples.pad([x], length or len(x), x)
        said = self._net.apply({}, jnp.asarray(batch["x"]), jnp.asarray(batch["valid"]))
        return {"log_probs": np.asarray(said["ctc_log_probs"], np.float32)}


def recogniser(run=None, **settings):
    """Of the sentences of a run."""
    made = run or globals()["run"]()
    return Recogniser(made, Sentences(made, **settings), asker=Asker(made.net))


def signed(ids, frames=24, pause=0):
    """Stored features [T, 42, 7] that `LocalNet` reads as these ids, each for some frames."""
    rows = []
    for number in ids:
        rows += [number] * frames + [0] * pause
    x = np.zeros((len(rows), 42, 7), np.float32)
    x[:, 0, 0] = rows
    return x


def save_run(folder, recipe="whisper_sign"):
    """A run folder of a small net with random weights."""
    config = configs.load(recipe)
    config.net.update(num_gloss=len(NAMES), dim=32, num_heads=2, num_layers=1, ff_dim=64)
    net = nets.build(**config.net.to_dict())
    x, rng = np.zeros((1, 8, *net.frame_shape), np.float32), np.random.default_rng(0)
    shapes = jax.eval_shape(net.init, jax.random.key(0), x, None, np.zeros((1, 1), np.int32))
    variables = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape, np.float32), shapes)
    variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])
    # Every id is the best one at times.
    said = net.apply(variables, rng.normal(size=(1, 240, *net.frame_shape)).astype(np.float32))
    head = variables["params"]["ctc_head"]
    head["bias"] = head["bias"] - np.asarray(said["ctc_log_probs"]).mean((0, 1))
    folder.mkdir(parents=True)
    checkpoint.save_variables(folder, variables, epoch=1, metric=0.5)
    configs.save_run_config(config, folder)
    (folder / "labels.json").write_text(json.dumps({"heads": {"gloss": NAMES}}))
    return folder
