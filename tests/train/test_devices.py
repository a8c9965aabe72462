"""N devices compute what one device computes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT
from running import environment, train_apart

from jaxsign.train import checkpoint, records

# Runs in a process of its own, because the number of devices is fixed when JAX starts.
COMPARE = """
import jax, json, numpy as np, jax.numpy as jnp, sys
from flax import linen as nn
from jaxsign import config as configs
from jaxsign.nets import sign_transformer, whisper_sign
from jaxsign.nets.layers import batch_norm, dense
from jaxsign.train import optimizer, state, step, tasks

class WithBatchNorm(nn.Module):
    axis_name: str | None = None
    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        h = dense.Dense(8, name="inner")(x)
        h = batch_norm.BatchNorm(axis_name=self.axis_name, name="bn")(h, train=train)
        h = (jnp.tanh(h) * valid[..., None]).sum(1)
        gloss, cat = dense.Dense(5, name="g")(h), dense.Dense(3, name="c")(h)
        return {"logits": {"gloss": gloss, "cat": cat}}

def net_of(kind, axis):
    if kind == "bn":
        return WithBatchNorm(axis)
    if kind == "whisper_sign":
        return whisper_sign.WhisperSign(num_gloss=4, num_joints=3, num_features=2, patch_size=2,
            dim=16, num_heads=2, num_layers=1, ff_dim=32, dropout=0.0, frontend_dropout=0.0,
            spatial_dropout=0.0, max_target=8, max_relative=16, axis_name=axis)
    return sign_transformer.SignTransformer(input_dim=6, emb_dim=16, n_heads=2, n_layers=1,
        num_gloss=5, num_cat=3, dropout=0.0, max_len=16)

kind, parallel = sys.argv[1:3]
sequences = kind == "whisper_sign"
config = configs.load(kind if sequences else "fslr_transformer")
config.optim.weight_decay = 0.01
if sequences:
    # A bias before BatchNorm has no gradient but rounding, of which Adam makes whole steps.
    config.optim.name = "sgd"
rng = np.random.default_rng(0)
A, B, T = 2, 8, 9
def batch():
    weight = np.ones((A, B), np.float32); weight[1, 5:] = 0
    shape = (3, 2) if sequences else (6,)
    count = rng.integers(0, 4, (A, B, 1))
    return dict(x=rng.normal(size=(A, B, T, *shape)).astype(np.float32),
        valid=np.arange(T) < rng.integers(1, T + 1, (A, B, 1)), weight=weight,
        sequence=np.where(np.arange(3) < count, rng.integers(1, 5, (A, B, 3)), 0).astype(np.int32),
        sequence_valid=np.arange(3) < count,
        gloss=rng.integers(0, 5, (A, B)).astype(np.int32),
        cat=rng.integers(0, 3, (A, B)).astype(np.int32), index=np.zeros((A, B), np.int32))
batches = [batch() for _ in range(4)]
results = []
for count in (1, 4):
    axis = step.AXIS if count > 1 and parallel == "pmap" else None
    task = tasks.build(config, net_of(kind, axis))
    plain = tasks.build(config, net_of(kind, None))
    variables = plain.init(jax.random.key(0), {k: v[0] for k, v in batches[0].items()})
    chain = optimizer.build(config.optim)
    names = optimizer.select(optimizer.flat(variables["params"]), (".*",))
    compiled = step.build(task, chain, names, devices=jax.devices()[:count], parallel=parallel)
    s = compiled.place(state.create(variables, chain, names, seed=0))
    rates = {"lr": jnp.float32(1e-2), "loss_weights": jnp.array([0.7, 0.3], jnp.float32)}
    sums = []
    for b in batches:
        s, metrics = compiled.train(s, compiled.put_train(b), rates)
        sums.append({k: float(v) for k, v in compiled.scalars(metrics).items()})
    one = {k: v[0] for k, v in batches[0].items()}
    found = compiled.evaluate(s, compiled.put_eval(one), {"loss_weights": rates["loss_weights"]})
    if sequences:
        rows = compiled.rows(found.pop("rows"))
        spans = compiled.rows(compiled.look(s, compiled.put_eval(one)))["spans"]
        assert len(rows["ids"]) == B and spans.shape == (B, 3, 2)
        np.testing.assert_array_equal(rows["sequence"], one["sequence"])
        sums.append({k: float(v) for k, v in task.count(rows).items()})
        sums.append({"spans": float((spans * (1 + np.arange(B))[:, None, None]).sum())})
    val = compiled.scalars(found)
    sums.append({k: float(v) for k, v in val.items()})
    host = compiled.fetch(s)
    leaves = jax.tree.leaves((host.params, host.collections))
    results.append((sums, [np.asarray(x) for x in leaves]))
(a, x), (b, y) = results
worst = max(float(np.abs(p.astype(float) - q.astype(float)).max()) for p, q in zip(x, y))
sums = max(abs(p[k] - q[k]) for p, q in zip(a, b) for k in p)
print(json.dumps({"params": worst, "sums": sums, "devices": len(jax.devices())}))
"""


@pytest.mark.parametrize("parallel", ["pmap", "jit"])
@pytest.mark.parametrize("kind", ["transformer", "bn", "whisper_sign"])
def test_four_devices_equal_one(kind, parallel):
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, kind, parallel],
        env=environment(devices=4), capture_output=True, text=True, timeout=300, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["devices"] == 4
    # Adam turns rounding differences of tiny gradients into steps of up to lr / 1000.
    assert found["params"] < 2e-5
    assert found["sums"] < 2e-4


def test_a_run_on_four_devices_from_the_command_line(tmp_path):
    done = train_apart(tmp_path / "four", "input.batch_size=8", "train.epochs=3", devices=4)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 x cpu" in done.stdout
    assert len(records.read_csv(tmp_path / "four" / "metrics.csv")) == 3
    params = checkpoint.load_variables(tmp_path / "four", "last")[0]["params"]
    assert all(np.isfinite(leaf).all() for leaf in _leaves(params))


def test_a_batch_that_four_devices_cannot_share_is_refused(tmp_path):
    done = train_apart(tmp_path / "x", "input.batch_size=6", devices=4)
    assert done.returncode == 1
    assert "6 rows cannot be shared by 4 devices" in done.stderr


def _leaves(tree):
    import jax

    return jax.tree.leaves(tree)
