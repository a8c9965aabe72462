"""`jaxsign live` with a run of sentences: a line of glosses that grows."""

import argparse
import json

import helpers
import numpy as np
import pytest
import stream_runs

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.live import commands, picture, session
from jaxsign.input.signs.clip import LEFT_HAND
from jaxsign.input.signs.extract.landmarkers import Detection
from jaxsign.tasks.classes.loss import HeadLosses
from jaxsign.tasks.classes.task import Classify
from jaxsign.tasks.following import Emitted, Heard


class Landmarker:
    """The left wrist's x is the brightness in tens: an id for `LocalNet`."""

    def detect(self, image, milliseconds):
        found = Detection.nothing()
        found.points[LEFT_HAND] = image[0, 0, 0] / 10
        return found


def film(ids, frames=30):
    """A second of every id at 30 frames/s."""
    for i, number in enumerate(np.repeat(ids, frames)):
        yield i / 30, np.full((48, 64, 3), 10 * number, np.uint8)


def going(seconds=1.0):
    recogniser = stream_runs.recogniser(stream_runs.run(normalise=False), seconds=seconds)
    return session.LiveSession(recogniser, Landmarker())


def test_glosses_are_told_once_and_stay_in_the_line():
    playing = going()
    moments = [*playing.run(film([0, 1, 0, 1, 2])), playing.finish()]
    lines = [moment.answer for moment in moments if moment.answer is not None]
    last = moments[-1]
    told = [sign.name for line in lines for sign in line.signs]
    assert told == ["HELLO", "HELLO", "YES"]
    assert [sign.name for sign in last.told] == told and last.title == "YES"
    assert [sign.start for sign in last.told] == pytest.approx([1, 3, 4], abs=0.1)
    # The last sign was seen before it was told.
    assert any(line.tentative == ("YES",) for line in lines)
    assert lines[-1].tentative == () and lines[-1].accepted
    totals = playing.totals.to_json()
    assert totals["frames"] == 150 and totals["answers"] == len(lines)
    assert playing.finish() is None


def test_reset_forgets_the_line():
    playing = going()
    list(playing.run(film([1, 0, 0])))
    playing.reset()
    assert len(playing.recogniser) == 0 and playing.finish() is None


def test_a_line_is_told_as_text_and_json():
    playing = going()
    moments = list(playing.run(film([1, 0, 0, 0])))
    first = next(m.answer for m in moments if m.answer is not None and m.answer.accepted)
    assert first.text().endswith("s   HELLO 1.000") or "HELLO 0.9" in first.text()
    assert first.to_json()["signs"][0]["gloss"] == "HELLO"
    quiet = next(m.answer for m in moments if m.answer is not None and not m.answer.accepted)
    assert quiet.text() == "" and quiet.to_json()["signs"] == []


def test_the_picture_shows_the_newest_glosses_that_fit():
    def shown(names, view=None):
        told = tuple(Emitted(n, 0, 0.0, 1.0, 0.9, 2.0) for n in names)
        heard = Heard(3.0, 1.0, told[-1:], ("LATER",))
        status = picture.Status(3.0, 30, 25.0, 10.0, 1.0, None)
        image = np.zeros((360, 480, 3), np.uint8)
        made = picture.compose(image, None, heard, told, status, view or picture.PictureView())
        return np.asarray(made).astype(int)

    short, long = shown(["TEA"]), shown(["HELLO"] * 30 + ["TEA"])
    assert short.shape == long.shape == (360, 480, 3)
    # A line too long for the picture keeps its end: green where the newest is.
    green = (long[..., 1] > 180) & (long[..., 0] < 120)
    assert green.any() and green.any(0).nonzero()[0].max() < 480 - 10
    assert (shown(["TEA"], picture.PictureView(confidence=False)) != short).any()


def words(**given):
    asked = dict.fromkeys(
        ("window", "overlap", "target_frames", "every", "threshold", "smoothing", "top", "head",
         "no_sign", "face_only", "video")
    )  # fmt: skip
    return argparse.Namespace(**{**asked, **given})


def test_the_kind_of_run_decides_what_the_options_mean():
    run = stream_runs.run()

    def made(**given):
        asked = {name: getattr(words(**given), name) for name in commands._JUDGING}
        return run.task.watcher(run, asked)

    assert (made(window=2.0, overlap=0.25).seconds, made(overlap=0.25).overlap) == (2.0, 0.25)
    with pytest.raises(UserError, match="--every, --top only for runs of single signs"):
        made(every=1.0, top=2)
    run.task = Classify(run.net, HeadLosses(("gloss",), "ce"))
    assert made(window=20.0).window == 20 and made().min_frames == 5
    with pytest.raises(UserError, match="--overlap only for runs of sentences"):
        made(overlap=0.5)
    with pytest.raises(UserError, match="--window 2.5: expected a whole number of frames"):
        made(window=2.5)


@pytest.mark.shared
def test_the_verb_tells_sentences(tmp_path, capfd):
    folder = stream_runs.save_run(tmp_path / "run")
    model = helpers.SHARED / "data/mediapipe_models/holistic_landmarker_lite.task"
    clip = helpers.SHARED / "data/sign_clip_mit/clips/test_video.mp4"
    asked = ["live", "--workdir", str(folder), "--model", str(model), "--video", str(clip)]
    shots, film_ = tmp_path / "shots", tmp_path / "seen.mp4"
    asked += ["--no-window", "--window", "0.8", "--screenshots", str(shots), "--record", str(film_)]
    assert cli.main([*asked, "--json"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert lines[-1]["totals"]["frames"] == 48
    signs = [sign for line in lines[:-1] for sign in line["signs"]]
    assert signs and [s["start"] for s in signs] == sorted(s["start"] for s in signs)
    told = [line for line in lines[:-1] if line["signs"]]
    assert len(list(shots.iterdir())) == len(told) and film_.stat().st_size > 1000
