"""What is unlike a run's training is told, once a kind, with counts."""

import dataclasses
import json
import logging

import numpy as np
import pytest
import run_helpers

from jaxsign import config as configs
from jaxsign.infer import doubts, files
from jaxsign.infer import run as runs
from jaxsign.input import traits
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import seen
from jaxsign.tasks.classes import examples

USUAL = {
    "rate": [25.0, 30.0, 30.0], "seconds": [1.0, 2.0, 3.0], "frames": [30, 60, 90],
    "hand": [0.6, 0.9, 1.0], "face": [0.9, 1.0, 1.0], "pose": [1.0, 1.0, 1.0],
    "size": [0.3, 0.45, 0.5],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r", max_len=400)


@pytest.fixture(scope="module")
def bare(folder):
    """A run that does not say what it was trained on."""
    return runs.load_run(folder)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    other = run_helpers.save_run(tmp_path_factory.mktemp("run") / "r", max_len=400)
    (other / "manifest.json").write_text(json.dumps({"trained_on": USUAL}))
    return runs.load_run(other)


def recorded(frames=60, rate=30.0, hands=True, name="clip"):
    made = run_helpers.recorded(frames)
    landmarks = made.landmarks.copy()
    if not hands:
        landmarks[2:, clips.LEFT_HAND] = landmarks[2:, clips.RIGHT_HAND] = np.nan
    return clips.Clip(landmarks, np.arange(frames) / rate, source=name)


def lines(run, *asked):
    found = doubts.Doubts(run)
    for i, clip in enumerate(asked):
        found.see(f"c{i}", files.of_clip(clip, run).about)
    return found.lines()


def test_pixels_in_place_of_fractions_are_doubted(run, bare):
    x = np.random.default_rng(0).random((60, 156), np.float32)

    def asked(of, numbers):
        found = doubts.Doubts(of)
        found.see("c", seen.of_value(numbers, of.config))
        return found.lines()

    assert not asked(run, x) and not asked(bare, 640 * x)
    (told,) = asked(run, 640 * x)
    assert "numbers of another size" in told and "320 on average; in training 0.3 to 0.5" in told


@pytest.mark.parametrize(
    ("words", "trained", "size", "told"),
    [
        (["--config.view.normalise=shoulders"], 0.0, (640, 480), "of a known shape, as none"),
        (["--config.view.hands=local"], 0.75, (0, 0), "of an unknown shape, as none"),
        (["--config.view.hands=local"], 0.75, (1920, 1080), ""),
        ([], 0.0, (640, 480), ""),
    ],
)
def test_frames_whose_shape_is_told_as_none_in_training_are_doubted(
    tmp_path, words, trained, size, told
):
    """A view that makes x and y one unit gives other numbers where it knows the shape."""
    folder = run_helpers.save_run(tmp_path / "r", words=words, max_len=400)
    usual = {**USUAL, "shape": 3 * [trained]}
    (folder / "manifest.json").write_text(json.dumps({"trained_on": usual}))
    found = lines(runs.load_run(folder), dataclasses.replace(recorded(), frame_size=size))
    assert len(found) == bool(told) and all(told in line for line in found)


def test_usual_clips_raise_no_doubt(run, bare):
    assert lines(run, recorded(), recorded(40, 25.0), recorded(90)) == []
    assert lines(bare, recorded(), recorded(400, 5.0)) == []


def test_few_hands_are_told_with_their_share(run, bare):
    (line,) = lines(run, recorded(50, hands=False))
    assert "c0: few frames show a hand (4.0% of the frames; in training usually 90%)" in line
    (line,) = lines(bare, recorded(50, hands=False))
    assert "c0: few frames show a hand (4.0% of the frames)." in line


def test_one_line_a_kind_counts_its_clips(run):
    odd = recorded(60, hands=False), recorded(), recorded(60, 10.0), recorded(50, hands=False)
    hands, rate = lines(run, *odd, recorded(300, 120.0))
    assert hands.startswith("2 of 5 looked at: few frames show a hand (c0: 3.3% of")
    assert rate.startswith(
        "2 of 5 looked at: another frame rate than in training (c2: 10 frames/s; in training 25 to "
        "30)"
    )


def test_a_rate_that_nobody_records_at_is_told_by_itself(run, bare):
    for asked in (run, bare):
        (line,) = lines(asked, recorded(60, 1000.0))
        assert "c0: impossible frame rate (1000 a second; expected 5 to 240" in line
        assert "--source-fps N" in line


@pytest.mark.parametrize("frames, odd", [(14, True), (20, False), (170, False), (200, True)])
def test_the_length_is_held_against_nearly_all_of_training(run, frames, odd):
    found = lines(run, recorded(frames))
    assert len(found) == odd
    if odd:
        assert (
            f"another length than in training ({frames / 30:.4g} s; in training 1 to 3)"
            in (found[0])
        )


def test_stored_features_tell_their_frames_and_hands(run):
    x = np.full((60, 156), 0.5, np.float32)
    assert seen.of_value(x, run.config) == {"frames": 60, "hand": 1, "size": 0.5}
    x[6:, 50:134] = 0
    found = doubts.Doubts(run)
    found.see("a", files.of_array(x, run).about)
    found.see("b", files.of_array(np.ones((300, 156), np.float32), run).about)
    hands, length = found.lines()
    assert "few frames show a hand (a: 10.0%" in hands
    assert "another length than in training (b: 300 frames; in training 30 to 90)" in length


def test_a_view_with_a_rate_takes_faster_clips(run):
    config = configs.merged(configs.load("whisper_sign"), {})
    fixed = dataclasses.replace(run, config=config)
    assert lines(fixed, recorded(120, 60.0)) == []
    assert "10 frames/s" in lines(fixed, recorded(20, 10.0))[0]


def test_streams_have_no_length(run):
    found = doubts.Doubts(run)
    found.see_stream("s", seen.of_value(recorded(390), run.config))
    assert found.lines() == []


def test_made_up_signs_are_told_once(run, caplog):
    config = configs.merged(run.config, {"data.source": "synthetic"})
    found = doubts.Doubts(dataclasses.replace(run, config=config))
    with caplog.at_level(logging.WARNING):
        found.see("a", {})
        found.tell()
        found.see("a", {})
        found.tell()
    (message,) = caplog.messages
    assert "made-up examples" in message and str(run.workdir) in message


def test_training_examples_tell_what_is_usual_of_them():
    config = configs.merged(
        configs.load("fslr_transformer:synthetic"), {"data.synthetic.clips_per_signer": 1}
    )
    made = examples.open_examples(config, "train", training=True)
    rows = made.traits(config, 10)
    assert len(rows) == 10 and {name for name, _ in rows} <= set(made.ids)
    usual = traits.read_usual(json.loads(json.dumps(traits.usual(row for _, row in rows))))
    assert usual["rate"] == (30.0, 30.0, 30.0)
    assert usual["frames"][1] == pytest.approx(30 * usual["seconds"][1], rel=1e-3)
    assert 0.5 < usual["hand"][1] <= 1
