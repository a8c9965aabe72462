"""Videos and their labels -> WhisperSign's folder, with a landmarker without models."""

import json

import extract_fakes as fakes
import numpy as np
import pytest

from jaxsign import cli
from jaxsign.input.signs import formats
from jaxsign.input.signs.extract import work
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.preparing import gathering


@pytest.fixture(autouse=True)
def _without_models(monkeypatch):
    def extraction(words, out):
        return work.ExtractionPlan(out, fakes.Fake, ExtractionSettings()), {}

    monkeypatch.setattr(gathering, "extraction", extraction)


def prepare(source, data, out, *words):
    common = ["--source", source, "--data", str(data), "--out", str(out), "--workers", "1"]
    return cli.main(["prepare", *common, *map(str, words)])


def a_kaggle_folder(folder, videos=5):
    lines = ["ID,VIDEO,LABEL"]
    for i in range(videos):
        fakes.movie(folder / "videos" / f"v{i}.mp4", frames=6 + i)
        lines.append(f"{i},v{i}.mp4,{('xin_chao', 'Ăn', 'cam_on')[i % 3]}")
    (folder / "label.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines


def test_a_kaggle_folder(tmp_path, capsys):
    a_kaggle_folder(tmp_path / "vsl")
    fakes.movie(tmp_path / "vsl" / "videos" / "unlabelled.mp4")
    assert prepare("kaggle", tmp_path / "vsl", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "videos in column 'VIDEO', labels in 'LABEL'" in said
    assert "5 clips at 60 frames a second; 3 glosses and the blank" in said
    found = formats.open_collection(tmp_path / "out")
    assert found.format == "whispersign" and found.glosses == ("cam_on", "xin_chao", "Ăn")
    assert [e.split for e in found.entries].count("train") == 3 and len(found) == 5
    x = np.load(tmp_path / "out" / "train" / "features" / "sample_00000.npy")
    assert x.dtype == np.float32 and x.shape[1:] == (42, 7) and (x[:, 21:, 6] == 1).any()
    names = json.loads((tmp_path / "out" / "label_map.json").read_text(encoding="utf-8"))
    assert names == {"<blank>": 0, "cam_on": 1, "xin_chao": 2, "Ăn": 3}
    assert not (tmp_path / "out_clips" / "videos" / "unlabelled.clip.npz").exists()


def test_the_same_clips_serve_other_splits(tmp_path, capsys):
    a_kaggle_folder(tmp_path / "vsl")
    assert prepare("kaggle", tmp_path / "vsl", tmp_path / "a", "--clips", tmp_path / "clips") == 0
    capsys.readouterr()
    words = ["--clips", tmp_path / "clips", "--fps", "30", "--val-share", "0.4", "--separator", "_"]
    assert prepare("kaggle", tmp_path / "vsl", tmp_path / "b", *words) == 0
    said = capsys.readouterr().out
    assert "5 videos done already; 0 videos to do" in said and "30 frames a second" in said
    found = formats.open_collection(tmp_path / "b")
    assert ("cam", "on") in [entry.glosses for entry in found.entries]
    assert found.read(0).fps == 30  # the folder tells


def test_what_is_wrong_is_told_before_anything_is_made(tmp_path, capsys):
    lines = a_kaggle_folder(tmp_path / "vsl", videos=4)
    lines += ["4,gone.mp4,Ăn", "5,v1.mp4,Ăn", "6,v2.mp4,"]
    (tmp_path / "vsl" / "label.csv").write_text("\n".join(lines), encoding="utf-8")
    assert prepare("kaggle", tmp_path / "vsl", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "4 problems found before anything was made" in said
    assert "no video 'gone.mp4'" in said and "'v1.mp4' again" in said and "has no label" in said
    assert not (tmp_path / "out_clips").exists() and not (tmp_path / "out").exists()


def test_videos_that_fail_are_told_at_the_end(tmp_path, capsys):
    lines = a_kaggle_folder(tmp_path / "vsl", videos=4)
    fakes.movie(tmp_path / "vsl" / "videos" / "short.mp4", frames=3)
    fakes.cut(fakes.movie(tmp_path / "vsl" / "videos" / "cut.mp4"))
    lines += ["4,short.mp4,Ăn", "5,cut.mp4,Ăn"]
    (tmp_path / "vsl" / "label.csv").write_text("\n".join(lines), encoding="utf-8")
    for words, status in (((), 2), (("--skip",), 0)):
        assert prepare("kaggle", tmp_path / "vsl", tmp_path / f"out{status}", *words) == status
        said = capsys.readouterr().out
        assert "2 left out:" in said and "3 frames, expected at least 4" in said
        assert "cut.mp4" in said and "4 clips at 60" in said


def test_a_table_of_other_columns_and_signers(tmp_path, capsys):
    lines = ["path,meaning,signer"]
    for i in range(6):
        fakes.movie(tmp_path / "films" / f"s{i // 2}" / f"{i % 2}.mp4")
        lines.append(f"s{i // 2}/{i % 2}.mp4,A B,s{i // 2}")
    table = tmp_path / "table.csv"
    table.write_text("\n".join(lines))
    words = ["--labels", table, "--separator", " ", "--split", "signers", "--test-share", "0.3"]
    words += ["--val-share", "0.3"]
    assert prepare("video", tmp_path / "films", tmp_path / "out", *words) == 0
    found = formats.open_collection(tmp_path / "out")
    assert {e.glosses for e in found.entries} == {("A", "B")}
    signers = {s: {e.signer for e in found.entries if e.split == s} for s in formats.SPLITS}
    assert (
        sorted(map(len, signers.values())) == [1, 1, 1] and len(set.union(*signers.values())) == 3
    )
    assert prepare("video", tmp_path / "films", tmp_path / "new") == 1
    assert "--labels CSV is missing" in capsys.readouterr().err
