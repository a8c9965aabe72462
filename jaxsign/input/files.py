"""Reading and writing `.npz` files: no pickles, no half-written files, clear errors."""

import contextlib
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import archives, reading
from jaxsign.errors import UserError
from jaxsign.whole import whole

# What numpy and zipfile raise on a file that is not, or no longer, a good npz.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    KeyError,
    NotImplementedError,
    tokenize.TokenError,
    SyntaxError,
    RuntimeError,  # an encrypted archive
    MemoryError,  # a header that claims more than there is
    OverflowError,
)
FARTHEST = 1e9  # no position, speed or feature is larger
_MOST_NUMBERS = 1 << 48


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> Path:
    """Writes a compressed npz, whole or not at all."""
    path = Path(path)
    with whole(path) as draft, open(draft, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path


class Npz:
    """An open npz. A member is a stream, so that nothing beside the wanted arrays is read."""

    def __init__(self, path: Path, archive: zipfile.ZipFile):
        self._path, self._archive = path, archive
        names = archive.namelist()
        self._names = {name.removesuffix(".npy"): name for name in names}
        if len(self._names) < len(names):
            twice = archives.repeated(names) or names
            raise ValueError(f"two of its arrays have one name: {', '.join(twice[:5])}")

    @property
    def keys(self) -> tuple[str, ...]:
        """The arrays' names, in the file's order."""
        return tuple(self._names)

    def header(self, key: str) -> tuple[tuple[int, ...], np.dtype]:
        """Shape and type of an array, as its header says."""
        with self._archive.open(self._names[key]) as member:
            first = np.lib.format.read_magic(member) == (1, 0)
            form = np.lib.format
            read = form.read_array_header_1_0 if first else form.read_array_header_2_0
            shape, _, dtype = read(member)
        # A product of them beyond this overflows, also where one of them is 0.
        if min(shape, default=0) < 0 or math.prod(n or 1 for n in shape) > _MOST_NUMBERS:
            raise ValueError(f"{key} claims the shape {list(shape)}")
        return shape, dtype

    def _check_size(self, key: str) -> None:
        """Refuses an array that is too large, or that its file cannot hold."""
        shape, dtype = self.header(key)
        if dtype.hasobject:
            raise ValueError(f"{key} is of python objects")
        size = math.prod(shape) * dtype.itemsize
        info = self._archive.getinfo(self._names[key])
        if size > info.file_size:
            raise ValueError(f"{key} {list(shape)} is cut short")
        archives.check_member(self._path, info, f"array {reading.quoted(key)}")

    def read(self, key: str) -> np.ndarray:
        """An array; its checksum has been compared, which happens at a member's very end.

        Raises:
          UserError: too large.
        """
        self._check_size(key)
        with self._archive.open(self._names[key]) as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):
                raise ValueError(f"{key} is longer than its header says")
        return array


@contextlib.contextmanager
def open_npz(path: str | os.PathLike) -> Iterator[Npz]:
    """The one place where an npz is opened.

    Raises:
      UserError: the file is absent or no npz, names an array twice, or something that is read of it
        within the block is damaged or holds pickled objects.
    """
    path = Path(path)
    reading.check(path)
    try:
        with archives.opened(path) as archive:
            yield Npz(path, archive)
    except PermissionError as error:
        raise UserError(f"{path}: permission denied") from error
    except BROKEN as error:
        reason = reading.told(path, "a zip archive", error)
        raise UserError(
            f"{path}: not an .npz file of plain arrays ({reason}). {reading.mending(reason)}"
        ) from error


class StoredArrays(Mapping[str, np.ndarray]):
    """The arrays of an npz by name, each read anew when it is asked for.

    Args:
      path: the file.
      kinds: letters of `dtype.kind` of those that are meant; "" = all.

    Attributes:
      outlines: for every array one of its shape and type that holds no numbers.

    Raises:
      UserError: see `open_npz`; also when an array is read.
    """

    def __init__(self, path: Path, kinds: str = ""):
        self._path = path
        with open_npz(path) as archive:
            headers = {key: archive.header(key) for key in archive.keys}
        self.outlines = {
            key: np.broadcast_to(np.zeros((), dtype), shape)
            for key, (shape, dtype) in headers.items()
            if not kinds or dtype.kind in kinds
        }

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self.outlines:
            raise KeyError(key)
        with open_npz(self._path) as archive:
            return archive.read(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.outlines)

    def __len__(self) -> int:
        return len(self.outlines)


def outlines(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Arrays for their shapes and types alone: those of a file are not read for that."""
    return arrays.outlines if isinstance(arrays, StoredArrays) else arrays


def read_npz(path: str | os.PathLike, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz, or those of `keys` that it holds; raises as `open_npz`."""
    with open_npz(path) as archive:
        return {key: archive.read(key) for key in archive.keys if keys is None or key in keys}


def held(path: str | os.PathLike) -> str:
    """The names of an npz's arrays, for messages."""
    with open_npz(path) as archive:
        return ", ".join(archive.keys) or "none"


def as_float32(array: np.ndarray) -> np.ndarray:
    """The numbers in single precision; what is too large becomes infinite, for checks to refuse."""
    with np.errstate(over="ignore"):
        return array.astype(np.float32, copy=False)


def check_size(x: np.ndarray, name: str | Path) -> None:
    """Refuses frames [T, ...] with numbers that a net would overflow with; NaN passes.

    Raises:
      UserError: numbers beyond `FARTHEST`.
    """
    far = x[np.abs(x) > FARTHEST] if x.dtype.kind == "f" else x[:0]
    if far.size:
        raise UserError(
            f"{name}: {far.size} numbers beyond {FARTHEST:g}, such as {far.flat[0]:.4g}. Expected "
            "positions or features of a person: the file is damaged, or of another kind"
        )


def check_finite(x: np.ndarray, name: str | Path) -> None:
    """Refuses frames [T, ...] with numbers that are none.

    Raises:
      UserError: NaN or infinite values.
    """
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=tuple(range(1, x.ndim))).sum())
        raise UserError(
            f"{name}: {bad} of {len(x)} frames hold NaN or infinite numbers. Expected finite "
            "ones; missing keypoints are zeros in this layout."
        )
