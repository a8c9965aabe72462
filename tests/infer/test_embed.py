"""A folder of clips -> a mirrored tree of what the net makes of them."""

import csv
import json

import numpy as np
import pytest
import run_helpers
from helpers import SHARED

from jaxsign import api, cli
from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.infer.embed import folder, kinds
from jaxsign.infer.torch import importing
from jaxsign.input.signs.views import signon


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Three clips in two folders, of one name but for the folder; one of them is empty."""
    place = tmp_path_factory.mktemp("clips")
    run_helpers.save_clip(place / "a" / "one.npz", 6, seed=1)
    run_helpers.save_clip(place / "b" / "one.npz", 11, seed=2)
    (place / "b" / "none.npz").touch()
    return place


def embed(run, clips, out, *words):
    return cli.main(["embed", "--workdir", str(run), str(clips), "--out", str(out), *words])


def test_a_bad_clip_is_told_the_rest_done_and_nothing_made_twice(
    run_folder, clips, tmp_path, capsys
):
    out = tmp_path / "out"
    assert embed(run_folder, clips, out, "--kind", "embedding") == 2
    told = capsys.readouterr().out
    assert told.count("none.npz") == 1 and "2 written, 1 failed" in told
    model = api.load(run_folder)
    made = {path.relative_to(out).as_posix(): np.load(path) for path in out.rglob("*.npy")}
    assert sorted(made) == ["a/one.npy", "b/one.npy"]
    for name, found in made.items():
        wanted = model.embed(clips / name.replace(".npy", ".npz"))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    run_helpers.save_clip(clips / "b" / "none.npz", 3)
    assert embed(run_folder, clips, out, "--kind", "embedding") == 0
    assert "2 clips done already; 1 clip to do" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in before}
    with open(out / folder.REPORT, newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["done"] * 3
    assert embed(run_folder, clips, out, "--kind", "logits") == 1
    assert '--kind: was "embedding", now "logits"' in capsys.readouterr().err


def test_frames_of_padding_are_cut_off_and_windows_are_clips(tmp_path):
    run = runs.load_run(run_helpers.save_points_run(tmp_path / "r"))
    x = np.random.default_rng(0).random((5, 75, 3), np.float32)
    whole, part = (runs.NetInput(some, np.ones(len(some), bool)) for some in (x, x[3:]))
    asker = asking.Asker(run)
    frames, last = kinds.Embedder(asker, "temporal")([whole, part], 2)
    assert frames.shape == (5, 16) and last.shape == (2, 16)
    (cut,) = kinds.Embedder(asker, "temporal", window=3)([whole], 2)
    assert cut.shape == (2, 3, 16) and np.isnan(cut[1, 2]).all()
    np.testing.assert_allclose(cut[1, :2], last, rtol=1e-4, atol=1e-5)


def test_windows_go_over_the_whole_of_a_clip_that_is_longer_than_the_run_takes(run_folder):
    run = runs.load_run(run_folder)
    assert run.max_length == 32
    x = np.random.default_rng(0).random((40, 156), np.float32)
    asker = asking.Asker(run)
    made = kinds.Embedder(asker, "embedding", window=16)
    (windows,) = made([runs.NetInput(x, np.ones(40, bool))])
    (last,) = made([runs.NetInput(x[32:], np.ones(8, bool))])
    assert len(windows) == 3
    np.testing.assert_allclose(windows[2], last[0], rtol=1e-4, atol=1e-5)
    assert asker.doubts.lines() == []
    with pytest.raises(UserError, match="a window of 33 frames: .* looks at 32 at most"):
        kinds.Embedder(asker, "embedding", window=33)


def test_kinds_are_the_nets_outputs(run_folder):
    x = np.random.default_rng(0).random((5, 156), np.float32)
    model = api.load(run_folder)
    powers = np.exp(model.embed(x, "logits/cat"))
    assert powers.shape == (3,)
    found = model.embed(x, "probabilities/cat")
    np.testing.assert_allclose(found, powers / powers.sum(), rtol=1e-5)
    frames = model.embed(x, "frames")  # the net pools over them by their mean
    np.testing.assert_allclose(frames.mean(0), model.embed(x, "embedding"), rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="'temporal'.*It has: embedding, frames, logits"):
        model.embed(x, "temporal")
    with pytest.raises(UserError, match="a stride of 2 frames needs a window"):
        model.embed(x, stride=2)


def test_what_would_mix_is_refused_before_work_begins(run_folder, tmp_path):
    for name in ("x.npz", "X.npz"):
        run_helpers.save_clip(tmp_path / "c" / name, 3)
    with pytest.raises(UserError, match=r"one file:\n.*X.npz and x.npz: x.npy"):
        folder.embed(run_folder, tmp_path / "c", tmp_path / "out", "embedding")
    with pytest.raises(UserError, match="lies in"):
        folder.embed(run_folder, tmp_path / "c", tmp_path / "c" / "out", "embedding")
    assert not (tmp_path / "out").exists()


@pytest.mark.shared
def test_kinds_are_those_of_the_original(tmp_path):
    golden = SHARED / "golden" / "signon"
    importing.import_checkpoint(golden / "lightning_poseformer_tiny.ckpt", tmp_path / "r")
    names = {"spatial": "spatial", "temporal": "temporal", "cls": "CLS", "logits": "probabilities"}
    with np.load(golden / "predict_poseformer.npz") as case:
        aspect = json.loads(str(case["meta"]))["call"]["inverse_aspect_ratio"]
        run = runs.load_run(tmp_path / "r")
        # The longest of its batch, behind which nothing was padded.
        x = signon.SignonView(output="points", aspect=aspect)(case["input/raw/v9"])
        raw = runs.NetInput(x, np.ones(len(x), bool))
        for kind, theirs in names.items():
            (found,) = kinds.Embedder(asking.Asker(run), kind)([raw])
            np.testing.assert_allclose(found, case[f"output/{theirs}/v9"], rtol=1e-4, atol=2e-5)
