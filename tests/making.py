"""Small clips and collections for the tests of formats."""

import numpy as np
from hypothesis import strategies as st

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip

PARTS = (clips.FACE, clips.LEFT_HAND, clips.POSE, clips.RIGHT_HAND)


def clip(frames=5, seed=0, fps=30.0, absent=(), size=(64, 48), visibility=True):
    """Noise with a few absent parts in single frames, and `absent` parts throughout."""
    rng = np.random.default_rng(seed)
    landmarks = rng.random((frames, 543, 3), np.float32)
    for part in PARTS:
        landmarks[rng.random(frames) < 0.3, part] = np.nan
    for part in absent:
        landmarks[:, part] = np.nan
    seen = ~np.isnan(landmarks[:, clips.POSE]).any(axis=-1)
    return Clip(
        landmarks,
        np.arange(frames) / fps,
        frame_size=size,
        fps=fps,
        source=f"made-{seed}",
        visibility=seen * rng.uniform(0.01, 1, seen.shape) if visibility else None,
    )


@st.composite
def made_clips(draw):
    absent = draw(st.lists(st.sampled_from(PARTS), max_size=3, unique_by=lambda part: part.start))
    return clip(
        frames=draw(st.integers(1, 8)),
        seed=draw(st.integers(0, 10**6)),
        fps=draw(st.sampled_from((25.0, 29.97, 60.0))),
        absent=absent,
        size=draw(st.sampled_from(((0, 0), (640, 480), (1080, 1920)))),
        visibility=draw(st.booleans()),
    )


class Held:
    """A reader of clips in memory."""

    def __init__(self, held):
        self.held = held

    def __call__(self, index):
        return self.held[index]


def collection(held, entries=None, **rest):
    """A collection of clips in memory, labelled unless `entries` says otherwise."""
    if entries is None:
        entries = [
            formats.Entry(f"a/{i:02d}", (("YES", "NO", "GOOD | BYE")[i % 3],), "", f"s{i % 2}")
            for i in range(len(held))
        ]
    return formats.Collection("memory", "made", entries, Held(held), **rest)


def same(one, other, rtol=0.0):
    """Whether two clips agree in everything but `source`."""
    np.testing.assert_allclose(one.landmarks, other.landmarks, rtol=rtol)
    np.testing.assert_allclose(one.timestamps, other.timestamps, rtol=1e-12)
    assert (one.frame_size, one.fps) == (other.frame_size, other.fps)
    assert (one.visibility is None) == (other.visibility is None)
    if one.visibility is not None:
        np.testing.assert_allclose(one.visibility, other.visibility, rtol=rtol)
