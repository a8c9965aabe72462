"""Steps on one device and on four, side by side; a process of its own, as JAX fixes their number.

Prints JSON: net -> way of sharing -> the largest differences of parameters and of sums.
"""

import functools
import json
import sys

import compiles
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets, runtime, tasks
from jaxsign.nets import sign_transformer, whisper_sign
from jaxsign.nets.layers import batch_norm, dense
from jaxsign.train import by_path, optimizer, placing, state, step

STEPS, ROWS, FRAMES = 2, 8, 9  # micro-batches a step, clips, frames
RATES = {"lr": jnp.float32(1e-2), "loss_weights": jnp.array([0.7, 0.3], jnp.float32)}


class WithBatchNorm(nets.Net):
    outputs = ("logits",)

    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        h = dense.Dense(8, name="inner")(x)
        h = batch_norm.BatchNorm(axis_name=self.axis_name, name="bn")(h, train=train)
        h = (jnp.tanh(h) * valid[..., None]).sum(1)
        gloss, cat = dense.Dense(5, name="g")(h), dense.Dense(3, name="c")(h)
        return {"logits": {"gloss": gloss, "cat": cat}}


def net_of(kind, axis):
    if kind == "bn":
        return WithBatchNorm(axis_name=axis)
    if kind == "whisper_sign":
        return whisper_sign.WhisperSign(
            num_gloss=4, num_joints=3, num_features=2, patch_size=2, dim=16, num_heads=2,
            num_layers=1, ff_dim=32, dropout=0.0, frontend_dropout=0.0, spatial_dropout=0.0,
            max_target=8, max_relative=16, axis_name=axis,
        )  # fmt: skip
    return sign_transformer.SignTransformer(
        input_dim=6, emb_dim=16, n_heads=2, n_layers=1, num_gloss=5, num_cat=3, dropout=0.0,
        max_len=16,
    )  # fmt: skip


def made(rng, sequences):
    """A batch for one step whose second micro-batch is not full."""
    lead = (STEPS, ROWS)
    weight = np.ones(lead, np.float32)
    weight[1, 5:] = 0
    count = rng.integers(0, 4, (*lead, 1))
    drawn = rng.normal(size=(*lead, FRAMES, *((3, 2) if sequences else (6,))))
    glosses = rng.integers(1, 5, (*lead, 3))
    return {
        "x": drawn.astype(np.float32),
        "valid": np.arange(FRAMES) < rng.integers(1, FRAMES + 1, (*lead, 1)),
        "weight": weight,
        "sequence": np.where(np.arange(3) < count, glosses, 0).astype(np.int32),
        "sequence_valid": np.arange(3) < count,
        "gloss": rng.integers(0, 5, lead).astype(np.int32),
        "cat": rng.integers(0, 3, lead).astype(np.int32),
        "index": np.zeros(lead, np.int32),
    }


def recipe(kind):
    sequences = kind == "whisper_sign"
    config = configs.load(kind if sequences else "fslr_transformer")
    config.optim.weight_decay = 0.01
    # The F1 of a batch is no sum over its parts.
    config.task.macro = kind == "bn"
    if sequences:
        # A bias before BatchNorm has no gradient but rounding, of which Adam makes whole steps.
        config.optim.name = "sgd"
    return config


def outcome(config, net_of, variables, count, parallel, batches, asked):
    """Sums of the steps, an evaluation and, of sequences, an alignment; parameters after them.

    net_of: axis -> the net; variables: to start from; batches: of steps; asked: what is evaluated.
    """
    axis = placing.AXIS if count > 1 and parallel == "pmap" else None
    task = tasks.build(config, net_of(axis))
    chain = optimizer.build(config.optim)
    names = by_path.select(by_path.flat(variables["params"]), (".*",))
    decay = config.train.ema_decay
    compiled = step.build(
        task, chain, names, devices=jax.devices()[:count], parallel=parallel, ema_decay=decay
    )
    s = compiled.place(state.create(variables, chain, names, seed=0, average=decay > 0))
    sums = []

    def make(batch):
        nonlocal s
        s, metrics = compiled.train(s, compiled.put_train(batch), RATES)
        sums.append(compiled.scalars(metrics))

    make(batches[0])
    with compiles.noted() as names:
        for batch in batches[1:]:
            make(batch)
    assert not names  # one program serves all steps
    weights = {"loss_weights": RATES["loss_weights"]}
    found = compiled.evaluate(s, compiled.put_eval(asked), weights)
    rows = compiled.rows(found.rows)
    if rows:
        sums.append(task.count(rows))
    if "ids" in rows:
        spans = compiled.rows(compiled.look(s, compiled.put_eval(asked)))["spans"]
        assert len(rows["ids"]) == ROWS and spans.shape == (ROWS, 3, 2)
        np.testing.assert_array_equal(rows["sequence"], asked["sequence"])
        sums.append({"spans": (spans * (1 + np.arange(ROWS))[:, None, None]).sum()})
    if task.renews:
        seen = compiled.rows(compiled.look(s, compiled.put_eval(asked)))
        sums.append({f"look/{name}": value for name, value in seen.items()})
    sums.append(compiled.scalars(found.sums))
    host = compiled.fetch(s)
    leaves = jax.tree.leaves((host.params, host.collections, host.average))
    numbers = [{name: float(np.sum(value)) for name, value in row.items()} for row in sums]
    return numbers, [np.asarray(leaf, float) for leaf in leaves]


def compared(ways, config, net_of, variables, batches, asked):
    """The largest differences of parameters and sums on all devices from one: way -> both."""
    a, x = outcome(config, net_of, variables, 1, "pmap", batches, asked)
    told = {}
    for parallel in ways:
        b, y = outcome(config, net_of, variables, len(jax.devices()), parallel, batches, asked)
        told[parallel] = {
            "params": max(float(np.abs(p - q).max()) for p, q in zip(x, y, strict=True)),
            "sums": max(abs(p[name] - q[name]) for p, q in zip(a, b, strict=True) for name in p),
            "devices": len(jax.devices()),
        }
    return told


def main():
    runtime.compilation_cache()
    told = {}
    for kind in ("transformer", "bn", "whisper_sign"):
        rng = np.random.default_rng(0)
        batches = [made(rng, kind == "whisper_sign") for _ in range(4)]
        asked = {name: array[0] for name, array in batches[0].items()}
        of_axis = functools.partial(net_of, kind)
        config = recipe(kind)
        variables = tasks.build(config, net_of(kind, None)).init(jax.random.key(0), asked)
        told[kind] = compared(("pmap", "jit"), config, of_axis, variables, batches, asked)
    print(json.dumps(told))


if __name__ == "__main__":
    sys.exit(main())
