"""Examples that rows of a labels.csv name, with class numbers and in their order: a file each."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import labels, lookup, segments, tables
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import clip_source, cuts, formats, fslr_npz, numbering, rates
from jaxsign.input.signs.clip import Clip
from jaxsign.sections.data import SPLITS

Array = np.ndarray
_HELD_BYTES = 1 << 30


def place(data: ConfigDict, split: str) -> tuple[Path, Path]:
    """The folder and the labels file that the recipe gives for a split.

    Raises:
      UserError: not given, or not there.
    """
    entry = data[split]
    if not entry.path:
        raise UserError(
            f"data.{split}.path is not set. Give the folder of the {split} clips: "
            f"--config.data.{split}.path=DIR"
        )
    folder = Path(entry.path)
    if not folder.is_dir():
        raise UserError(f"data.{split}.path={entry.path}: no such folder")
    return folder, Path(entry.labels) if entry.labels else folder / "labels.csv"


def opened(
    data: ConfigDict, split: str, limits: Mapping[str, int], *, stored: bool
) -> clip_source.Source:
    """The examples of a split, all checked.

    Args:
      data: `config.data`.
      split: which.
      limits: classes of each head that the recipe fixes.
      stored: files hold arrays that are taken as they are, not clips.

    Raises:
      UserError: everything that is wrong with the files and labels.
    """
    folder, path = place(data, split)
    load: Callable[[Path], Clip | Array] = functools.partial(_clip, fps=data.source_fps)
    if stored:
        load = functools.partial(fslr_npz.read, key=data.key)
    suffix = ".npz" if stored else clips.SUFFIX
    named = _table_names(data, split, limits)
    endings = (suffix, ".npz", ".parquet")
    table = labels.read_table(folder, path, limits, endings, split, named)
    if stored and any(table.parts):
        table.problems.append(
            f"{path}: start and end cut clips, not stored arrays: leave these columns out, or read "
            "the clips (--config.data.source=clips)"
        )
    files = formats.files_named(folder, suffix)
    reader = _Files([files.path(stem) for stem in table.stems], table.parts, load)
    if data.missing != "skip":
        table.problems += _absent(reader.paths, table.stems, files)
    kept, lengths = reader.check(data.key, table.problems)
    labels.raise_all(table.problems, f"{split} data {folder}")
    table.log_skipped(len(kept))
    return clip_source.Source(
        name=str(folder),
        ids=[table.names[i] for i in kept],
        lengths=np.array(lengths, np.int32),
        labels={head: values[kept] for head, values in table.labels.items()},
        reader=formats.At(reader, kept),
        class_names=named,
        paths=[reader.paths[i] for i in kept],
        occluded=None if table.occluded is None else table.occluded[kept],
        signers=[table.signers[i] for i in kept] if any(table.signers) else (),
    )


def _table_names(data: ConfigDict, split: str, limits: Mapping[str, int]) -> numbering.Names:
    """The classes of each head whose tables hold names, in the same order for all splits."""
    given = data.get("class_names") or labels.label_map(data.label_map, limits)
    if given:
        return {head: tuple(names) for head, names in given.items() if names}
    cells: dict[str, list[str]] = {head: [] for head in labels.HEADS}
    for other in SPLITS:
        folder = Path(data[other].path)
        path = Path(data[other].labels) if data[other].labels else folder / "labels.csv"
        if not data[other].path or not path.is_file():
            continue
        with numbering.spared(split, other):
            rows = tables.read_rows(path, labels.REQUIRED)
            for head, found in cells.items():
                found += [row.cells.get(head, "") for row in rows]
    names = {
        head: formats.in_order((), found)
        for head, found in cells.items()
        if any(found) and not any(map(labels.is_number, found))
    }
    numbering.check_counts(names, limits, str(data.train.path))
    return names


def _absent(paths: Sequence[Path], names: Sequence[str], files: lookup.Lookup) -> list[str]:
    return [
        f"{path}: no such file (row {i + 1} of the labels).{files.near(name)} "
        "Mend the row, or leave such rows out: --config.data.missing=skip (evaluate: "
        "--skip-missing)"
        for i, (path, name) in enumerate(zip(paths, names, strict=True))
        if not path.is_file()
    ]


def _clip(path: Path, fps: float) -> Clip:
    return rates.timed(clips.load(path), fps)


@dataclasses.dataclass
class _Files:
    """A file an example. Arrays that were read to be checked are held, as far as there is room."""

    paths: list[Path]
    parts: Sequence[segments.Segment | None]
    load: Callable[[Path], Clip | Array]
    held: dict[int, Array] = dataclasses.field(default_factory=dict)

    def check(self, key: str, problems: list[str]) -> tuple[list[int], list[int]]:
        """The files that are good and their frames; adds what is wrong with others that exist."""
        kept, lengths, left = [], [], _HELD_BYTES
        widths: dict[tuple[int, ...], Path] = {}
        for i, path in enumerate(self.paths):
            if not path.is_file():
                continue
            try:
                value = self._read(i)
            except UserError as error:
                problems.append(str(error))
                continue
            kept.append(i)
            lengths.append(len(value))
            if isinstance(value, np.ndarray):
                left -= value.nbytes
                if left > 0:
                    self.held[i] = value
                widths.setdefault(value.shape[1:], path)
        if len(widths) > 1:
            (first, a), (second, b) = list(widths.items())[:2]
            problems.append(
                f"{b}: {key} has {list(second)} a frame, but {a} has {list(first)}; "
                "all clips must have the same width"
            )
        return kept, lengths

    def __call__(self, index: int) -> Clip | Array:
        return self.held[index] if index in self.held else self._read(index)

    def _read(self, index: int) -> Clip | Array:
        path, part = self.paths[index], self.parts[index]
        value = self.load(path) if part is None else cuts.whole(self.load, path)
        return cuts.cut(value, part) if isinstance(value, Clip) else value

    def __getstate__(self) -> dict[str, Any]:
        # A worker process reads the files itself: sending it everything would take longer.
        return {**self.__dict__, "held": {}}
