"""Stages of WhisperSign: jaxsign's compiled step beside the reference loop, its decoder fed."""

import jax
import numpy as np
import torch

from jaxsign.nets import state_dict
from parity.reference import fslr, whispersign_net, whispersign_train
from parity.settings import whispersign_runs as runs
from parity.targets import whispersign_loss, whispersign_nets
from parity.targets import whispersign_train as ours

ARGS = {
    "frontend": {
        "num_joints": 5,
        "num_features": 4,
        "patch_size": 4,
        "d_model": 16,
        "dropout": 0.0,
        "spatial_dropout": 0.0,
    },
    "encoder": {"num_heads": 2, "num_layers": 1, "d_ff": 24, "dropout": 0.0},
    "decoder": {"vocab_size": 7},
}
STAGES = (
    runs.Stage(2, 2e-3, 0.02, alpha=1.0, frozen=runs.STAGE1_FROZEN, warmup=2),
    runs.Stage(2, 1e-3, 0.02, alpha=0.3, warmup=2),
)


def batches(seed, count):
    """Ragged clips; a label that does not fit into its clip and one that is empty among them."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        lengths, label_lengths = np.array([24, 17, 9, 5]), np.array([3, 0, 2, 3])
        x = rng.standard_normal((4, 24, 5, 4)).astype(np.float32)
        x[np.arange(24) >= lengths[:, None]] = 0
        made.append(
            {
                "features": x,
                "feature_lengths": lengths,
                "labels": rng.integers(1, 7, label_lengths.sum()),
                "label_lengths": label_lengths,
            }
        )
    return made


def torch_stages(model, train, val):
    as_torch = [[fslr.tensors(batch) for batch in part] for part in (train, val)]
    return [
        whispersign_train.run_stage(
            model,
            stage,
            lambda: as_torch[0],
            as_torch[1],
            len(train),
        )
        for stage in STAGES
    ]


def jax_stages(net, variables, train, val):
    train, val = ([whispersign_loss.as_batch(b) for b in part] for part in (train, val))
    records = []
    for stage in STAGES:
        config = whispersign_loss.run_config(stage)
        runner = ours.Runner(config, net, variables, updates=len(train), fed=True)
        for _ in range(stage.epochs):
            for batch in train:
                runner.train(batch)
            runner.records.val_loss.append(runner.evaluate(val))
        variables = runner.variables()
        records.append(runner.records)
    return records, variables


def test_stages_run_alike():
    torch.manual_seed(0)
    reference = whispersign_net.WhisperSignModel(**ARGS)
    net = whispersign_nets.original_net(ARGS)
    table = net.key_table()
    start = {key: value.copy() for key, value in fslr.state_dict_of(reference).items()}
    train, val = batches(0, 3), batches(1, 2)
    with jax.default_matmul_precision("highest"):
        found, variables = jax_stages(net, state_dict.to_variables(table, start), train, val)
    wanted = torch_stages(reference, train, val)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.lr, other.lr, rtol=1e-6)
        np.testing.assert_allclose(one.grad_norm, other.grad_norm, rtol=1e-3)
        np.testing.assert_allclose(one.val_loss, other.val_loss, rtol=5e-3)
        for ours_, theirs in (("loss", "total"), ("loss/ctc", "ctc")):
            np.testing.assert_allclose(one.losses[ours_], getattr(other, theirs), rtol=1e-4)
    np.testing.assert_allclose(found[1].losses["loss/attention"], wanted[1].attention, rtol=1e-4)
    rates = sum(sum(records.lr) for records in found)
    after = state_dict.to_state_dict(table, variables)
    compare(start, after, fslr.state_dict_of(reference), 2 * rates)


def compare(start, after, wanted, furthest):
    """Matrices agree and have moved.

    Some biases have no gradient but rounding, because a norm or a softmax takes them away: AdamW
    makes whole steps of it, on either side, so that both can come apart by twice the sum of rates.
    """
    for key, value in after.items():
        atol = furthest if value.ndim < 2 else 5e-5
        np.testing.assert_allclose(value, wanted[key], rtol=1e-3, atol=atol, err_msg=key)
        assert value.ndim < 2 or np.abs(value - start[key]).max() > 1e-4, key
