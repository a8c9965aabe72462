"""Learning rates over the epochs."""

import json
import math

import helpers
import pytest
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import records, schedule


def options(**changes):
    base = configs.base().schedule
    base.update(changes)
    return base


def rates(name, lr, epochs, **changes):
    built = schedule.build(options(name=name, **changes), lr, epochs)
    return [built.rate(epoch) for epoch in range(epochs)]


def test_constant():
    assert rates("constant", 0.1, 3) == [0.1, 0.1, 0.1]


def test_cosine_ends_at_its_final_factor():
    built = schedule.build(options(name="cosine", final_factor=0.1), 1.0, 10)
    assert built.rate(0) == 1.0
    assert built.rate(5) == pytest.approx(0.55)
    assert built.rate(10) == pytest.approx(0.1)


def test_waves_fall_and_rise_again():
    found = rates("waves", 1.0, 9, cycle=4, final_factor=0.2)
    wanted = [0.2 + 0.8 * (1 + math.cos(math.pi * n / 4)) / 2 for n in range(9)]
    assert found == pytest.approx(wanted)
    assert found[4] == pytest.approx(0.2) and found[8] == pytest.approx(1.0)


def test_warmup_cosine_rises_to_lr_then_falls():
    values = rates("warmup_cosine", 1.0, 12, warmup=4, final_factor=0.0)
    assert values[0] == pytest.approx(0.1)
    assert values[4] == pytest.approx(1.0)
    assert values[:5] == sorted(values[:5])
    assert values[4:] == sorted(values[4:], reverse=True)


def test_no_warmup_starts_at_lr_unless_the_original_is_asked_for():
    assert rates("warmup_cosine", 1.0, 6, warmup=0)[0] == 1.0
    assert rates("warmup_cosine", 1.0, 6, warmup=0, legacy_start=True)[0] == pytest.approx(0.1)


def test_restarts_equal_torchs_warm_restarts():
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.5)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=3, T_mult=2, eta_min=0.05
    )
    expected = []
    for _ in range(25):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step()
    values = rates("restarts", 0.5, 25, warmup=0, cycle=3, cycle_factor=2, final_factor=0.1)
    assert values == pytest.approx(expected)


def test_steps():
    assert rates("step", 1.0, 5, step_size=2, factor=0.1) == pytest.approx([1, 1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize(("epochs", "changes"), [(10, (3, 6, 9)), (5, (2, 4)), (1, ())])
def test_a_step_may_be_a_share_of_the_epochs(epochs, changes):
    found = rates("step", 1.0, epochs, step_size=0.3, factor=0.1)
    steps = [epoch for epoch in range(1, epochs) if found[epoch] < found[epoch - 1]]
    assert tuple(steps) == changes and found[-1] == pytest.approx(0.1 ** len(changes))


def test_the_rate_ends_at_min_lr_or_stays_above_it():
    for name in ("cosine", "warmup_cosine", "restarts"):
        changes = {"name": name, "warmup": 0, "cycle": 10, "min_lr": 0.2}
        built = schedule.build(options(**changes), 1.0, 10)
        assert built.rate(5) == pytest.approx(0.6)
        assert built.rate(10 - 1e-9) == pytest.approx(0.2)
    assert rates("step", 1.0, 4, step_size=1, factor=0.1, min_lr=0.05)[2:] == [0.05, 0.05]
    assert rates("multi_step", 1.0, 3, milestones=(1, 1), factor=0.1, min_lr=0.05)[2] == 0.05


def test_a_plateau_of_absolute_threshold_and_least_rate_is_torchs():
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-5)
    sttran = dict(patience=1, factor=0.5, threshold=1e-4, min_lr=1e-7)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max", threshold_mode="abs", **sttran
    )
    built = schedule.build(options(name="plateau", threshold_mode="absolute", **sttran), 1e-5, 40)
    # The third is better by more than 1e-4 of the first, but by less than 1e-4.
    recalls = [0.3, 0.30005, 0.30009, 0.3002, 0.3001, *[0.2] * 20]
    for recall in recalls:
        reference.step(recall)
        built.observe(recall)
        assert built.rate(0) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
    assert built.rate(0) == 1e-7


