"""Damaged files of every format: refused with a message, or the same answer."""

import resource

import helpers
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats

TRIES = 1000
# These hold checksums; the others are bare numbers, of which any other number is as good.
CHECKED = (".clip.npz", ".npz", ".parquet")


def _most_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _saved(folder):
    rng = np.random.default_rng(11)
    clip = clips.Clip(rng.random((3, 543, 3)).astype(np.float32), np.arange(3) / 30, fps=30.0)
    clip.save(folder / "good.clip.npz")
    return formats.open_collection(folder / "good.clip.npz")


def _try(path, name, files, checked):
    """Damages each of `files` of a collection in turn; it is refused, or gives the same clip."""
    rng = np.random.default_rng(11)
    good, contents = formats.open_collection(path, name).read(0), [f.read_bytes() for f in files]
    before, refused = _most_memory(), 0
    for number in range(TRIES):
        file, data = files[number % len(files)], contents[number % len(files)]
        helpers.rewrite(file, helpers.damaged(data, rng, cut=rng.random() < 0.25))
        try:
            found = formats.open_collection(path, name).read(0)
        except UserError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            if checked:
                np.testing.assert_array_equal(found.landmarks, good.landmarks)
        if len(files) > 1:  # else the next try writes it anew
            helpers.rewrite(file, data)
    assert refused > TRIES / 10 and _most_memory() - before < 1 << 20  # KiB


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".clip.npz", ".npz", ".parquet", ".npy", ".pose"])
def test_damaged_files_are_refused_or_give_the_same(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    names = {".npz": "fslr", ".parquet": "google_islr", ".npy": "signon", ".pose": "pose"}
    name = names.get(suffix, "clips")
    formats.write_collection(_saved(tmp_path), path, name)
    _try(path, name, [path], suffix in CHECKED)


@pytest.mark.slow
def test_damaged_stores_are_refused_or_give_the_same(tmp_path):
    path = tmp_path / "x.store"
    formats.write_collection(_saved(tmp_path), path, "store")
    _try(path, "store", sorted(path.iterdir()), checked=True)


def test_a_column_whose_name_is_no_text_is_told(tmp_path):
    path = tmp_path / "x.parquet"
    formats.write_collection(_saved(tmp_path), path, "google_islr")
    path.write_bytes(path.read_bytes().replace(b"landmark_index", b"landmark_inde\xf3"))
    with pytest.raises(UserError, match="x.parquet: not a readable parquet file"):
        formats.open_collection(path, "google_islr").read(0)
