"""What formats of one file a clip share: finding files, names, and sizes from headers alone."""

from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import files, lookup
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips


def below(folder: Path, suffix: str) -> dict[str, Path]:
    """As `lookup.below`; clip files are no other .npz."""
    return lookup.below(folder, suffix, _shown(suffix))


def files_named(folder: Path, suffix: str) -> lookup.Lookup:
    """Those of `below` by the names that tables have for them."""
    return lookup.Lookup(folder, suffix, _shown(suffix))


def has_below(folder: Path, suffix: str) -> bool:
    """Whether a folder holds, at any depth, a file that ends with `suffix`."""
    return finding.holds(folder, _shown(suffix), f"{suffix} files")


def _shown(suffix: str) -> Callable[[str], bool]:
    """Whether a name ends so; clip files are no other .npz."""
    apart = suffix != clips.SUFFIX
    return lambda name: ends(name, suffix) and not (apart and ends(name, clips.SUFFIX))


def ends(name: str | Path, suffix: str) -> bool:
    """Whether a file has an ending, in capitals or not."""
    return str(name).lower().endswith(suffix)


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an npz file's arrays, from their headers.

    Raises:
        UserError: absent, damaged, or not an npz.
    """
    with files.open_npz(path) as archive:
        return {key: archive.header(key)[0] for key in archive.keys}


def npz_keys(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of an npz file's arrays; {} where it is none."""
    try:
        return npz_shapes(path)
    except UserError:
        return {}
