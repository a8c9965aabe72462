"""Files of arrays are read as they were written, or not at all."""

import io
import zipfile

import numpy as np
import pytest

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats


def _npz(arrays, header=None):
    """The bytes of an npz; `header`: (old, new) bytes, put in after the checksums were made."""
    content = io.BytesIO()
    np.savez(content, **arrays)
    data = content.getvalue()
    return data.replace(*header) if header else data


def test_an_array_that_became_shorter_by_one_bit_is_refused(tmp_path):
    path = tmp_path / "clip.npz"
    x = np.arange(37 * 156, dtype=np.float32).reshape(37, 156)
    path.write_bytes(_npz({"X": x}))
    np.testing.assert_array_equal(files.read_npz(path)["X"], x)
    with files.open_npz(path) as archive:
        assert archive.keys == ("X",) and archive.header("X") == ((37, 156), np.dtype(np.float32))
    path.write_bytes(_npz({"X": x}, header=(b"(37, 156)", b"(17, 156)")))
    with pytest.raises(UserError, match=r"clip\.npz: not an \.npz file"):
        files.read_npz(path)


def test_an_array_that_is_shorter_than_its_member_is_refused(tmp_path):
    path, member = tmp_path / "clip.npz", io.BytesIO()
    np.save(member, np.ones((4, 2), np.float32))
    with zipfile.ZipFile(path, "w") as archive:  # its checksum is right
        archive.writestr("X.npy", member.getvalue().replace(b"(4, 2)", b"(3, 2)"))
    with pytest.raises(UserError, match="X is longer than its header says"):
        files.read_npz(path)


@pytest.mark.parametrize("names", [("X.npy", "X.npy"), ("X", "X.npy")])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path, names):
    path = tmp_path / "clip.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            member = io.BytesIO()
            np.save(member, np.full(3, number))
            archive.writestr(name, member.getvalue())
    with pytest.raises(UserError, match="two of its arrays have one name: X"):
        files.read_npz(path)


def test_an_array_beside_the_wanted_one_is_not_read(tmp_path):
    path = tmp_path / "clip.npz"
    y = np.full(5, 7, np.int32)
    path.write_bytes(_npz({"X": np.ones(3), "y": y}, header=(y.tobytes(), y.tobytes()[::-1])))
    assert list(files.read_npz(path, ("X",))) == ["X"]
    with pytest.raises(UserError, match="Bad CRC-32"):
        files.read_npz(path)


def _claims(path, shape, content, method=zipfile.ZIP_STORED):
    """An npz whose array X claims a shape and has `content` behind its header."""
    member = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("X.npy", member.getvalue() + content)


def test_an_array_that_claims_more_than_its_file_holds_takes_no_memory(tmp_path):
    _claims(tmp_path / "x.npz", (10**9, 156), bytes(1000))
    with pytest.raises(UserError, match=r"X \[1000000000, 156\] is cut short"):
        files.read_npz(tmp_path / "x.npz")


def test_arrays_beyond_the_limit_and_bombs_are_refused(tmp_path):
    frames = 600_000
    _claims(tmp_path / "x.npz", (frames, 156), bytes(frames * 156 * 4), zipfile.ZIP_DEFLATED)
    assert (tmp_path / "x.npz").stat().st_size < 1_000_000
    with pytest.raises(UserError, match="bytes packed into"):
        files.read_npz(tmp_path / "x.npz")
    with (
        reading.limited(1 << 20),
        pytest.raises(UserError, match="array X takes.*--max-bytes 3744"),
    ):
        files.read_npz(tmp_path / "x.npz")


def test_the_list_of_members_is_bounded(tmp_path):
    path = tmp_path / "x.npz"
    end = b"PK\5\6" + bytes(4) + b"\xff" * 4 + (9_000_000).to_bytes(4, "little") + bytes(6)
    path.write_bytes(b"PK\1\2" + bytes(9_000_100) + end)
    with pytest.raises(UserError, match="its list of members alone has 9,000,000 bytes"):
        files.read_npz(path)


def test_stored_arrays_are_read_when_asked_for(tmp_path):
    path = tmp_path / "clip.npz"
    y, words = np.arange(50_000, dtype=np.int32), np.array(["a"])
    arrays = {"X": np.ones((3, 2)), "y": y, "words": words}
    path.write_bytes(_npz(arrays, header=(y.tobytes(), y.tobytes()[::-1])))
    stored = files.StoredArrays(path, "fi")
    assert list(stored) == ["X", "y"] and len(stored) == 2 and "words" not in stored
    assert stored.outlines["y"].shape == (50_000,) and stored.outlines["y"].dtype == np.int32
    np.testing.assert_array_equal(stored["X"], np.ones((3, 2)))
    with pytest.raises(UserError, match="Bad CRC-32"):
        stored["y"]


def claiming(folder, shape, key="X"):
    """An npz and a .npy whose header tells a shape, with 4 bytes behind it."""
    text = io.BytesIO()
    form = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(text, form)
    (folder / "a.npy").write_bytes(text.getvalue() + bytes(4))
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr(f"{key}.npy", text.getvalue() + bytes(4))
    return folder / "a.npz", folder / "a.npy"


@pytest.mark.parametrize("shape", [(-1, 156), (0, 10**20), (10**10, 10**10, 0), (2**62, 2)])
def test_a_header_of_an_impossible_shape_is_told(tmp_path, shape):
    packed, single = claiming(tmp_path, shape)
    for read in (files.read_npz, files.StoredArrays, formats.detect):
        with pytest.raises(UserError, match=r"a.npz: .* claims the shape \["):
            read(packed)
    with pytest.raises(UserError, match=r"a.npy: not a readable .npy file"):
        formats.detect(single)


def test_what_an_npz_holds_is_told_as_it_is(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([{}], object))
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    for read, name in ((files.read_npz, "a.npz"), (formats.detect, "a.npy")):
        with pytest.raises(UserError, match="Python objects .*never loaded.*astype") as told:
            read(tmp_path / name)
        assert "cut short" not in str(told.value)
    np.savez(tmp_path / "b.clip.npz", points=np.zeros(3), other=np.zeros(3))
    with pytest.raises(UserError, match=r"found points, other\)"):
        clips.load(tmp_path / "b.clip.npz")
