"""`jaxsign stream`: recordings and pipes in, signs as they come out."""

import csv
import io
import json
import re
import sys

import numpy as np
import pytest
import stream_runs

from jaxsign import cli
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import hand_joints


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return stream_runs.save_run(tmp_path_factory.mktemp("stream") / "run")


def recording(frames=90):
    rng = np.random.default_rng(1)
    x = (0.5 + rng.normal(0, 0.02, (frames, 543, 3)).cumsum(0)).astype(np.float32)
    x[20:25, clips.LEFT_HAND] = np.nan
    x[:, clips.FACE] = np.nan
    return clips.Clip(x, np.arange(frames) / 30, fps=30.0)


def told(run_folder, tmp_path, *words):
    out = tmp_path / "told.json"
    args = ["stream", "--workdir", str(run_folder), "--json", str(out), *map(str, words)]
    assert cli.main(args) == 0
    return json.loads(out.read_text())["streams"]


def signs(stream):
    kept = ("gloss", "class", "start", "end", "confidence", "emitted")
    return [[sign[name] for name in kept] for sign in stream["glosses"]]


def test_the_true_rate_takes_the_place_of_one_that_nobody_records_at(run_folder, tmp_path, caplog):
    true = recording()
    fast = clips.Clip(true.landmarks, np.arange(90) / 1000, fps=1000.0)
    paths = true.save(tmp_path / "a.clip.npz"), fast.save(tmp_path / "b.clip.npz")
    wanted, found = told(run_folder, tmp_path, *paths, "--window", 1, "--source-fps", 30)
    assert signs(found) == signs(wanted) and signs(wanted)
    assert "impossible" not in caplog.text
    told(run_folder, tmp_path, paths[1], "--window", 1)
    assert "impossible frame rate (1000 a second" in caplog.text


def test_a_recording_is_told_sign_by_sign(run_folder, tmp_path, capsys):
    path = recording().save(tmp_path / "a.clip.npz")
    table = tmp_path / "told.csv"
    (stream,) = told(run_folder, tmp_path, path, "--window", 1, "--csv", table)
    found = signs(stream)
    assert len(found) > 2 and stream["summary"]["glosses"] == len(found)
    assert stream["summary"]["hops"] == 5 and stream["summary"]["stream_seconds"] == 2.967
    assert [row[2] for row in found] == sorted(row[2] for row in found)
    printed = capsys.readouterr().out
    assert "windows of 60 frames every 30, 60 frames/s" in printed
    assert " ".join(row[0] for row in found) in printed
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [[row["input"], row["gloss"], float(row["end"])] for row in rows] == [
        [str(path), row[0], row[3]] for row in found
    ]


def test_chunks_and_pipes_give_the_same_signs(run_folder, tmp_path, monkeypatch):
    clip = recording()
    path = clip.save(tmp_path / "a.clip.npz")
    (whole,) = told(run_folder, tmp_path, path, "--window", 1, "--chunk", 1000)
    (cut,) = told(run_folder, tmp_path, path, "--window", 1, "--chunk", 1)
    assert signs(cut) == signs(whole) != []
    lines = []
    for frame, time in zip(clip.landmarks, clip.timestamps, strict=True):
        parts = {name: frame[rows] for name, rows in clips.PARTS.items() if "hand" in name}
        shown = {name: None if np.isnan(x).any() else x.tolist() for name, x in parts.items()}
        lines.append(json.dumps({"time": time, **shown}))
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    (piped,) = told(run_folder, tmp_path, "-", "--window", 1)
    assert piped["input"] == "standard input" and signs(piped) == signs(whole)


def test_stored_features_stream_too(run_folder, tmp_path):
    stored = hand_joints.joints(recording())
    np.save(tmp_path / "a.npy", stored)
    np.savez(tmp_path / "b.npz", X=stored)
    one, two = told(
        run_folder, tmp_path, tmp_path / "a.npy", tmp_path / "b.npz", "--window", 1, "--chunk", 7
    )
    assert signs(one) == signs(two) != []
    assert one["summary"]["stream_seconds"] == pytest.approx(len(stored) / 60, abs=0.02)


def test_a_window_over_a_whole_recording_reads_it_as_predict_does(tmp_path):
    folder = stream_runs.save_run(tmp_path / "points", "whisper_sign:boston104")
    run = runs.load_run(folder)
    points = np.random.default_rng(0).normal(100, 30, (75, 3, 2)).cumsum(0).astype(np.float32)
    np.save(tmp_path / "a.npy", points)
    x = run.features(points)
    (expected,) = asking.Asker(run).answers(
        [runs.NetInput(x, np.ones(len(x), bool))],
        1,
        answerer=run.task.answerer(run, {"mode": "greedy"}),
    )
    (stream,) = told(folder, tmp_path, tmp_path / "a.npy", "--window", 60, "--fps", 30)
    assert [sign["gloss"] for sign in stream["glosses"]] == list(expected.names)
    assert len(expected.names) > 2 and stream["summary"]["hops"] == 1
    assert stream["summary"]["stream_seconds"] == 2.5


