"""A run as files that run without jaxsign, and how they are checked."""

import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest
import run_helpers

from jaxsign import cli, nets, tasks
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer.deploy import checking, formats, weights
from jaxsign.infer.deploy.commands import FORMATS
from jaxsign.tasks import answering
from jaxsign.tasks.classes import nothing
from jaxsign.tasks.sequences import task as sequences
from jaxsign.tasks.sequences.decoding import greedy

pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("litert_converter")
# Runs a script in which jaxsign cannot be imported.
WITHOUT = (
    "import runpy, sys; sys.modules['jaxsign'] = None; del sys.argv[0]; runpy.run_path(sys.argv[0])"
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


def example(out, *words):
    """What example.py says of a clip, without jaxsign."""
    command = [sys.executable, "-c", WITHOUT, "example.py", *words]
    return subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def onnx_files(run_folder, clips, tmp_path_factory):
    """The run as ONNX for 4 and 8 frames, and what checking them told."""
    out, told = tmp_path_factory.mktemp("onnx") / "out", io.StringIO()
    words = ("--format", "onnx", "--lengths", "8", "4", "--check", "--data", str(clips))
    with contextlib.redirect_stdout(told):
        assert deploy(run_folder, out, *words) == 0
    return out, told.getvalue()


def test_the_verb_names_all_formats():
    assert list(FORMATS) == formats.names()


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_answers_as_the_run_without_jaxsign(run_folder, onnx_files, tmp_path, name):
    out = onnx_files[0] if name == "onnx" else tmp_path / "out"
    if name != "onnx":
        assert deploy(run_folder, out, "--format", name, "--lengths", "8") == 0
    done = example(out)
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


def test_files_of_several_lengths_say_what_the_run_says(onnx_files):
    out, told = onnx_files
    assert "same answer  3 of 3 clips\n" in told and "in jaxsign" in told
    assert "They take what the view fslr156 makes of a clip, not its landmarks" in told
    about = json.loads((out / "deploy.json").read_text())
    assert [one["frames"] for one in about["files"]] == [4, 8]
    assert about["files"][0]["inputs"]["x"] == {"shape": [1, 4, 156], "dtype": "float32"}
    assert about["files"][0]["outputs"]["cat"] == {"shape": [1, 3], "dtype": "float32"}
    assert not about["view"]["inside"] and "25 pose points" in about["view"]["description"]


def test_the_example_says_what_it_takes_of_a_file(onnx_files, tmp_path):
    np.savez(tmp_path / "clip.npz", landmarks=np.zeros((4, 543, 3), np.float32))
    done = example(onnx_files[0], str(tmp_path / "clip.npz"))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "holds landmarks, not x float32 [frames, 156]: what the view makes" in done.stderr


def test_fewer_bits_are_measured_not_refused(clips, tmp_path, capsys):
    run, sizes = run_helpers.save_run(tmp_path / "wide", ff_dim=512), {}
    for kind in ("float32", "float16", "int8"):
        out = tmp_path / kind
        words = ["--format", "onnx", "--lengths", "8", "--weights", kind]
        words += ["--check", "--data", str(clips)] if kind == "int8" else []
        assert deploy(run, out, *words) == 0
        sizes[kind] = (out / "8.onnx").stat().st_size
    assert "onnx, int8" in (told := capsys.readouterr().out) and "points)" in told
    assert sizes["int8"] < sizes["float16"] < sizes["float32"]


def test_what_cannot_be_checked_is_told(run_folder, onnx_files, clips, tmp_path, capsys):
    out = tmp_path / "out"
    check = ("--check", "--data", str(clips))

    def fails(*words, run=run_folder):
        assert deploy(run, out, *words) == 1
        return capsys.readouterr().err

    assert "--format" in fails()
    assert "holds no deploy.json" in fails(*check)
    shutil.copytree(onnx_files[0], out)
    assert "knows no val data" in fails("--check")
    assert "holds 4.onnx, 8.onnx, deploy.json" in fails("--format", "onnx")
    other = run_helpers.save_run(tmp_path / "other", seed=1)
    assert "made of other weights" in fails(*check, run=other)
    (out / "8.onnx").write_bytes((out / "8.onnx").read_bytes()[:-1])
    assert "8.onnx: damaged" in fails(*check)
    whole = (out / "deploy.json").read_text()
    for damaged in ("{", "{}", whole.replace('"onnx"', '"_format"'), whole.replace("sha256", "x")):
        (out / "deploy.json").write_text(damaged)
        assert "deploy.json: not readable" in fails(*check)


def test_nothing_is_written_where_there_are_no_clips_to_check(run_folder, tmp_path, capsys):
    assert deploy(run_folder, tmp_path / "out", "--format", "onnx", "--check") == 1
    assert "knows no val data" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_none_of_the_signs_and_clips_that_the_files_cut_are_told(clips, tmp_path, capsys):
    run = run_helpers.save_run(tmp_path / "run")
    nothing.Nothing("gloss", 0.999, "b", 1).write(run)
    out = tmp_path / "out"
    words = ("--format", "onnx", "--lengths", "4", "--check", "--data", str(clips))
    assert deploy(run, out, *words) == 0
    assert "3 of 3 clips, 2 longer than 4 frames: only their first ones" in capsys.readouterr().out
    about = json.loads((out / "deploy.json").read_text())
    assert about["none"]["threshold"] == 0.999 and about["made_with"]["jax"] == jax.__version__
    np.savez(out / "long.npz", x=np.zeros((9, 156)))  # float64, which the file does not take
    done = example(out, "long.npz")
    assert done.returncode == 0, done.stderr
    assert "of 9 frames only the first 4 are asked about" in done.stderr
    told = done.stdout.splitlines()
    assert told[0] == "gloss: none of these" and len(told) == 7


def test_a_number_that_is_none_on_one_side_is_a_difference():
    numbers = np.array([1, np.nan, -np.inf], np.float32)
    assert checking._apart(numbers, numbers) == 0
    assert checking._apart(numbers, np.array([1.5, np.nan, -np.inf])) == 0.5
    for other in ([1, 2, -np.inf], [np.nan, np.nan, -np.inf], [1, np.nan, 0]):
        assert checking._apart(np.array(other, np.float32), numbers) == np.inf


def test_the_language_of_the_sample_is_that_of_the_example(tmp_path):
    run = run_helpers.save_points_run(tmp_path / "run", languages=2)
    out = tmp_path / "out"
    assert deploy(run, out, "--format", "onnx", "--lengths", "4", "--language", "1") == 0
    assert 'inputs["language"] = np.array([1]' in (out / "example.py").read_text()
    sample, ask = np.load(out / "sample.npz"), formats.get("onnx").opened(out / "4.onnx")
    x = np.zeros((1, 4, *sample["x"].shape[1:]), np.float32)
    x[0, : len(sample["x"])] = sample["x"]
    given = {"x": x, "valid": np.arange(4)[None] < len(sample["x"])}
    one, other = (ask({**given, "language": np.array([i], np.int32)})["gloss"] for i in (1, 0))
    np.testing.assert_allclose(one, sample["said_gloss"], atol=1e-5)
    assert np.abs(one - other).max() > 1e-4


def test_weights_beyond_float16_are_refused():
    with pytest.raises(UserError, match="float16 ends at 65504"):
        weights.packed({"params": {"w": np.array([7e4], np.float32)}}, "float16")


def test_lines_about_a_sentence_tell_what_greedy_tells(capsys):
    rng = np.random.default_rng(0)
    said = {
        "log_probs": rng.random((1, 30, 3)),
        "output_valid": np.arange(30)[None] < 25,
    }
    exec(sequences._TELLS, {"np": np, "said": said, "labels": {"gloss": ["A", "B"]}})
    ids = greedy.greedy(said["log_probs"].argmax(-1), said["output_valid"])[0]
    assert len(ids) > 5
    assert capsys.readouterr().out.split() == ["AB"[i - 1] for i in ids]


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