def test_a_warm_up_of_updates_comes_before_any_schedule():
    warm = dict(warmup_updates_before=5, start_factor=0.0)
    assert schedule.goes_by_step(options(**warm)) and not schedule.goes_by_step(options())
    for name, changes, after in (
        ("constant", {}, [1.0] * 15),
        ("step", {"step_size": 0.5, "factor": 0.1}, [1.0] * 5 + [0.1] * 10),
        ("multi_step", {"milestones": (1,), "factor": 0.1}, [1.0] * 5 + [0.1] * 10),
        # Over the 15 updates that are left.
        ("cosine", {}, [(1 + math.cos(math.pi * n / 15)) / 2 for n in range(15)]),
    ):
        built = schedule.build(options(name=name, **warm, **changes), 1.0, 2, 10)
        found = [built.rate(n / 10) for n in range(20)]
        assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert found[5:] == pytest.approx(after)


def test_a_plateau_goes_on_behind_a_warm_up_of_updates():
    chosen = options(name="plateau", patience=0, warmup_updates_before=5, unit="step")
    built = schedule.build(chosen, 1.0, 4, 10)
    for metric in (0.5, 0.5):
        built.observe(metric)
    again = schedule.build(chosen, 1.0, 4, 10)
    again.restore(built.state())
    assert [built.rate(1), again.rate(1)] == [0.5, 0.5]


def test_plateau_resumes_where_it_was():
    metrics = [0.1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.29, 0.3]

    def run(restart_at=None):
        built, seen = schedule.build(options(name="plateau", patience=2), 1.0, 9), []
        for i, metric in enumerate(metrics):
            if i == restart_at:
                state = built.state()
                built = schedule.build(options(name="plateau", patience=2), 1.0, 9)
                built.restore(state)
            seen.append(built.rate(i))
            built.observe(metric)
        return seen

    assert run() == [1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]
    assert all(run(restart_at=i) == run() for i in range(len(metrics)))


def test_a_warm_up_comes_before_any_schedule():
    warm = dict(warmup_before=2, start_factor=0.5)
    assert rates("constant", 1.0, 4, **warm) == [0.5, 0.75, 1.0, 1.0]
    assert rates("step", 1.0, 5, **warm, step_size=2, factor=0.1)[2:] == pytest.approx([1, 1, 0.1])
    assert rates("cosine", 1.0, 6, **warm)[2:] == rates("cosine", 1.0, 4)
    built = schedule.build(options(name="plateau", patience=0, **warm), 1.0, 6)
    for metric in (0.5, 0.5):
        built.observe(metric)
    again = schedule.build(options(name="plateau", patience=0, **warm), 1.0, 6)
    again.restore(built.state())
    assert [again.rate(n) for n in (0, 2)] == [0.5, 0.5]


def test_plateau_of_a_loss_needs_a_relative_improvement_too():
    built, seen = schedule.build(options(name="plateau", patience=0), 1.0, 9), []
    for loss in (1.0, 0.99995, 0.9):  # as torch's ReduceLROnPlateau of mode min
        built.observe(-loss)
        seen.append(built.rate(0))
    assert seen == [1.0, 0.5, 0.5]


def test_multi_step_counts_a_repeated_milestone_twice():
    built = schedule.build(options(name="multi_step", milestones=(2, 2, 5), factor=0.1), 1.0, 6)
    found = [built.rate(at) for at in (0, 1.99, 2, 4, 5)]
    assert found == pytest.approx([1, 1, 0.01, 0.01, 0.001], rel=1e-12)


def test_plateau_takes_nan_for_no_improvement():
    built = schedule.build(options(name="plateau", patience=1), 1.0, 9)
    for metric in (math.nan, 0.5, 0.6, math.nan, math.nan):
        built.observe(metric)
    assert (built.state()["best"], built.rate(0)) == (0.6, 0.5)


def test_a_plateau_goes_on_in_the_next_stage_from_its_rate_or_a_given_one():
    before = schedule.build(options(name="plateau", patience=1, factor=0.1), 1.0, 9)
    for metric in (0.5, 0.5, 0.5, 0.5):
        before.observe(metric)
    assert before.state() == {"current": 0.1, "best": 0.5, "bad": 1}
    for own_rate, rate in ((False, 0.1), (True, 0.3)):
        after = schedule.build(options(name="plateau", patience=1, factor=0.1), 0.3, 9)
        after.follow(before, own_rate=own_rate)
        assert after.rate(0) == rate
        after.observe(0.5)
        assert after.rate(0) == pytest.approx(rate * 0.1)


