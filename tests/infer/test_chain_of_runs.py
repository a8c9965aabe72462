"""One command trains on Action Genome's layout and then on EASG's, and goes on where it stopped."""

import json
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from jaxsign import cli
from jaxsign.train import weights
from tests.input.scenes import action_genome_folder as genome
from tests.input.scenes import easg_folder as easg
from tests.train import running

RUNS = ("1-genome", "2-easg")
NET = {
    "hidden_dim": 8, "word_dim": 4, "map_dim": 4, "classifier_dim": 8, "ff_dim": 16, "n_heads": 2,
    "temporal_layers": 1,
}  # fmt: skip


def two_sets(folder):
    """Four videos of persons and bags, and two clips of a cook."""
    entries = {
        f"{video}.mp4/{number:06}.png": [genome.an_object(), genome.an_object("chair")]
        for video in "ABCD"
        for number in (1, 5, 9)
    }
    genome.of_frames(folder / "genome", entries)
    shown = {moment: {"bread": easg.box()} for moment in (easg.PRE, easg.PNR, easg.POST)}
    clips = {
        name: {
            "split": split,
            "W": 64,
            "H": 48,
            "graphs": [easg.a_graph(f"G{name}", groundings=shown)],
        }
        for name, split in (("C1", "train"), ("C2", "train"), ("C3", "val"))
    }
    easg.write(folder / "easg", clips)
    return folder


def words(data, workdir, *more):
    net = [f"net.{key}={value}" for key, value in NET.items()]
    run = ("train.epochs=2", "train.eval_every=1", "deterministic=True", "log.tensorboard=False")
    steps = ("checkpoint.every_steps=1", "input.batch_size=2", "data.val_share=0.25")
    places = [f"link.{name}.data.train.path={data / name}" for name in ("genome", "easg")]
    keys = [*net, *run, *steps, *places, *more]
    base = ["train", "--config", "sttran:sets", "--workdir", str(workdir)]
    return [*base, *(f"--config.{key}" for key in keys)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return two_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "runs"
    assert cli.main(words(data, folder)) == 0
    return folder


def classes(run):
    return json.loads((run / "config.json").read_text())["task"]["objects"]


def test_the_second_run_has_classes_of_its_own_and_starts_from_the_first(whole):
    first, second = (whole / name for name in RUNS)
    assert "bag" in classes(first) and "bread" in classes(second)
    config = json.loads((second / "config.json").read_text())["train"]
    assert (config["init_from"], config["init_match"]) == (str(first), "matching")
    entries = json.loads((whole / "manifest.json").read_text())["chain"]
    assert [(one["run"], one["ended"]) for one in entries] == [(name, True) for name in RUNS]


def test_killed_between_and_within_the_runs_it_ends_the_same(data, whole, tmp_path, capsys):
    killed = tmp_path / "killed"
    for told in ("run 2 of 2", "epoch 1/2"):
        process = subprocess.Popen(
            [sys.executable, "-m", "jaxsign", *words(data, killed)],
            env=running.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith(told):
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, lines
    capsys.readouterr()
    assert cli.main(words(data, killed)) == 0
    printed = capsys.readouterr().out
    assert "run 1 of 2: genome has ended" in printed and "resumed  after epoch" in printed
    for name in RUNS:
        assert_same(whole / name, killed / name)


def assert_same(one, other):
    assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    for which in ("last", "best"):
        a, b = (weights.load_variables(run, which)[0] for run in (one, other))
        jax.tree.map(np.testing.assert_array_equal, a, b)


def test_what_has_ended_is_not_opened_and_cannot_change(whole, data, tmp_path, capsys):
    nowhere = words(tmp_path, whole, "log.every_steps=5")
    assert cli.main(nowhere) == 0  # its data may be gone
    assert "run 2 of 2: easg has ended" in capsys.readouterr().out
    before = (whole / "manifest.json").read_bytes()
    assert cli.main(words(data, whole, "train.epochs=3")) == 1
    told = capsys.readouterr().err
    assert "1-genome has ended" in told and "train.epochs: 2 there, 3 now" in told
    assert (whole / "manifest.json").read_bytes() == before


def test_verbs_name_the_runs_of_a_chain(whole, capsys):
    assert cli.main(["evaluate", "--workdir", str(whole)]) == 1
    told = capsys.readouterr().err
    assert (
        f"a chain of 2 runs, each from the one before. Give one of them; the last is {whole}/2-easg"
        in told
    )
    assert cli.main(["train", "--config", "sttran:synthetic", "--workdir", str(whole)]) == 1
    assert "holds a chain of runs (1-genome, 2-easg)" in capsys.readouterr().err


def test_a_mistake_in_a_run_to_come_is_told_before_the_first_begins(data, tmp_path, capsys):
    folder = tmp_path / "runs"
    broken = two_sets(tmp_path / "sets")
    (broken / "easg" / "EASG_unict_master_final.json").write_text('{"C1": {}}')
    assert cli.main(words(broken, folder)) == 1
    assert "easg/EASG_unict_master_final.json" in capsys.readouterr().err
    assert not (folder / RUNS[0]).exists()
