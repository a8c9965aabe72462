"""Drawing: what is where on the picture, in which colour, and what is left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import drawing, skeleton

BLACK = (0, 0, 0)


def absent():
    return np.full((543, 3), np.nan)


def spread(points, rows, seed=0):
    points[rows] = np.random.default_rng(seed).uniform(0.3, 0.7, points[rows].shape)
    return points


def drawn(points, size=(200, 160), ground=BLACK):
    image = Image.new("RGB", size, ground)
    drawing.draw(image, points)
    return np.asarray(image).astype(int)


def near(pixels, colour, tolerance=12):
    return (np.abs(pixels - colour) <= tolerance).all(-1)


def test_connections_are_mediapipes():
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    lists = {
        "pose": vision.PoseLandmarksConnections.POSE_LANDMARKS,
        "left hand": vision.HandLandmarksConnections.HAND_CONNECTIONS,
        "right hand": vision.HandLandmarksConnections.HAND_CONNECTIONS,
        "face": vision.FaceLandmarksConnections.FACE_LANDMARKS_CONTOURS,
    }
    for name, wanted in lists.items():
        start = skeleton.PARTS[name].start
        ours = {frozenset(pair) for pair in (skeleton.CONNECTIONS[name] - start).tolist()}
        assert ours == {frozenset((line.start, line.end)) for line in wanted}, name
        assert len(ours) == len(skeleton.CONNECTIONS[name])


@pytest.mark.parametrize("name", ["pose", "face", "left hand", "right hand"])
def test_each_part_has_its_own_colour(name):
    pixels = drawn(spread(absent(), skeleton.PARTS[name]))
    for other, colour in drawing.COLOURS.items():
        assert near(pixels, colour).any() == (other == name)


def test_points_stand_where_they_should():
    points = absent()
    points[clips.LEFT_HAND] = (0.25, 0.75, 0)
    ys, xs = np.nonzero(near(drawn(points), drawing.COLOURS["left hand"], 60))
    assert xs.mean() == pytest.approx(50, abs=1) and ys.mean() == pytest.approx(120, abs=1)


def test_a_line_joins_wrist_and_thumb_but_not_what_is_not_joined():
    points = absent()
    points[clips.RIGHT_HAND.start] = (0.1, 0.5, 0)
    points[clips.RIGHT_HAND.start + 1] = (0.9, 0.5, 0)
    assert near(drawn(points), drawing.COLOURS["right hand"], 60)[80, 30:170].all()
    points[clips.RIGHT_HAND.start + 2] = points[clips.RIGHT_HAND.start + 1]
    points[clips.RIGHT_HAND.start + 1] = np.nan
    assert not near(drawn(points), drawing.COLOURS["right hand"], 60)[80, 30:170].any()


def test_nothing_found_leaves_the_image_alone():
    assert (drawn(absent(), ground=(9, 9, 9)) == 9).all()
    outside = np.full((543, 3), 5.0)
    assert (drawn(outside, ground=(9, 9, 9)) == 9).all()


@given(
    st.floats(-1e30, 1e30, allow_nan=False), st.floats(-1e6, 1e6, allow_nan=False), st.integers(0)
)
def test_wild_coordinates_are_survived(huge, large, seed):
    points = spread(absent(), slice(0, 543), seed % 1000)
    points[489], points[500], points[530] = huge, large, (huge, np.nan, 0)
    assert near(drawn(points, (60, 40)), drawing.COLOURS["right hand"], 40).any()


def test_lines_grow_with_the_image():
    points = absent()
    points[clips.POSE.start + 11 : clips.POSE.start + 13] = ((0.1, 0.5, 0), (0.9, 0.5, 0))
    widths = [
        near(drawn(points, (size, size)), drawing.COLOURS["pose"], 60)[:, size // 2].sum()
        for size in (200, 800, 1600)
    ]
    assert widths[0] < widths[1] < widths[2]


def test_a_found_hand_and_face_hide_the_poses_points_inside_them():
    points = absent()
    fingers, nose = clips.POSE.start + np.asarray([17, 19, 21]), clips.POSE.start
    points[fingers] = points[nose] = (0.2, 0.2, 0)
    assert near(drawn(points), drawing.COLOURS["pose"], 60).any()
    spread(spread(points, clips.LEFT_HAND), clips.FACE)
    assert not near(drawn(points), drawing.COLOURS["pose"], 30)[:50, :60].any()


def test_single_face_points_are_dots():
    points = absent()
    points[[1, 152, 33]] = ((0.5, 0.4, 0), (0.5, 0.6, 0), (0.4, 0.3, 0))
    assert near(drawn(points), drawing.COLOURS["face"], 60).sum() >= 3


def test_bad_arguments():
    with pytest.raises(ValueError, match="543"):
        drawing.draw(Image.new("RGB", (9, 9)), np.zeros((75, 3)))
    with pytest.raises(ValueError, match="mode L"):
        drawing.draw(Image.new("L", (9, 9)), absent())
    with pytest.raises(ValueError, match="captions"):
        drawing.sheet([Image.new("RGB", (9, 9))], ["a", "b"])
    with pytest.raises(ValueError, match="0 images"):
        drawing.sheet([], [])


def moving(frames=20, scale=1.0, size=(640, 480)):
    points = np.full((frames, 543, 3), np.nan, np.float32)
    points[:, clips.POSE] = np.random.default_rng(0).uniform(0.2, 0.8, (33, 3))
    points[5:, clips.LEFT_HAND] = np.random.default_rng(1).uniform(0.4, 0.6, (21, 3))
    return clips.Clip(points * scale, np.arange(frames) / 10, size, 10.0)


def test_strip_shows_evenly_spaced_frames():
    image = drawing.strip(moving(), count=5, height=100)
    assert image.mode == "RGB" and image.width > 3 * image.height
    orange = near(np.asarray(image).astype(int), drawing.COLOURS["left hand"], 60)
    thirds = np.array_split(orange, 5, axis=1)
    # Frames 0, 5, 10, 14, 19: only the first lacks the hand.
    assert [part[:100].any() for part in thirds] == [False, True, True, True, True]


@pytest.mark.parametrize("frames", [1, 3])
def test_strip_of_a_short_clip_has_its_frames_once(frames):
    one = drawing.strip(moving(1), height=80).width
    assert drawing.strip(moving(frames), count=8, height=80).width > (frames - 0.5) * one * 0.9
    assert drawing.strip(moving(frames), count=8, height=80).width < (frames + 0.5) * one


@pytest.mark.parametrize(("scale", "size"), [(640.0, (640, 480)), (1.0, (0, 0)), (-2.0, (9, 9))])
def test_strip_of_other_units_still_shows_the_skeleton(scale, size):
    pixels = np.asarray(drawing.strip(moving(scale=scale, size=size), 3, 120)).astype(int)
    ys, _ = np.nonzero(near(pixels[:120], drawing.COLOURS["pose"], 60))
    assert np.ptp(ys) > 40


def test_strip_of_a_clip_without_points():
    clip = clips.Clip(np.full((4, 543, 3), np.nan), np.arange(4))
    assert drawing.strip(clip).height > 240


def test_sheet_places_images_in_rows_and_cuts_captions():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
    images = [Image.new("RGB", (60, 40), colour) for colour in colours]
    page = drawing.sheet(images, ["a caption far too long for its cell " * 3] * 5, columns=3)
    pixels = np.asarray(page).astype(int)
    places = [np.argwhere(near(pixels, colour, 0)).min(0) for colour in colours]
    assert places[0][0] == places[1][0] == places[2][0] < places[3][0] == places[4][0]
    assert places[0][1] == places[3][1] < places[1][1] == places[4][1] < places[2][1]
    assert page.width < 4 * 60
