"""Occlusion: the recorded clips of the original, and what the corrected mode does better."""

import json

import helpers
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import keypoints, occlusion

FOLDER = helpers.GOLDEN / "fslr"
EXPECTED = json.loads((FOLDER / "occlusion.json").read_text(encoding="utf-8"))["expected"]
NOSE = np.array([0.5, 0.45])


@pytest.mark.parametrize("name", EXPECTED)
def test_finds_what_the_original_finds(name):
    with np.load(FOLDER / "occlusion.npz") as case:
        found = occlusion.detect(case[f"input/{name}/X"], case[f"input/{name}/mask"])
    expected = EXPECTED[name]
    frames, recorded = found.pop("detailed_results"), expected["detailed_results"]
    assert found == {key: expected[key] for key in found}
    for frame, wanted in zip(frames, recorded, strict=True):
        assert frame.pop("confidence") == pytest.approx(wanted["confidence"], abs=1e-6)
        assert frame == {key: wanted[key] for key in frame}


def _clip(frames: int = 9, shift: float = 0.0, at: np.ndarray = NOSE):
    """A face, and a right hand at `at` in every frame."""
    face = NOSE + [
        (0, 0),
        (-0.08, -0.08),
        (0.08, -0.08),
        (-0.04, -0.08),
        (0.04, -0.08),
        (-0.05, 0.08),
        (0.05, 0.08),
        (-0.06, -0.12),
        (0.06, -0.12),
        (0, 0.16),
        (0, -0.05),
    ]
    points = np.zeros((frames, 78, 2))
    visible = np.zeros((frames, 78), bool)
    points[:, keypoints.FACE] = face
    points[:, keypoints.RIGHT_HAND] = at + np.linspace(-0.01, 0.01, 42).reshape(21, 2)
    visible[:, keypoints.FACE] = visible[:, keypoints.RIGHT_HAND] = True
    points[visible] += [shift, 0.0]
    return points.reshape(frames, 156), visible


def _regions(result):
    return result["detailed_results"][4]["occluded_regions"]


@pytest.mark.parametrize("mode", occlusion.MODES)
def test_a_hand_on_the_nose_covers_it_and_a_hand_below_does_not(mode):
    assert "nose" in _regions(occlusion.detect(*_clip(), mode))
    away = occlusion.detect(*_clip(at=np.array([0.5, 0.95])), mode)
    assert away["binary_flag"] == 0 and away["occlusion_rate"] == 0.0


def test_corrected_finds_a_face_beside_the_middle():
    clip = _clip(shift=-0.4)
    assert occlusion.detect(*clip)["binary_flag"] == 0
    assert occlusion.detect(*clip, "corrected")["binary_flag"] == 1


def test_corrected_takes_the_chin_for_the_neck():
    clip = _clip(at=NOSE + [0.0, 0.19])
    assert "neck" in _regions(occlusion.detect(*clip, "corrected"))
    assert "neck" not in _regions(occlusion.detect(*clip))


@pytest.mark.parametrize(("frames", "upstream", "corrected"), [(1, 1, 1), (3, 0, 3), (6, 2, 6)])
def test_first_and_last_frames(frames, upstream, corrected):
    clip = _clip(frames)
    assert occlusion.detect(*clip)["occluded_frames"] == upstream
    assert occlusion.detect(*clip, "corrected")["occluded_frames"] == corrected


def test_clips_without_frames_or_points_are_not_occluded():
    for frames in (0, 5):
        result = occlusion.detect(np.zeros((frames, 156)), np.zeros((frames, 78), bool))
        assert result["binary_flag"] == 0 and result["total_frames"] == frames


def test_mistakes_are_said():
    with pytest.raises(UserError, match="Did you mean 'corrected'"):
        occlusion.detect(*_clip(), "correct")
    with pytest.raises(UserError, match=r"\[9, 150\]"):
        occlusion.detect(np.zeros((9, 150)), np.zeros((9, 78), bool))
