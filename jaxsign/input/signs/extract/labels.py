"""The videos' labels.csv, rewritten so that it names their clips."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.input import segments, tables
from jaxsign.input.folders import finding
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import videos
from jaxsign.whole import write_text

NAME = "labels.csv"


def carry_over(
    source: Path,
    out: Path,
    names: Mapping[str, str],
    *,
    overwrite: bool,
    thinned: bool = False,
    by_folder: bool = False,
) -> list[str]:
    """Writes `out/labels.csv` with the clips' names in the column `file`; all else stays.

    Rows of films without a clip are left out, so that what reads the folder can: they come back
    when a later extraction makes the clip.

    Args:
      source: folder of the videos; without labels.csv there nothing is written, unless
        `by_folder`.
      out: folder of the clips.
      names: clip names by video name.
      overwrite: replace a different labels.csv there.
      thinned: the clips lack frames of their videos.
      by_folder: a video's sign is the name of the folder that it lies in.

    Returns:
      Lines for the user: what was written, and rows that were left out.
    """
    path = source / NAME
    if not path.is_file() and not by_folder:
        return _hint(names)
    if source.resolve() == out.resolve():
        return [f"{path}: left as it is, it names the videos that lie here too"]
    try:
        rows = _of_folders(names) if by_folder else tables.read_rows(path, ("file",))
        if thinned:
            _check_frames(path, rows)
    except UserError as error:
        return [f"labels not carried over: {error}"]
    known = _by_any_name({tables.nfc(video): clip for video, clip in names.items()})
    told = _unknown(path, rows, known)
    rows = [row for row in rows if row.cells["file"] in known]
    kept: list[tables.Row] = []
    absent: list[tables.Row] = []
    for row in rows:
        there = videos.clip_path(out, known[row.cells["file"]]).is_file()
        (kept if there else absent).append(row)
    told += _without_clip(path, [row.cells["file"] for row in absent])
    for row in kept:
        row.cells["file"] = f"{known[row.cells['file']]}{clips.SUFFIX}"
    return [*told, _write(out / NAME, kept, overwrite)] if kept else told


def check_folders(source: Path, names: Sequence[str]) -> None:
    """Raises UserError unless the videos' folders can tell their signs.

    Args:
      source: folder of the videos.
      names: of the videos, paths below it.
    """
    if (source / NAME).is_file():
        raise UserError(
            f"{source / NAME} tells the signs: leave --signs-by-folder out, or remove it"
        )
    if bare := [name for name in names if "/" not in name]:
        raise UserError(
            f"--signs-by-folder: {bare[0]}, one of {len(bare)} of {len(names)} videos, lies in no "
            f"folder below {source}. Put each into a folder with the name of its sign"
        )


def _of_folders(names: Iterable[str]) -> list[tables.Row]:
    """Rows of videos whose sign is their folder's name."""
    return [
        tables.Row(number, {"file": name, "gloss": PurePosixPath(name).parent.name})
        for number, name in enumerate(sorted(names), 2)
    ]


def _hint(names: Iterable[str]) -> list[str]:
    """What is said of videos that nothing labels and that lie in folders."""
    folders = sorted({PurePosixPath(name).parent.as_posix() for name in names})
    if len(folders) < 2 or "." in folders:
        return []
    shown = ", ".join(folders[:5]) + (", ..." if len(folders) > 5 else "")
    return [
        f"no {NAME} beside the videos, so the clips have no signs. They lie in {len(folders)} "
        f"folders ({shown}): if these are the signs, the same command with --signs-by-folder "
        f"writes {NAME}, and no clip is made again"
    ]


def _check_frames(path: Path, rows: Sequence[tables.Row]) -> None:
    """Refuses parts that count frames which the clips lack; wrong ones are told with the clips."""
    for row in rows:
        with contextlib.suppress(ValueError):
            part = segments.of_cells(row.cells)
            if part and part.unit == "frames":
                raise UserError(
                    f"{path} line {row.number}: frame_start and frame_end count the film's frames, "
                    "but its clip keeps some of them. Give start and end in seconds, or extract "
                    "without --every-nth and --target-fps"
                )


def _unknown(path: Path, rows: Sequence[tables.Row], known: Mapping[str, str]) -> list[str]:
    """What is said of rows that name no video."""
    near = finding.NearNames(known)
    found = [
        f"line {row.number}: {row.cells['file']!r}.{near.hint(row.cells['file'])}".rstrip(".")
        for row in rows
        if row.cells["file"] not in known
    ]
    if not found:
        return []
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    return [
        f"{path}: {len(found)} of {len(rows)} rows name no video here and were left out ({shown})"
    ]


def _without_clip(path: Path, films: Sequence[str]) -> list[str]:
    """What is said of rows whose film has no clip."""
    if not films:
        return []
    shown = ", ".join(films[:5]) + (", ..." if len(films) > 5 else "")
    return [
        f"{path}: {len(films)} rows were left out, for their films have no clip ({shown}). Mend "
        "these films and extract again, and their rows are added"
    ]


def _by_any_name(names: Mapping[str, str]) -> dict[str, str]:
    """Clips by all that a labels file may call them: the video, the clip, with or without ending.

    A name without ending that two videos share names neither.
    """
    result: dict[str, str] = {}
    shared = set()
    for video, clip in names.items():
        bare = videos.stem(video)
        if bare in result and bare != video:
            shared.add(bare)
        result[bare] = clip
    for stem in shared:
        del result[stem]
    for video, clip in names.items():
        result |= {video: clip, f"{clip}{clips.SUFFIX}": clip}
    return result


def _write(path: Path, rows: list[tables.Row], overwrite: bool) -> str:
    text = _text(rows, rows)
    if path.exists() and not overwrite:
        there = path.read_text(encoding="utf-8", errors="replace")
        if there == text:
            return f"{path}: up to date"
        written = path.stat().st_mtime_ns
        before = [r for r in rows if (path.parent / r.cells["file"]).stat().st_mtime_ns <= written]
        # A table as an earlier extraction left it, of the clips that there were, is not edited.
        if there != _text(rows, before):
            return (
                f"{path}: differs from the videos' labels and was left as it is; remove it to renew"
            )
    write_text(path, text)
    return f"{path}: written, {len(rows)} rows"


def _text(rows: Sequence[tables.Row], kept: Sequence[tables.Row]) -> str:
    names = list(rows[0].cells)
    return spreadsheet.text(names, ([row.cells[name] for name in names] for row in kept))
