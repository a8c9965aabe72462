"""What the page tells of clips over time, without its server."""

import dataclasses
import json

import av
import pytest
import run_helpers
import serving

from jaxsign.infer import predict
from jaxsign.infer import run as runs
from jaxsign.infer.serve import showing, signs

SECONDS = 1.0  # of a window


class Hears:
    """A report that notes what it heard; nobody waits any more from the stage `until` on."""

    def __init__(self, until=""):
        self.until, self.at, self.heard = until, "", []

    def stage(self, name):
        self.at = name

    def progress(self, frames, share):
        if self.at == self.until:
            raise showing.CancelledError("cancelled")
        self.heard.append((self.at, frames))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return serving.save_run(tmp_path_factory.mktemp("run") / "run")


def show(folder, path, rate=0.0, report=None):
    """All that is told of an upload, put together."""
    shows = signs.SignShowing([runs.load_run(folder)], None, rate)
    told = {}
    for part in shows.show(path, path.parent, report or Hears()):
        told |= part
    return told


def test_the_rate_that_is_given_holds_for_clips(folder, tmp_path):
    files = {
        run_helpers.save_clip(tmp_path / "a.npz", 12): 12 / 6,
        run_helpers.recorded(12).save(tmp_path / "b.clip.npz"): 11 / 6,
    }
    for path, seconds in files.items():
        told = show(folder, path, rate=6.0)
        predict.predict_files(folder, path, out=tmp_path / "out.json", fps=6.0)
        assert told["answer"] == json.loads((tmp_path / "out.json").read_text("utf-8"))
        assert told["timeline"]["seconds"] == pytest.approx(seconds, abs=1e-3)


def test_the_last_window_is_told_also_where_it_is_the_only_one(folder, tmp_path):
    path = run_helpers.recorded(12).save(tmp_path / "short.clip.npz")
    (window,) = show(folder, path)["timeline"]["windows"]
    assert (window["start"], window["end"]) == (0, pytest.approx(11 / 30, abs=1e-3))
    assert 11 / 30 < SECONDS
    path = run_helpers.recorded(40).save(tmp_path / "long.clip.npz")
    timeline = show(folder, path)["timeline"]
    assert timeline["windows"][-1]["end"] == timeline["seconds"]


def test_times_are_those_since_the_first_frame(folder, tmp_path):
    clip = run_helpers.recorded(40)
    clip.save(tmp_path / "now.clip.npz")
    later = dataclasses.replace(clip, timestamps=clip.timestamps + 100)
    later.save(tmp_path / "later.clip.npz")
    now, late = (show(folder, tmp_path / f"{name}.clip.npz") for name in ("now", "later"))
    assert late["timeline"] == now["timeline"] and late["csv"] == now["csv"]
    with av.open(str(tmp_path / showing.FILM)) as film:
        assert film.duration / av.time_base < 2


def test_a_timeline_is_reported_and_ends_where_nobody_waits(folder, tmp_path):
    path, report = run_helpers.recorded(40).save(tmp_path / "a.clip.npz"), Hears()
    show(folder, path, report=report)
    assert [one for one in report.heard if one[0] == "timeline"] == [
        ("timeline", frames) for frames in (16, 32, 40)
    ]
    with pytest.raises(showing.CancelledError):
        show(folder, path, report=Hears(until="timeline"))
