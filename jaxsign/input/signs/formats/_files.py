"""What formats of one file a clip share: finding files, names, and sizes from headers alone."""

from collections.abc import Iterator
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip as clips


def below(folder: Path, suffix: str) -> dict[str, Path]:
    """Name -> file for all files of a folder and those below that end with `suffix`, in order."""
    kept = sorted(_shown(folder, suffix))
    return {p.relative_to(folder).as_posix()[: -len(suffix)]: p for p in kept}


def has_below(folder: Path, suffix: str) -> bool:
    """Whether a folder holds, at any depth, a file that ends with `suffix`."""
    return any(True for _ in _shown(folder, suffix))


def _shown(folder: Path, suffix: str) -> Iterator[Path]:
    """Files at any depth; hidden ones are drafts, or not meant, and clip files no other .npz."""
    for path in folder.rglob(f"*{suffix}"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        other = suffix != clips.SUFFIX and path.name.endswith(clips.SUFFIX)
        if not hidden and not other and not path.is_dir():  # a link that leads nowhere counts
            yield path


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
