"""Reading and writing `.npz` files: no pickles, no half-written files, clear errors."""

import os
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError

# What numpy and zipfile raise on a file that is not, or no longer, a good npz.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    KeyError,
    NotImplementedError,
)


def write_npz(path: str | os.PathLike, arrays: Mapping[str, Any]) -> Path:
    """Writes a compressed npz under a temporary name, then renames it: whole or absent."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def read_npz(path: str | os.PathLike, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an npz, or those of `keys` that it holds.

    Raises:
        UserError: the file is absent, is no npz, is damaged, or holds pickled objects.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("this is a single .npy array")
        with archive:
            return {k: archive[k] for k in archive.files if keys is None or k in keys}
    except BROKEN as error:
        raise UserError(
            f"{path}: cannot be read as an .npz of plain arrays ({error}). "
            "Make the file again; it may have been cut short."
        ) from error
