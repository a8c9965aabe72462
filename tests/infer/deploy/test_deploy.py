"""A run as files that run without jaxsign, and how they are checked."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import run_helpers

from jaxsign import cli, nets, tasks
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer.deploy import formats
from jaxsign.infer.deploy.commands import FORMATS
from jaxsign.tasks import answering

pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("litert_converter")
# Runs a script in which jaxsign cannot be imported.
WITHOUT = (
    "import runpy, sys; sys.modules['jaxsign'] = None; del sys.argv[0]; runpy.run_path(*sys.argv)"
)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Three labelled clips."""
    place = tmp_path_factory.mktemp("clips")
    for i, length in enumerate((3, 8, 6)):
        run_helpers.save_clip(place / f"{i}.npz", length, seed=i)
    rows = [f"{i}.npz,{i},{i}" for i in range(3)]
    (place / "labels.csv").write_text("\n".join(["file,gloss,cat", *rows]) + "\n")
    return place


def deploy(run, out, *words):
    return cli.main(["deploy", "--workdir", str(run), "--out", str(out), *words])


def test_the_verb_names_all_formats():
    assert list(FORMATS) == formats.names()


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_answers_as_the_run_without_jaxsign(run_folder, tmp_path, name):
    out = tmp_path / "out"
    assert deploy(run_folder, out, "--format", name, "--lengths", "8") == 0
    command = [sys.executable, "-c", WITHOUT, "example.py"]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    about = json.loads((out / "deploy.json").read_text())
    sample = np.load(out / "sample.npz")
    first = done.stdout.splitlines()
    assert len(first) == 6  # three of each head
    for place, head in enumerate(("gloss", "cat")):
        logits = sample[f"said_{head}"][0].astype(float)
        odds = np.exp(logits) / np.exp(logits).sum()
        label = about["labels"][head][odds.argmax()]
        assert first[3 * place].startswith(f"{head}: {label} ")
        assert float(first[3 * place].split()[-1]) == pytest.approx(odds.max(), abs=2e-3)


def test_files_of_several_lengths_say_what_the_run_says(run_folder, clips, tmp_path, capsys):
    out = tmp_path / "out"
    words = ("--format", "onnx", "--lengths", "8", "4")
    assert deploy(run_folder, out, *words, "--check", "--data", str(clips)) == 0
    told = capsys.readouterr().out
    assert "same answer  3 of 3 clips" in told and "in jaxsign" in told
    about = json.loads((out / "deploy.json").read_text())
    assert [one["frames"] for one in about["files"]] == [4, 8]
    assert about["files"][0]["inputs"]["x"] == {"shape": [1, 4, 156], "dtype": "float32"}
    assert about["files"][0]["outputs"]["cat"] == {"shape": [1, 3], "dtype": "float32"}
    assert not about["view"]["inside"] and "25 pose points" in about["view"]["description"]


def test_fewer_bits_are_measured_not_refused(clips, tmp_path, capsys):
    run, sizes = run_helpers.save_run(tmp_path / "wide", ff_dim=512), {}
    for kind in ("float32", "float16", "int8"):
        out = tmp_path / kind
        words = ("--format", "stablehlo", "--lengths", "8", "--weights", kind)
        assert deploy(run, out, *words, "--check", "--data", str(clips)) == 0
        assert f"stablehlo, {kind}" in (told := capsys.readouterr().out)
        assert "points)" in told
        sizes[kind] = (out / "8.stablehlo").stat().st_size
    assert sizes["int8"] < sizes["float16"] < sizes["float32"]


def test_what_cannot_be_checked_is_told(run_folder, clips, tmp_path, capsys):
    out = tmp_path / "out"
    check = ("--check", "--data", str(clips))

    def fails(*words, run=run_folder):
        assert deploy(run, out, *words) == 1
        return capsys.readouterr().err

    assert "--format" in fails()
    assert "holds no deploy.json" in fails(*check)
    assert deploy(run_folder, out, "--format", "onnx", "--lengths", "8") == 0
    assert "knows no val data" in fails("--check")
    assert "holds 8.onnx, deploy.json" in fails("--format", "onnx")
    other = run_helpers.save_run(tmp_path / "other", seed=1)
    assert "made of other weights" in fails(*check, run=other)
    (out / "8.onnx").write_bytes((out / "8.onnx").read_bytes()[:-1])
    assert "8.onnx: damaged" in fails(*check)
    (out / "deploy.json").write_text("{")
    assert "deploy.json: not readable" in fails(*check)


def test_settings_that_a_format_or_a_run_does_not_have_are_refused(run_folder, tmp_path, capsys):
    for words, told in (
        (("--format", "tflite", "--weights", "int8"), "hold float32 here"),
        (("--format", "onnx", "--lengths", "33"), "looks at 32 frames at most"),
        (("--format", "onnx", "--input", "landmarks"), "the view fslr156 is not a function of"),
    ):
        assert deploy(run_folder, tmp_path / "out", *words) == 1
        assert told in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_command():
    class Absent(formats.FileFormat):
        name, suffix, runs_with, asks = "absent", ".absent", "", ""
        needs = (formats.Need("no_such_package"),)

        def content(self, program):
            return b""

        def opened(self, path):
            return lambda inputs: {}

    with pytest.raises(UserError, match=r"needs no_such_package.*\.\[deploy\]"):
        Absent().check()


@pytest.mark.parametrize("name", ["sttran", "tempura", "stket", "scene_llm", "easg", "faster_rcnn"])
def test_nets_that_look_at_boxes_are_refused_with_the_reason(name):
    config = configs.load(name)
    for section, values in tasks.kind(config).assumed(config).items():
        config[section].update(values)
    net = nets.build(**config.net.to_dict())
    run = answering.Trained(pathlib.Path("runs/x"), "best", config, {}, net, {}, {})
    with pytest.raises(UserError, match=f"^net {name} of runs/x cannot be deployed, in any format"):
        tasks.build(config, net).standalone(run)


def test_landmarks_go_in_where_the_view_is_a_function_of_them(asl_run, tmp_path, capsys):
    out = tmp_path / "out"
    words = ("--format", "onnx", "--lengths", "16", "--check", "--most", "3")
    assert deploy(asl_run, out, *words) == 0
    assert "same answer  3 of 3 clips" in capsys.readouterr().out
    about = json.loads((out / "deploy.json").read_text())
    assert about["view"]["inside"] and about["input"] == "landmarks"
    assert about["files"][0]["inputs"]["landmarks"]["shape"] == [1, 16, 543, 3]
