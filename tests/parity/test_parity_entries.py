"""Entries of `args` and `call`: what is read of them, what is not, and what is absent."""

import json

import numpy as np
import pytest

from jaxsign.errors import UserError
from parity import cases, entries, jobs, targets
from parity.settings import asl_hybrid, fslr, whispersign, whispersign_runs

SIDES = (jobs.OURS, jobs.REFERENCE)


def entries_of(**values):
    return entries.Entries(values, "call")


def test_every_way_to_a_value_reads_it():
    made = entries_of(a=1, b=2, c="3 of 4", d=5, e=6, f=[{"g": 7}], h={"i": 8}, j=9)
    assert made["a"] == 1 and made.get("b", 0) == 2 and made.get("z", 4) == 4
    assert made.match("c", r"(\d) of (\d)").groups() == ("3", "4")
    assert made.one_of("d", 4, 5) == 5 and made.given("z", ours="e") == {"ours": 6}
    assert made["f"][0]["g"] == 7 and made.section("h")["i"] == 8
    assert made.section("k").get("z") is None and "j" in made
    assert list(made.unread()) == ["call.j"]
    assert made.of(lambda j, z: None) == {"j": 9} and not list(made.unread())


def test_what_is_inside_must_be_read_too():
    made = entries_of(a={"b": 1, "c": {"d": 2}}, e=[{"f": 3}, {"g": 4}], h={"i": 5})
    assert list(made.unread()) == ["call.a", "call.e", "call.h"]
    assert made["a"]["b"] == 1 and made["e"][1]["g"] == 4
    assert list(made.unread()) == ["call.a.c", "call.e[0].f", "call.h"]
    assert made.whole("a") == {"b": 1, "c": {"d": 2}} and made.whole("h") == {"i": 5}
    assert list(made.unread()) == ["call.e[0].f"]


def test_unknown_values_are_refused_by_name():
    made = entries_of(optimizer="SGD", loss="none at all")
    assert made.one_of("amp", False) is False and made.match("clip", ".*") is None
    with pytest.raises(UserError, match="call.optimizer is 'SGD'; the target knows only 'Adam'"):
        made.one_of("optimizer", "Adam")
    with pytest.raises(UserError, match="call.loss is 'none at all'"):
        made.match("loss", r"[\d.]+")
    with pytest.raises(UserError, match="call.lr is missing"):
        made["lr"]


def changed(path, folder, *, without=(), **more):
    """A copy of a case with other entries in `args` and `call`."""
    case = cases.load(path)
    meta = json.loads(json.dumps(dict(case.meta)))
    for section, new in more.items():
        meta[section] |= new
    for section, name in without:
        del meta[section][name]
    out = folder / path.name
    with out.open("wb") as file:
        np.savez(file, **case.arrays, meta=json.dumps(meta))
    return out


QUICK = ("fslr/losses", "asl_hybrid/pre_len1", "asl_hybrid/tcn_k1")


@pytest.mark.parametrize("package", SIDES)
@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("section", ["args", "call"])
def test_a_made_up_entry_fails_by_name(tmp_path, name, section, package):
    path = changed(jobs.SHIPPED / f"{name}.npz", tmp_path, **{section: {"madeUp": 1}})
    found = jobs.check_case(path, package)
    assert (found.status, found.message) == ("failed", f"{section}.madeUp is not read")


@pytest.mark.parametrize("package", SIDES)
def test_a_made_up_entry_deep_inside_fails_by_name(tmp_path, package):
    losses = {"ce": ["CrossEntropyLoss", {"madeUp": 1}]}
    path = changed(jobs.SHIPPED / "fslr" / "losses.npz", tmp_path, call={"losses": losses})
    assert jobs.check_case(path, package).message == "call.losses.ce[1].madeUp is not read"


@pytest.mark.parametrize("package", SIDES)
def test_the_attention_loss_is_told_where_it_has_no_part(tmp_path, package):
    path = jobs.SHIPPED / "whispersign" / "loss_unit.npz"
    case = cases.load(changed(path, tmp_path, call={"cases": {"hybrid": {"alpha": 1.0}}}))
    found = targets.find(case.system, case.target, package)(case)
    for name in ("ctc", "attention"):
        wanted = case.expected[f"output/hybrid/{name}"]
        np.testing.assert_allclose(found[f"output/hybrid/{name}"], wanted, rtol=1e-4)
    np.testing.assert_allclose(found["output/hybrid/total"], found["output/hybrid/ctc"], rtol=1e-6)
    assert not found["output/input_grad/hybrid/att_logits"].any()


def test_rows_that_are_no_hypotheses():
    tokens, ctc = np.array([[[1, 2], [3, -1]]]), np.array([[-1.0, -np.inf]])
    rows, first, second = whispersign.first(4, tokens, ctc, np.zeros((1, 2)))
    assert rows.tolist() == [[[1, 2], [-2, -2], [-2, -2], [-2, -2]]]
    assert first.tolist() == [[-1, *[-np.inf] * 3]] and second.tolist() == [[0, *[-np.inf] * 3]]
    rows, first = whispersign.first(1, tokens, ctc)
    assert rows.tolist() == [[[1, 2]]] and first.tolist() == [[-1]]


def test_absent_entries_have_the_originals_defaults(tmp_path):
    path = jobs.SHIPPED / "fslr" / "train_run_warmupcosine.npz"
    gone = [("call", name) for name in ("warmup_epochs", "alpha", "beta", "betas", "csv_preamble")]
    made = fslr.run(cases.load(changed(path, tmp_path, without=gone)))
    assert made.warmup_epochs == 5 and made.alpha == made.beta == 0.5
    assert made.betas == (0.9, 0.999) and made.scheduler_patience == 5
    assert made.lr == 0.003 and made.accumulation == 2
    patient = changed(path, tmp_path, call={"scheduler_patience": 2})
    assert fslr.run(cases.load(patient)).scheduler_patience == 2
    assert asl_hybrid.sizes(entries.Entries({"dim": 16}, "args")) == {
        "num_classes": 25, "max_len": 384, "dim": 16,
    }  # fmt: skip
    assert whispersign.losses(entries_of(cases={"a": {}, "b": {"alpha": 1.0}})) == {
        "a": 0.3, "b": 1.0,
    }  # fmt: skip
    path = jobs.SHIPPED / "whispersign" / "train_trace.npz"
    config = {"stage2": {"freeze_decoder": True}}
    gone = [("call", "epochs")]
    made = changed(path, tmp_path, call={"train_config": config}, without=gone)
    first, second, third = whispersign_runs.stages(cases.load(made))
    assert first.frozen == whispersign_runs.STAGE1_FROZEN
    assert second.frozen == (whispersign_runs.DECODER,) and third.frozen == ()
    assert (first.epochs, second.lr, third.weight_decay) == (30, 5e-5, 1e-5)
    assert (first.warmup, third.warmup, second.grad_clip) == (500, 200, 1.0)
