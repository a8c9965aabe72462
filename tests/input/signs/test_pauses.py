"""Pauses between sentences: found while the stream comes, whatever the pieces it comes in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import pauses
from jaxsign.input.signs.rows import Rows

RATE = 30
SHOULDERS, HIPS = 0.4, 0.9  # heights
WRISTS = (clips.POSE.start + 15, clips.POSE.start + 16)


def person(frames):
    """float32 [frames, 543, 3]: shoulders 0.2 apart, hips, no hands."""
    x = np.full((frames, 543, 3), np.nan, np.float32)
    for place, height in ((11, SHOULDERS), (23, HIPS)):
        for side, across in enumerate((0.6, 0.4)):
            x[:, clips.POSE.start + place + side] = (across, height, 0)
    x[:, WRISTS, :2] = (0.5, 1.2)  # guessed, outside the image
    return x


def hand(x, height, moving=0.0, part=clips.RIGHT_HAND):
    """The person with a hand at a height, which goes from side to side so far in a second."""
    way = 0.5 + moving / RATE * (np.arange(len(x)) % 20)
    x[:, part, 0], x[:, part, 1] = way[:, None], height
    return x


def signing(seconds):
    return hand(person(round(seconds * RATE)), 0.6, moving=0.4)


def rows(*parts, rate=RATE):
    x = np.concatenate(parts)
    times = np.arange(len(x)) / rate
    return Rows(x, times, times, np.ones((len(x), 33), np.float32))


def cut(found, sizes=(), pause=0.8):
    """(start, end, known) of the sentences; end None where it goes on."""
    cutter, told, begun, start = pauses.PauseCutter(pause), [], None, 0
    for size in [*sizes, len(found)]:
        for one in cutter.push(found[start : start + size]):
            if begun is None:
                begun = (float(one.rows.times[0]), one.known)
            frames = one.rows.times[-1:].tolist()
            if one.ended:
                told.append((*begun, one.known, *frames))
                begun = None
        start += size
    return told, cutter.open


RESTS = {
    "out of sight": lambda n: person(n),
    "still in the lap": lambda n: hand(person(n), 0.8),
    "below the hips, whatever it does": lambda n: hand(person(n), 0.95, moving=0.5),
}
SIGNS = {
    "a letter held up": lambda n: hand(person(n), 0.5),
    "a hand that moves before the belly": lambda n: hand(person(n), 0.8, moving=0.4),
    "the other hand": lambda n: hand(hand(person(n), 0.8), 0.5, part=clips.LEFT_HAND),
}


@pytest.mark.parametrize("rest", RESTS.values(), ids=RESTS)
def test_hands_that_rest_end_a_sentence(rest):
    told, going = cut(rows(rest(30), signing(2), rest(60), signing(1), rest(60)))
    assert len(told) == 2 and not going
    for (start, begun, known, end), (first, last) in zip(told, ((1, 3), (5, 6)), strict=True):
        # A margin before the first movement; told once the hands have rested.
        assert first - 0.25 <= start <= first and first <= begun <= first + 0.2
        assert last + 0.8 - 0.1 <= known <= last + 0.8 + 0.25 and end == known


@pytest.mark.parametrize("sign", SIGNS.values(), ids=SIGNS)
def test_a_sign_is_no_pause_however_long(sign):
    told, going = cut(rows(person(30), signing(1), sign(90), signing(1)))
    assert told == [] and going


def test_a_short_rest_is_none():
    parts = [signing(1), person(18), signing(1), person(40)]
    assert len(cut(rows(*parts))[0]) == 1
    assert len(cut(rows(*parts), pause=0.3)[0]) == 2


def test_noise_of_a_still_hand_is_no_movement():
    rng = np.random.default_rng(0)
    still = hand(person(60), 0.8)
    still[:, clips.RIGHT_HAND, :2] += rng.normal(0, 0.004, (60, 1, 2))  # in 4 % of a shoulder width
    assert len(cut(rows(signing(1), still))[0]) == 1


def test_without_a_body_a_still_hand_rests():
    parts = [signing(1), hand(person(60), 0.5), signing(1)]
    for x in parts:
        x[:, clips.POSE] = np.nan
    told, going = cut(rows(*parts))
    assert len(told) == 1 and going


def test_a_hole_in_the_stream_is_a_pause():
    found = rows(signing(1), signing(1))
    found.times[RATE:] += 3.0
    (one,), going = cut(found)
    assert one[2] == found.times[RATE] and one[3] == found.times[RATE - 1] and going


def test_slow_streams_are_cut_too():
    told, _ = cut(rows(person(5), signing(0.5), person(10), signing(0.5), person(10), rate=5))
    assert len(told) == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 25), max_size=12))
def test_the_pieces_do_not_matter(seed, sizes):
    rng = np.random.default_rng(seed)
    x = hand(person(150), 0.85)
    x[:, clips.RIGHT_HAND, :2] += rng.normal(0, 0.003, (150, 1, 2)).cumsum(0)
    for start in rng.integers(0, 130, 3):
        x[start : start + 30, clips.RIGHT_HAND] = np.nan
    times = np.cumsum(rng.uniform(0.01, 0.08, 150))
    found = Rows(x.astype(np.float32), times, times, None)
    assert cut(found, sizes, pause=0.4) == cut(found, pause=0.4)


def test_no_pause_is_refused():
    with pytest.raises(UserError, match="--pause 0: expected seconds above 0"):
        pauses.PauseCutter(0)
