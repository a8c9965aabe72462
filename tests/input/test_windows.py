import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input import windows


@pytest.mark.parametrize("frames", [1, 9, 10, 11, 24, 25, 26])
def test_windows_cover_every_frame_in_order(frames):
    for places in (windows.stream(frames, 10, 5), windows.cover(frames, 10, 5)):
        starts = [start for start, _ in places]
        assert starts == list(range(0, 5 * len(places), 5))
        covered = np.zeros(frames, int)
        for start, count in places:
            assert 1 <= count <= 10
            covered[start : start + count] += 1
        assert covered.min() >= 1
    assert sum(count < 10 for _, count in windows.cover(frames, 10, 5)) <= 1


def test_cutting_pads_with_zeros():
    x = np.arange(1, 8)
    made = windows.cut(x, [(0, 4), (4, 3)], 4)
    np.testing.assert_array_equal(made, [[1, 2, 3, 4], [5, 6, 7, 0]])
    np.testing.assert_array_equal(windows.fit_length(x, 9), [*x, 0, 0])
    np.testing.assert_array_equal(windows.fit_length(x, 2), [1, 2])


def test_sizes_truncate_as_the_original_does():
    assert windows.sizes(3.0, 0.5, 60) == (180, 90)
    assert windows.sizes(3.0, 0.9, 60) == (180, 17)
    for duration, overlap in ((3.0, 0.999), (0.001, 0.5), (3.0, 1.0)):
        with pytest.raises(UserError, match="at least 1 of each"):
            windows.sizes(duration, overlap, 60)