@pytest.mark.shared
def test_rates_and_ends_are_the_recorded_ones():
    cases = json.loads((helpers.SHARED / "golden/signon/schedules.json").read_text())
    for case in cases["plateau"]:
        built = schedule.build(options(name="plateau", patience=5, factor=0.1), case["lr0"], 30)
        found = []
        for accuracy in case["val_accuracy"]:
            built.observe(accuracy)
            found.append(built.rate(0))
        assert found == pytest.approx(case["lr_after_epoch"], rel=1e-12)
    for case in cases["multistep"]:
        steps = options(name="multi_step", milestones=tuple(case["lr_steps"]), factor=0.1)
        built, wanted = schedule.build(steps, case["lr0"], 30), case["lr_after_epoch"]
        found = [built.rate(done) for done in range(1, len(wanted) + 1)]
        assert found == pytest.approx(wanted, rel=1e-12)
    for case in cases["early_stopping"]:
        at, counts = records.Records(), []
        for loss in case["val_loss"]:
            at.observe_stopping(-float("nan" if loss is None else loss), 0.0, at_once=20)
            counts.append(at.since_best)
        stops = [index for index, count in enumerate(counts) if count >= 20]
        assert stops[:1] == ([] if case["stop_at_index"] is None else [case["stop_at_index"]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "restarts", "cycle": 0}, "cycle must be positive"),
        ({"name": "multi_step"}, "needs schedule.milestones"),
        ({"name": "warmup_cosine", "warmup": 10}, "leaves no epoch"),
        ({"name": "step", "warmup_before": 10}, "leaves no epoch of"),
        ({"name": "restarts", "warmup_before": 1}, "restarts has a warm-up of its own"),
        ({"name": "warmup_cosine_updates"}, "schedule.unit='step'"),
        (
            {"name": "step", "warmup_before": 1, "warmup_updates_before": 9},
            "a warm-up is one of them",
        ),
        ({"name": "cosine", "min_lr": 2.0}, "min_lr=2 is above optim.lr=1"),
        (
            {"name": "warmup_cosine_updates", "unit": "step", "min_lr": 2.0},
            "min_lr=2 is above optim.lr=1",
        ),
    ],
)
def test_settings_that_make_no_schedule_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        schedule.build(options(**changes), 1.0, 10)


def test_updates_rise_for_as_many_steps_as_are_given_then_fall_to_the_floor():
    chosen = options(name="warmup_cosine_updates", unit="step", warmup_updates=10, min_lr=1e-4)
    built = schedule.build(chosen, 1.0, 4, 25)
    values = [built.rate(n / 25) for n in range(130)]
    assert values[0] == pytest.approx(0.1) and values[9] == 1.0
    assert values[9:] == sorted(values[9:], reverse=True)
    assert values[49] == pytest.approx(0.5 * (1 + math.cos(math.pi * 40 / 90)))
    assert set(values[99:]) == {1e-4}  # the original's would rise again


def test_a_stage_shorter_than_its_warm_up_is_told(caplog):
    chosen = options(name="warmup_cosine_updates", unit="step", warmup_updates=500)
    schedule.build(chosen, 1.0, 30, 16)
    schedule.build(chosen, 1.0, 30, 16)
    assert (
        len(caplog.records) == 1
        and "never leaves the warm-up" in caplog.text
        and "warmup_updates=48" in caplog.text
    )
    chosen = options(name="cosine", unit="step", warmup_updates_before=1000)
    built = schedule.build(chosen, 1.0, 1, 20)
    assert "warmup_updates_before=1000" in caplog.text and "warmup_updates_before=2" in caplog.text
    assert built.rate(19 / 20) == pytest.approx(0.1 + 0.9 * 20 / 1000)


def test_every_schedule_stays_within_its_bounds():
    for name in schedule.SCHEDULES:
        built = schedule.build(
            options(name=name, warmup=2, unit="step", milestones=(9,)), 1.0, 30, 40
        )
        assert all(
            0 <= built.rate(e / 4) <= 1.0 and math.isfinite(built.rate(e / 4)) for e in range(120)
        )


def test_options_are_a_config_section():
    assert isinstance(options(), ConfigDict)
