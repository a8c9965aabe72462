"""Which pieces of clips an epoch holds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.input import planning
from jaxsign.input.signs import pieces

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


def windows(lengths, window, seed=0):
    def room(frames):
        return frames[:, None]

    return pieces.ClipWindows(np.array(lengths), window, max(window // 2, 1), seed, room)


@settings(deadline=None, max_examples=60)
@given(LENGTHS, st.integers(2, 30), st.integers(0, 9))
def test_windows_cover_every_clip_and_are_as_many_in_every_epoch(lengths, window, seed):
    lengths = np.array(lengths)
    cutting = windows(lengths, window, seed)
    counts = set()
    for epoch in range(3):
        found = cutting(epoch)
        start, frames = found.part.T
        counts.add(len(found.example))
        assert (frames >= 1).all() and (frames <= window).all()
        assert (start + frames <= lengths[found.example]).all()
        assert (found.sizes[:, 0] == frames).all() and np.isin(found.sizes, cutting.sizes).all()
        for clip, total in enumerate(lengths):
            seen = np.zeros(total, bool)
            for first, count in found.part[found.example == clip]:
                seen[first : first + count] = True
            assert seen.all()
    assert len(counts) == 1


def test_half_of_the_short_clips_give_a_random_piece_of_at_least_half_their_length():
    lengths = np.array([10, 11, 12, 13, 40])
    cutting = windows(lengths, 20)
    drawn = set()
    for epoch in range(20):
        found = cutting(epoch)
        short = found.example < 4
        extra = np.flatnonzero(short)[4:]  # behind the clips themselves
        assert len(extra) == 2
        assert (2 * found.part[extra, 1] >= lengths[found.example[extra]]).all()
        drawn |= {int(i) for i in found.example[extra]}
    assert drawn == {0, 1, 2, 3}
    assert list(cutting(0).part[found.example == 4, 0]) == [0, 10, 20, 30]


def test_a_plan_of_windows_gives_every_piece_once():
    cutting = windows([10, 11, 12, 13, 40, 55], 20)
    buckets = planning.bucket_sizes((8, 16), (20,))
    plan = planning.Plan(cutting, buckets, 4, 1, 0, shuffle=True)
    for epoch in range(3):
        found = []
        for number in range(epoch * plan.per_epoch, (epoch + 1) * plan.per_epoch):
            planned = plan[number]
            assert planned.size in plan.sizes and (planned.parts[..., 1] <= planned.size).all()
            rows = zip(planned.rows[0], planned.parts[0], strict=True)
            found += [(int(row), *map(int, part)) for row, part in rows if row >= 0]
        made = cutting(epoch)
        expected = zip(made.example, made.part, strict=True)
        assert sorted(found) == sorted((int(row), *map(int, part)) for row, part in expected)
