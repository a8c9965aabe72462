"""Damaged files of every format: refused with a message, or the same answer."""

import resource

import helpers
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats

TRIES = 150
# These hold checksums; the others are bare numbers, of which any other number is as good.
CHECKED = (".clip.npz", ".npz", ".parquet")


def _most_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("suffix", [".clip.npz", ".npz", ".parquet", ".npy", ".pose"])
def test_damaged_files_are_refused_or_give_the_same(tmp_path, suffix):
    rng = np.random.default_rng(11)
    clip = clips.Clip(rng.random((3, 543, 3)).astype(np.float32), np.arange(3) / 30, fps=30.0)
    clip.save(tmp_path / "good.clip.npz")
    path = tmp_path / f"x{suffix}"
    names = {".npz": "fslr", ".parquet": "google_islr", ".npy": "signon", ".pose": "pose"}
    name = names.get(suffix, "clips")
    formats.write_collection(formats.open_collection(tmp_path / "good.clip.npz"), path, name)
    good, data = formats.open_collection(path, name).read(0), path.read_bytes()
    before = _most_memory()
    for _ in range(TRIES):
        path.write_bytes(helpers.damaged(data, rng, cut=rng.random() < 0.25))
        try:
            found = formats.open_collection(path, name).read(0)
        except UserError as error:
            assert str(path) in str(error)
            continue
        if suffix in CHECKED:
            np.testing.assert_array_equal(found.landmarks, good.landmarks)
    assert _most_memory() - before < 1 << 20  # KiB
