"""Which pieces of clips an epoch holds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.input import planning

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(2, 30), st.integers(0, 9))
def test_windows_cover_every_clip_and_are_as_many_in_every_epoch(lengths, window, seed):
    lengths = np.array(lengths)
    cutting = planning.Windows(lengths, window, max(window // 2, 1), seed)
    counts = set()
    for epoch in range(3):
        pieces = cutting(epoch)
        counts.add(len(pieces.clip))
        assert (pieces.frames >= 1).all() and (pieces.frames <= np.maximum(window, 1)).all()
        assert (pieces.start + pieces.frames <= lengths[pieces.clip]).all()
        assert np.isin(pieces.frames, cutting.lengths).all()
        for clip, total in enumerate(lengths):
            seen = np.zeros(total, bool)
            for start, frames in zip(
                pieces.start[pieces.clip == clip], pieces.frames[pieces.clip == clip], strict=True
            ):
                seen[start : start + frames] = True
            assert seen.all()
    assert len(counts) == 1


def test_half_of_the_short_clips_give_a_random_piece_of_at_least_half_their_length():
    lengths = np.array([10, 11, 12, 13, 40])
    cutting = planning.Windows(lengths, 20, 10, 0)
    drawn = set()
    for epoch in range(20):
        pieces = cutting(epoch)
        short = pieces.clip < 4
        extra = np.flatnonzero(short)[4:]  # behind the clips themselves
        assert len(extra) == 2
        assert (2 * pieces.frames[extra] >= lengths[pieces.clip[extra]]).all()
        drawn |= {int(i) for i in pieces.clip[extra]}
    assert drawn == {0, 1, 2, 3}
    assert list(cutting(0).start[pieces.clip == 4]) == [0, 10, 20, 30]


def test_a_plan_of_windows_gives_every_piece_once():
    lengths = np.array([10, 11, 12, 13, 40, 55])
    cutting = planning.Windows(lengths, 20, 10, 0)
    plan = planning.Plan(
        cutting, lambda n: planning.bucket_lengths(n, (8, 16), 20), 4, 1, 0, shuffle=True
    )
    for epoch in range(3):
        found = []
        for number in range(epoch * plan.per_epoch, (epoch + 1) * plan.per_epoch):
            planned = plan[number]
            assert planned.length in plan.sizes and (planned.frames <= planned.length).all()
            rows = zip(planned.rows[0], planned.start[0], planned.frames[0], strict=True)
            found += [tuple(map(int, row)) for row in rows if row[0] >= 0]
        pieces = cutting(epoch)
        expected = zip(pieces.clip, pieces.start, pieces.frames, strict=True)
        assert sorted(found) == sorted(tuple(map(int, row)) for row in expected)
