"""Rates that nothing is recorded at are told once, and the true one takes their place."""

import numpy as np
import pytest

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.input.signs import formats, rates, sources
from jaxsign.input.signs.clip import Clip

RATE = 1000.0  # what video_to_pose wrote of WebM films


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["file,gloss,cat,split"]
    for i in range(4):
        points = rng.uniform(0.3, 0.6, (24, 543, 3)).astype(np.float32)
        clip = Clip(points, np.arange(24) / RATE, (640, 480), RATE)
        clip.save(tmp_path / "data" / f"s{i}.clip.npz")
        rows.append(f"s{i},{i % 2},0,{'val' if i == 3 else 'train'}")
    (tmp_path / "data" / "labels.csv").write_text("\n".join(rows))
    return tmp_path / "data"


def prepare(folder, out, *words):
    return cli.main(
        ["prepare", "--source", "clips", "--data", str(folder), "--out", str(out), *words]
    )


@pytest.mark.parametrize(
    ("rate", "odd"), [(0, 0), (4.9, 1), (5, 0), (15, 0), (240, 0), (241, 1), (1000, 1)]
)
def test_only_known_rates_that_nobody_records_at_are_strange(rate, odd):
    assert rates.strange(rate) == bool(odd)


def test_inspect_groups_the_clips_in_one_warning(folder, capsys):
    assert cli.main(["inspect", str(folder)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("impossible") == 1
    assert "an impossible rate of 1000 frames a second; expected 5 to 240 (--source-fps N" in said
    assert "alike in 3 more" in said
    assert cli.main(["inspect", str(folder), "--source-fps", "30"]) == 0
    assert "impossible" not in capsys.readouterr().out


def test_prepare_warns_once_and_takes_the_true_rate(folder, tmp_path, caplog):
    def samples(out):
        return np.load(out / "train" / "features" / "sample_00000.npy")

    assert prepare(folder, tmp_path / "fast") == 0
    (warning,) = [r.getMessage() for r in caplog.records if "impossible" in r.getMessage()]
    assert "4 of 4 clips looked at" in warning and "(s0: 1000 a second" in warning
    assert "--source-fps N" in warning
    caplog.clear()
    assert prepare(folder, tmp_path / "true", "--source-fps", "30") == 0
    assert not [r for r in caplog.records if "impossible" in r.getMessage()]
    assert len(samples(tmp_path / "fast")) == 2 and len(samples(tmp_path / "true")) == 47


@pytest.mark.parametrize("source", ["clips", "collection"])
def test_a_recipe_gives_the_true_rate(folder, source):
    data = configs.load("fslr_transformer").data
    data.source, data.train.path, data.source_fps = source, str(folder), 30.0
    clip = sources.open_source(data, "train").read(1)
    assert clip.fps == 30 and clip.timestamps[-1] == pytest.approx(23 / 30)


def test_one_warning_for_many_clips_and_none_for_good_ones(caplog):
    rates.warn("data", [("a", 30.0), ("b", 0.0)], rates.KEY)
    assert not caplog.records
    rates.warn("data", [("a", 30.0), ("b", 1e6), ("c", 0.5)], rates.KEY)
    (record,) = caplog.records
    assert "2 of 3 clips looked at" in record.getMessage()
    assert "--config.data.source_fps=N" in record.getMessage()


def test_a_clip_at_another_rate_keeps_its_frames(folder):
    clip = formats.open_collection(folder, fps=30).read(0)
    plain = formats.open_collection(folder).read(0)
    np.testing.assert_array_equal(clip.landmarks, plain.landmarks)
    assert rates.of_clip(clip) == pytest.approx(30) and rates.of_clip(plain) == pytest.approx(RATE)
