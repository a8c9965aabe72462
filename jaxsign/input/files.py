"""Reading and writing `.npz` files: no pickles, no half-written files, clear errors."""

import os
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
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
)


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> Path:
    """Writes a compressed npz, whole or not at all."""
    path = Path(path)
    with whole(path) as draft, open(draft, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return path


def read_npz(path: str | os.PathLike, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz, or those of `keys` that it holds.

    Raises:
        UserError: the file is absent, is no npz, is damaged, or holds pickled objects.
    """
    path = Path(path)
    reading.check(path)
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("this is a single .npy array")
        with archive:
            arrays = {k: archive[k] for k in archive.files if keys is None or k in keys}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a member is not an array")
        return arrays
    except PermissionError as error:
        raise UserError(f"{path}: permission denied") from error
    except BROKEN as error:
        raise UserError(
            f"{path}: not an .npz file of plain arrays "
            f"({reading.told(path, 'a zip archive', error)}). Make the file again; it may have "
            "been cut short."
        ) from error


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