def test_streams_without_hands_are_told_in_one_warning(run_folder, tmp_path, caplog):
    clip = recording(30)
    bare = clip.landmarks.copy()
    bare[3:, clips.LEFT_HAND] = bare[3:, clips.RIGHT_HAND] = np.nan
    paths = [clip.save(tmp_path / "a.clip.npz")]
    paths += [
        clips.Clip(bare, clip.timestamps).save(tmp_path / f"{name}.clip.npz") for name in "bc"
    ]
    told(run_folder, tmp_path, *paths, "--window", 1)
    (message,) = caplog.messages
    assert "2 of 3 looked at: few frames show a hand" in message
    assert "b.clip.npz: 10.0% of the frames" in message


def test_ctrl_c_ends_a_pipe_with_all_that_was_seen(run_folder, tmp_path, monkeypatch, capsys):
    def lines():
        for i, frame in enumerate(hand_joints.joints(recording())[:100]):
            yield json.dumps({"time": i / 60, "features": frame.tolist()})
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", lines())
    out = tmp_path / "told.json"
    words = ["stream", "--workdir", str(run_folder), "-", "--window", "1", "--json", str(out)]
    assert cli.main(words) == 130
    (stream,) = json.loads(out.read_text())["streams"]
    assert stream["summary"]["stream_seconds"] == 1.65
    assert stream["glosses"][-1]["end"] > 1.5
    assert "real time" in capsys.readouterr().out


def test_the_originals_way_of_putting_windows_together(run_folder, tmp_path, capsys):
    path = recording().save(tmp_path / "a.clip.npz")
    (stream,) = told(run_folder, tmp_path, path, "--window", 1, "--merge", "upstream")
    assert stream["summary"]["hops"] == 6  # to the very end
    assert "merge upstream" in capsys.readouterr().out
    names = [row[0] for row in signs(stream)]
    assert all(a != b for a, b in zip(names, names[1:], strict=False))


def test_a_run_of_single_signs_streams_too(tmp_path, capsys):
    from run_helpers import save_run

    folder = save_run(tmp_path / "single")
    path = recording().save(tmp_path / "a.clip.npz")
    (stream,) = told(folder, tmp_path, path, "--threshold", 0.0)
    assert stream["glosses"] and stream["summary"]["hops"] > 5
    assert "single signs: windows of 30 frames every 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words, reason",
    [
        (["none.npy"], "none.npy: no such file or folder"),
        (["film.mp4"], "film.mp4 is a film.*--model"),
        (["wrong.npy"], "frames of .5, 3. numbers.*takes landmarks .543, 3. or.*42, 7"),
        (["good.npy", "--overlap", "0.99"], "would lie 1 apart"),
        (["good.npy", "--overlap", "1"], "--overlap 1.0: expected 0 to below 1"),
        (["good.npy", "--vote", "3"], "--vote only for runs of single signs"),
        (["broken.npy"], "broken.npy: not a readable .npy file"),
    ],
)
def test_what_cannot_be_streamed_is_explained(run_folder, tmp_path, capsys, words, reason):
    (tmp_path / "film.mp4").write_bytes(b"x")
    (tmp_path / "broken.npy").write_bytes(b"x")
    np.save(tmp_path / "wrong.npy", np.zeros((9, 5, 3), np.float32))
    np.save(tmp_path / "good.npy", np.zeros((9, 42, 7), np.float32))
    words = [str(tmp_path / words[0]), *words[1:]]
    assert cli.main(["stream", "--workdir", str(run_folder), *words]) == 1
    assert re.search(reason, capsys.readouterr().err)


def test_plain_npz_files_of_landmarks_stream_as_clips(run_folder, tmp_path):
    clip = recording()
    kept = clip.save(tmp_path / "a.clip.npz")
    (expected,) = told(run_folder, tmp_path, kept, "--window", 1)
    folder = tmp_path / "folder"
    folder.mkdir()
    np.savez(folder / "film.npz", landmarks=clip.landmarks, fps=np.float64(30))
    for source in (folder, folder / "film.npz"):
        (found,) = told(run_folder, tmp_path, source, "--window", 1)
        assert signs(found) == signs(expected) != []
