"""Whole training runs: jaxsign's compiled step beside the reference loop, setting by setting."""

import dataclasses

import numpy as np
import pytest
import torch

from jaxsign import config as configs
from jaxsign.nets import iv3_gru, sign_transformer, state_dict
from parity.reference import fslr, fslr_iv3_gru, fslr_train, fslr_transformer
from parity.settings import fslr as fslr_settings
from parity.targets import fslr_train as ours

RUN = fslr_settings.Run(
    epochs=3, lr=2e-3, alpha=0.7, beta=0.3, warmup_epochs=1, scheduler_patience=0
)
TRANSFORMER = {"input_dim": 12, "emb_dim": 8, "n_heads": 2, "n_layers": 1, "max_len": 10}
GRU = {"hidden1": 4, "hidden2": 3}
# A softmax does not notice what is added to all its scores: this gradient is zero but for rounding,
# and Adam makes a full step of any noise, on either side. Twice the sum of rates is what both can
# come apart by.
NOISE = "W_k.bias"
HEADS = {"num_gloss": 4, "num_cat": 3, "dropout": 0.0}


def batches(width, count, seed):
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        rows, frames = 4 - (i == count - 1), int(rng.integers(4, 9))
        made.append(
            {
                "x": rng.standard_normal((rows, frames, width)).astype(np.float32),
                "lengths": rng.integers(1, frames + 1, rows),
                "gloss": rng.integers(0, 4, rows),
                "cat": rng.integers(0, 3, rows),
            }
        )
    return made


def torch_run(reference, forward, train, val, run):
    as_torch = [[fslr.tensors(batch) for batch in part] for part in (train, val)]
    return fslr_train.run(reference, forward, *as_torch, run)


def jax_run(net, table, start, train, val, run):
    runner = ours.Runner(ours.run_config(run), net, state_dict.to_variables(table, start))
    rows = ours.run(runner, *ours.same_shape(train, val))
    return rows, state_dict.to_state_dict(table, runner.variables())


def compare(reference, forward, net, table, width, run):
    train, val = batches(width, 5, 0), batches(width, 2, 1)
    start = {k: v.copy() for k, v in fslr.state_dict_of(reference).items()}
    start = {entry.key: start[entry.key] for entry in table}
    rows, after = jax_run(net, table, start, train, val, run)
    wanted = torch_run(reference, forward, train, val, run)
    for name in ("loss_gloss", "loss_cat", "val_loss", "val_gloss_acc", "val_cat_acc"):
        np.testing.assert_allclose(rows[name], wanted[name], rtol=1e-4, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(rows["lr"], wanted["lr"], rtol=1e-6, atol=1e-12)
    moved = fslr.state_dict_of(reference)
    steps = run.epochs * -(-len(train) // run.accumulation)
    for key, value in after.items():
        noise = key.endswith(NOISE)
        atol = 2 * steps * run.lr if noise else 2e-5
        np.testing.assert_allclose(value, moved[key], rtol=1e-3, atol=atol, err_msg=key)
    assert max(np.abs(after[key] - start[key]).max() for key in after) > 1e-3
    return start, after


def test_transformer_runs_alike():
    torch.manual_seed(0)
    reference = fslr_transformer.SignTransformer(**TRANSFORMER, **HEADS)
    net = sign_transformer.SignTransformer(**TRANSFORMER, **HEADS)
    table = net.key_table()
    change = {"accumulation": 3, "weight_decay": 0.02, "grad_clip": 0.3, "loss": "focal"}
    run = dataclasses.replace(RUN, **change, scheduler="cosine")
    start, after = compare(reference, fslr_train.transformer_forward, net, table, 12, run)
    # Without a gradient there is neither decay nor a step, in torch and here.
    np.testing.assert_array_equal(after["cls_token"], start["cls_token"])


def test_cls_token_trains_with_cls_pooling():
    torch.manual_seed(0)
    fields = {**TRANSFORMER, **HEADS}
    reference = fslr_transformer.SignTransformer(**fields, pooling_method="cls")
    net = sign_transformer.SignTransformer(**fields, pooling="cls")
    table = net.key_table()
    change = {"weight_decay": 0.01, "scheduler": "plateau", "epochs": 4, "loss": "label_smoothing"}
    run = dataclasses.replace(RUN, **change)
    start, after = compare(reference, fslr_train.transformer_forward, net, table, 12, run)
    assert np.abs(after["cls_token"] - start["cls_token"]).min() > 0


def test_gru_runs_alike():
    torch.manual_seed(0)
    reference = fslr_iv3_gru.InceptionV3GRU(**GRU, **HEADS)
    net = iv3_gru.InceptionV3GRU(**GRU, **HEADS)
    table = [row for row in net.key_table() if not row.key.startswith(iv3_gru.BACKBONE_KEYS)]
    run = dataclasses.replace(RUN, accumulation=2, grad_clip=1.0)
    compare(reference, fslr_train.gru_forward, net, table, 2048, run)


def test_left_over_batches_are_divided_by_the_whole_accumulation():
    made = ours.groups(ours.same_shape(batches(3, 5, 0))[0], 2)
    assert [group["weight"].shape for group in made] == [(2, 4)] * 3
    assert made[-1]["weight"].tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]
    assert all(group["valid"].any(-1).all() for group in made)


def test_the_step_keeps_a_moving_average():
    np.testing.assert_allclose(ours.moving_average(0.0, 0.5, 3), [0.5, 1.25, 2.125])


def test_without_warm_up_the_rate_starts_where_it_was_asked_to():
    options = configs.base().schedule
    options.update(name="warmup_cosine", warmup=0, final_factor=0.01)
    from jaxsign.train import schedule

    assert schedule.build(options, 1e-3, 6).rate(0) == pytest.approx(1e-3)
    options.legacy_start = True
    assert schedule.build(options, 1e-3, 6).rate(0) == pytest.approx(1e-4)
