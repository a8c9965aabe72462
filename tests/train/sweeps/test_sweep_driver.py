"""The driver of a sweep, with trainings that take no time."""

import contextlib
import csv
import json
import os
import shutil
import signal

import pytest
from stubs import NUMBER, RECIPE, Launcher, space_of, sweep_of

from jaxsign import cli, locking
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import log
from jaxsign.train.sweeps import launching, pictures, reporting, tables, trials

LR = '"optim.lr" = { low = 1e-4, high = 1e-2, log = true }\n"net.n_layers" = [1, 2]\n'


def rate(flat):
    return 1 - abs(flat["optim.lr"] - 3e-3) - 0.01 * flat["net.n_layers"]


def test_every_trial_gets_a_folder_its_values_and_its_result(tmp_path):
    lines = []
    found, stopped = sweep_of(tmp_path / "s", LR, rate, say=lines.append).run()
    assert not stopped and [trial.number for trial in found] == list(range(1, 7))
    for trial in found:
        assert trial.state == trials.DONE and trial.epoch == 2
        assert trial.result == pytest.approx(rate(trial.values), abs=1e-6)
        made = configs.load(str(tmp_path / "s" / trial.name / "recipe.py"))
        asked = configs.merged(configs.load(RECIPE), trial.values)
        assert configs.flatten(made) == configs.flatten(asked)
    assert trials.read_all(tmp_path / "s") == found
    assert len(lines) == 6 and lines[0].startswith("[1/6] trial-001  validation gloss accuracy")


def test_a_trial_that_fails_does_not_end_the_sweep(tmp_path):
    def breaks(flat):
        if flat["net.n_layers"] == 2:
            raise ArithmeticError("the loss is not finite")
        return rate(flat)

    found, stopped = sweep_of(tmp_path / "s", LR, breaks, most=8).run()
    assert not stopped and {trial.state for trial in found} == {trials.DONE, trials.FAILED}
    for trial in found:
        assert (trial.state == trials.FAILED) == (trial.values["net.n_layers"] == 2)
        assert trial.reason in ("", "the loss is not finite and more")


def test_a_sweep_killed_anywhere_asks_for_the_same(tmp_path):
    whole, _ = sweep_of(tmp_path / "whole", LR, rate).run()
    for most in range(6):
        with pytest.raises(KeyboardInterrupt):
            sweep_of(tmp_path / "killed", LR, Launcher(rate, most=min(most, 1))).run()
    found, stopped = sweep_of(tmp_path / "killed", LR, rate).run()
    assert not stopped and [t.values for t in found] == [t.values for t in whole]
    assert [t.result for t in found] == [t.result for t in whole]


def test_more_trials_go_on_and_ended_ones_are_not_trained_again(tmp_path):
    sweep_of(tmp_path / "s", LR, rate, most=3).run()
    launch = Launcher(rate)
    found, _ = sweep_of(tmp_path / "s", LR, launch, most=5).run()
    assert [name for name, _ in launch.seen] == ["trial-004", "trial-005"] and len(found) == 5


def test_a_trial_whose_folder_was_removed_is_done_again_with_its_values(tmp_path):
    before, _ = sweep_of(tmp_path / "s", LR, rate).run()
    shutil.rmtree(tmp_path / "s" / "trial-003")
    launch = Launcher(rate)
    after, _ = sweep_of(tmp_path / "s", LR, launch).run()
    assert [name for name, _ in launch.seen] == ["trial-003"]
    assert [t.values for t in after] == [t.values for t in before]


def test_each_device_has_a_trial_of_its_own(tmp_path):
    launch = Launcher(rate)
    sweep_of(tmp_path / "s", LR, launch, most=4, devices=["0", "1"]).run()
    assert [device for _, device in launch.seen] == ["0", "1", "0", "1"]


def test_a_trial_behind_the_median_is_ended(tmp_path):
    def course(flat):  # runs to its end, or stands still after two epochs
        good = flat["net.n_layers"] == 1
        return [(1, 0.5), (2, 0.6), (3, 0.7)] if good else [(1, 0.2), (2, 0.3)]

    text = '"optim.lr" = { low = 1e-4, high = 1e-2 }\n"net.n_layers" = { low = 1, high = 2 }\n'

    class InOrder:
        def ask(self, number, history):
            return {"optim.lr": 1e-3, "net.n_layers": 2 if number > 4 else 1}

    found, _ = sweep_of(tmp_path / "s", text, course, after=2, search=InOrder(), most=5).run()
    assert [trial.state for trial in found] == [trials.DONE] * 4 + [trials.PRUNED]
    assert found[4].result == 0.3 and "the median of others is 0.6" in found[4].reason


def test_another_sweep_or_a_run_in_the_folder_is_refused(tmp_path):
    sweep_of(tmp_path / "s", LR, rate, most=1)
    for change in ({"text": LR.replace("1e-2", "2e-2")}, {"seed": 1}, {"how": "grid"}):
        words = {"text": LR, **change}
        with pytest.raises(UserError, match="holds another sweep; these differ"):
            sweep_of(tmp_path / "s", words.pop("text"), rate, **words)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run"):
        sweep_of(tmp_path / "run", LR, rate)


def test_two_at_once_in_a_folder_are_refused(tmp_path, capsys):
    path = space_of(tmp_path, LR)
    words = ["--workdir", str(tmp_path / "s"), "--space", str(path), "--trials", "2"]
    with locking.alone(tmp_path / "s", ".sweep.lock", "--workdir", "sweeps in this folder"):
        assert cli.main(["sweep", "--config", RECIPE, *words]) == 1
    assert "sweeps in this folder" in capsys.readouterr().err


