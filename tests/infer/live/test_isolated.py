"""Single signs in a stream: windows vote, changes of the majority make the list."""

import collections
import itertools

import live_runs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs import rows
from jaxsign.tasks.classes import following, majority


class FakeRun(live_runs.FakeRun):
    """The class is what most frames of the clip hold as their nose's x, halves being unsure."""

    def one(self, x, length=None):
        values = x[:, 0, 0]
        counts = [np.sum(values == number) for number in range(len(live_runs.NAMES))]
        return {"gloss": 8.0 * np.asarray([counts], np.float32) / len(values)}


def frames(numbers, each=10):
    """Landmarks at 10 frames/s; None = nobody there."""
    x = np.full((len(numbers) * each, 543, 3), np.nan, np.float32)
    for i, number in enumerate(numbers):
        if number is not None:
            x[i * each : (i + 1) * each, :468] = number
    return x


def told(x, sizes=(), **changes):
    chosen = {"fps": 10.0, "overlap": 0.8, "vote": 3, **changes}
    run = FakeRun()
    recogniser = Recogniser(run, following.Votes(run, **chosen), asker=run)
    found, start = [], 0
    times = np.arange(len(x)) / 10
    for size in [*sizes, len(x)]:
        part = slice(start, start + size)
        heard = recogniser.push(rows.Chunk(x[part], times[part]))
        found += [sign for one in heard for sign in one.signs]
        start += size
    return found + [*recogniser.finish().signs]


def test_a_recording_of_several_signs_gives_their_list_with_times():
    x = frames([None, 0, 0, 0, None, None, 1, 1, None, 0, 0, None])
    found = told(x)
    assert [sign.name for sign in found] == ["hello", "bye", "hello"]
    for sign, (start, end) in zip(found, [(1, 4), (6, 8), (9, 11)], strict=True):
        assert sign.start == pytest.approx(start, abs=0.41)
        assert sign.end == pytest.approx(end, abs=0.41)
        assert 0.5 <= sign.confidence <= 1 and sign.emitted > sign.end
    assert [s.start < s.end for s in found] == [True] * 3


def test_one_sign_after_the_other_without_a_pause_are_two():
    assert [sign.name for sign in told(frames([0, 0, 1, 1]))] == ["hello", "bye"]


def test_a_clip_shorter_than_a_window_is_judged_too():
    assert [sign.name for sign in told(frames([1], each=7))] == ["bye"]
    assert told(frames([1], each=4)) == []  # too few frames


def test_no_sign_and_unsure_windows_have_no_vote():
    x = frames([2, 2, 2, 0, 0, 0])
    assert [sign.name for sign in told(x)] == ["-", "hello"]
    assert [sign.name for sign in told(x, no_sign="-")] == ["hello"]
    assert told(x, threshold=1.0) == []


@given(st.lists(st.integers(1, 9), max_size=12))
def test_the_answer_does_not_depend_on_how_the_stream_is_cut(sizes):
    x = frames([0, None, 1, 1, 0], each=9)
    assert told(x, sizes) == told(x) != []


@given(st.lists(st.sampled_from([None, 0, 1, 2]), max_size=30), st.integers(1, 7))
def test_the_majority_is_that_of_the_windows_around(numbers, count):
    voting = majority.Majority(count)
    spans = []
    for i, number in enumerate(numbers):
        spans += voting.push(majority.Vote(number, 0.5, i, i + 1))
    spans += voting.finish()
    # By counting, window by window.
    expected = []
    for i in range(len(numbers)):
        around = numbers[max(i - count // 2, 0) : i + count - count // 2]
        best, votes = collections.Counter(around).most_common(1)[0]
        expected.append(best if 2 * votes > len(around) else None)
    found = [None] * len(numbers)
    for span in spans:
        assert all(number is None for number in found[int(span.start) : int(span.end)])
        found[int(span.start) : int(span.end)] = [span.number] * int(span.end - span.start)
    assert found == expected
    # Neighbours with the same class are one span.
    assert all(a.number != b.number or a.end < b.start for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"vote": 0}, "--vote 0"),
        ({"threshold": 1.5}, "--threshold 1.5"),
        ({"overlap": 1.0, "seconds": -1.0}, "--window -1.0.*--overlap 1.0"),
        ({"overlap": 0.95}, "expected at least 1 of each"),
        ({"head": "cat"}, "no head 'cat'"),
        ({"no_sign": "nope"}, "no class of the head gloss"),
    ],
)
def test_settings_that_cannot_work_are_named(changes, reason):
    with pytest.raises(UserError, match=reason):
        told(frames([0]), **changes)


def test_a_window_tells_its_candidates_and_when_it_began():
    run = FakeRun()
    recogniser = Recogniser(run, following.Votes(run, fps=10.0, overlap=0.5), asker=run)
    x = frames([0, 1, None])
    heard = recogniser.push(rows.Chunk(x, np.arange(len(x)) / 10))
    assert [one.start for one in heard] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    assert [one.candidates[0][0] for one in heard[:1] + heard[2:3]] == ["hello", "bye"]
    assert sum(p for _, p in heard[0].candidates) == pytest.approx(1, abs=1e-3)
    assert heard[-1].candidates == ()  # nobody is there
