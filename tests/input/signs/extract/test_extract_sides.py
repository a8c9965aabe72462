"""Hands of a hand landmarker get their sides by the pose's wrists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.input.signs.extract import sides

LEFT, RIGHT = (0.7, 0.6), (0.3, 0.6)  # a person who faces the camera


def _pose(left=LEFT, right=RIGHT):
    pose = np.full((33, 3), 0.5, np.float32)
    pose[11, :2], pose[12, :2] = (0.62, 0.4), (0.38, 0.4)
    pose[15, :2], pose[16, :2] = left, right
    return pose


def _hand(where, side, score=0.9):
    points = np.zeros((21, 3), np.float32)
    points[:, 0] = where[0] + np.linspace(0, 0.05, 21)
    points[:, 1] = where[1] - np.linspace(0, 0.1, 21)
    return sides.Hand(points, side, score)


def test_the_wrists_overrule_handedness():
    at_left, at_right = _hand(LEFT, "right", 0.99), _hand(RIGHT, "left", 0.98)
    found = sides.assign([at_right, at_left], _pose())
    assert found["left"] is at_left.points and found["right"] is at_right.points
    # Both called the same.
    both = [_hand(LEFT, "left"), _hand(RIGHT, "left", 0.95)]
    found = sides.assign(both, _pose())
    assert found["left"] is both[0].points and found["right"] is both[1].points


def test_a_single_hand_goes_to_the_nearer_wrist():
    assert list(sides.assign([_hand((0.33, 0.58), "left")], _pose())) == ["right"]
    assert list(sides.assign([_hand((0.66, 0.62), "right")], _pose())) == ["left"]


def test_handedness_decides_between_wrists_and_without_a_pose():
    crossed = _pose((0.5, 0.6), (0.5, 0.6))
    for side in sides.SIDES:
        assert list(sides.assign([_hand((0.5, 0.6), side)], crossed)) == [side]
        assert list(sides.assign([_hand(RIGHT, side)], None)) == [side]


def test_one_hand_found_twice_is_one_hand():
    sure, unsure = _hand(RIGHT, "right", 0.9), _hand((0.305, 0.602), "left", 0.6)
    found = sides.assign([unsure, sure], _pose())
    assert list(found) == ["right"] and found["right"] is sure.points


def test_nothing_found():
    assert sides.assign([], _pose()) == {}


UNIT = st.floats(0, 1)
HAND = st.builds(_hand, st.tuples(UNIT, UNIT), st.sampled_from(sides.SIDES), UNIT)


@given(st.lists(HAND, max_size=4), st.booleans())
def test_each_side_gets_one_hand_that_was_found_whatever_the_order(hands, person):
    pose = _pose() if person else None
    found = sides.assign(hands, pose)
    assert set(found) <= set(sides.SIDES) and len(found) == min(2, len(found))
    assert all(any(points is hand.points for hand in hands) for points in found.values())
    assert bool(found) == bool(hands)
    if len({hand.score for hand in hands}) == len(hands):
        again = sides.assign(hands[::-1], pose)
        assert all(again[side] is found[side] for side in found)