def test_other_verbs_know_the_folder_of_a_sweep(tmp_path, capsys):
    sweep_of(tmp_path / "s", LR, rate, most=1)
    for words in (["train", "--config", RECIPE], ["evaluate"]):
        assert cli.main([*words, "--workdir", str(tmp_path / "s")]) == 1
        assert "holds a sweep" in capsys.readouterr().err


def test_mistakes_of_the_command_line(tmp_path, capsys):
    path = space_of(tmp_path, LR)
    words = ["sweep", "--config", RECIPE, "--workdir", str(tmp_path / "s"), "--space", str(path)]
    assert cli.main(words) == 1
    assert "--trials: how many?" in capsys.readouterr().err
    assert cli.main([*words, "--how", "grid"]) == 1
    assert "points = 4" in capsys.readouterr().err
    assert cli.main([*words, "--trials", "2", "--config.optim.lrr=3"]) == 1
    assert "Did you mean 'optim.lr'?" in capsys.readouterr().err
    path.write_text('"net.n_layers" = [0]\n')
    assert cli.main([*words, "--trials", "2"]) == 1
    assert "net.n_layers=0" in capsys.readouterr().err
    space_of(tmp_path, LR)
    late = [*words, "--trials", "2", "--config.schedule.name=warmup_cosine"]
    assert cli.main([*late, "--config.schedule.warmup=9", "--config.train.epochs=9"]) == 1
    assert "schedule.warmup=9 leaves no epoch of 9" in capsys.readouterr().err
    words[2] = "sttran:synthetic-sets"
    assert cli.main([*words, "--trials", "2"]) == 1
    assert "this recipe is several runs" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_damaged_trial_is_told_with_what_to_do(tmp_path):
    sweep_of(tmp_path / "s", LR, rate, most=1).run()
    path = tmp_path / "s" / "trial-001" / trials.FILE
    for text in ("{", "[]", '{"number": 1}', json.dumps({**json.loads(path.read_text()), "x": 1})):
        path.write_text(text)
        with pytest.raises(UserError, match="trial.json"):
            trials.read_all(tmp_path / "s")


def test_the_report_has_a_table_a_picture_and_the_best_recipe(tmp_path, capsys):
    def breaks(flat):
        if flat["optim.lr"] > 5e-3:
            raise ArithmeticError("=cmd()")
        return rate(flat)

    work = sweep_of(tmp_path / "s", LR, breaks, most=12)
    found, _ = work.run()
    display = log.TrainingDisplay(live=False)
    report = reporting.Report(work.folder, work.plan, NUMBER, display)
    report.update(found, last=True)
    assert report.tell(found) == 0
    best = trials.ranked(found, "max")[0]
    assert best.result == max(trial.result or 0 for trial in found)
    made = configs.load(str(work.folder / reporting.BEST))
    assert made.optim.lr == best.values["optim.lr"]
    with open(work.folder / tables.FILE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [trial.name for trial in found]
    assert {row["reason"] for row in rows} == {"", "'=cmd() and more"}
    assert (work.folder / pictures.FILE).stat().st_size > 10_000
    told = capsys.readouterr().out
    assert f"best     {best.name}" in told and "jaxsign evaluate --workdir" in told
    assert report.tell([t for t in found if t.state == trials.FAILED]) == 1


def test_ctrl_c_stops_the_trial_at_hand_which_goes_on_later(tmp_path):
    def still(flat):
        os.kill(os.getpid(), signal.SIGINT)
        return [(1, 0.5)]

    found, stopped = sweep_of(tmp_path / "s", LR, still).run()
    assert stopped and [(t.state, t.course) for t in found] == [("running", ((1, 0.5),))]
    lines = []
    again, stopped = sweep_of(tmp_path / "s", LR, rate, say=lines.append).run()
    assert not stopped and lines[0] == "trial-001 goes on"
    assert again[0].values == found[0].values and len(again) == 6


def test_a_trial_that_another_process_still_trains_is_waited_for(tmp_path):
    def stopped_first(flat):
        os.kill(os.getpid(), signal.SIGINT)
        return [(1, 0.5)]

    sweep_of(tmp_path / "s", LR, stopped_first).run()
    lines = []
    place = tmp_path / "s" / "trial-001"
    with contextlib.ExitStack() as held:
        held.enter_context(locking.alone(place, ".lock", "--workdir", "trains in this folder"))

        def told(line):
            lines.append(line)
            held.close()

        found, _ = sweep_of(tmp_path / "s", LR, rate, say=told, most=2).run()
    assert "still being trained by another process" in lines[0]
    assert lines[1] == "trial-001 goes on" and [t.state for t in found] == ["done"] * 2


def test_no_gpu_is_used_that_this_process_may_not(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert launching.devices() == [""]
    monkeypatch.delenv("JAX_PLATFORMS")
    for seen, expected in (("2,5", ["2", "5"]), ("", [""])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
        assert launching.devices() == expected


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (-9, "", "its process was killed (SIGKILL, as the system does when memory runs out)"),
        (1, "epoch 1\nerror: a\n  - b\n", "a - b"),
        (1, "Traceback\nValueError: x\n", "ValueError: x"),
        (2, "", "its process ended with status 2"),
    ],
)
def test_why_a_training_failed(tmp_path, status, text, told):
    (tmp_path / launching.CONSOLE).write_text(text)
    assert launching.last_words(tmp_path, status) == told
