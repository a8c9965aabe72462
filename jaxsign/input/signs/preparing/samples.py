"""Samples of keypoints with their labels: folders of npz files, and copies of a `datasets` set."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.folders import finding
from jaxsign.input.signs import joint_checks
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import SPLITS, Collection, Entry
from jaxsign.input.signs.preparing import label_table, voya

Array = np.ndarray
_PARTS = {"train": "train", "validation": "val", "val": "val", "test": "test"}


@dataclasses.dataclass(frozen=True)
class Sample:
    """One sample before it is read.

    Attributes:
      name: for messages, and the clip's.
      split: "" where unknown.
      read: gives the clip, or joints [T, 42, 7], and the label that the sample itself has.
      label: where it has none.
      path: its file, if it has one.
    """

    name: str
    split: str
    read: Callable[[], tuple[Clip | Array, str]]
    label: str = ""
    path: Path | None = None


def collect(
    folder: Path,
    found: Sequence[Sample],
    table: label_table.LabelTable | None = None,
    *,
    separator: str = "",
    names: Callable[[Sequence[str]], tuple[str, ...]] = voya.class_names,
    on_sample: Callable[[str], None] | None = None,
) -> Collection:
    """The samples that can be used, with labels: those of the table, else the samples' own.

    Args:
      folder: where they lie, for messages.
      found: every one is read once here, and again when it is written.
      table: labels by file name.
      separator: between the glosses of one label; "" = a label is one gloss.
      names: the classes' order, from all glosses as they appear.
      on_sample: called with the name of every sample that is checked.

    Returns:
      A collection whose reader gives what the samples' do. Samples that cannot be used are its
      problems.
    """
    rows: dict[int, label_table.LabelledFile] = {}
    problems: list[str] = []
    if table:
        rows, problems = label_table.matched(table, [sample.name for sample in found], "sample")
    entries: list[Entry] = []
    readers: list[Sample] = []
    for i, sample in enumerate(found):
        if on_sample:
            on_sample(sample.name)
        row = rows.get(i)
        try:
            text = _checked(sample)
            glosses = row.glosses if row else _glosses(text, separator)
            if not glosses:
                raise UserError("has no label")
        except UserError as error:
            problems.append(_told(sample, error))
            continue
        split, signer = (row.split or sample.split, row.signer) if row else (sample.split, "")
        entries.append(Entry(sample.name, glosses, "", signer, split, sample.path))
        readers.append(sample)
    classes = names([gloss for entry in entries for gloss in entry.glosses])
    return Collection(str(folder), "samples", entries, _At(readers), problems, glosses=classes)


@dataclasses.dataclass(frozen=True)
class _At:
    samples: Sequence[Sample]

    def __call__(self, index: int) -> Any:
        return self.samples[index].read()[0]


def _checked(sample: Sample) -> str:
    """The label of a sample that can be used."""
    clip, label = sample.read()
    if len(clip) < joint_checks.FEWEST:
        raise UserError(f"{len(clip)} frames, expected at least {joint_checks.FEWEST}")
    return label or sample.label


def _told(sample: Sample, error: UserError) -> str:
    named = sample.path is not None and str(sample.path) in str(error)
    return str(error) if named else f"{sample.path or sample.name}: {error}"


def _glosses(text: str, separator: str) -> tuple[str, ...]:
    if separator:
        return label_table.separated(text, separator)
    return (text,) if text else ()


def below(
    folder: Path, suffixes: Sequence[str], read: Callable[[Path], tuple[Clip | Array, str]]
) -> list[Sample]:
    """The files of a folder and below, train first: splits and glosses are the folders' names.

    Folders train, validation or val, and test are splits; the rest of a path is the label of
    files that have none of their own.
    """
    found = []
    for path in finding.walk(folder, finding.ending(*suffixes)):
        parts = path.relative_to(folder).with_suffix("").parts
        split = _PARTS.get(parts[0], "") if len(parts) > 1 else ""
        label = "/".join(parts[1:-1] if split else parts[:-1])
        one = functools.partial(read, path)
        found.append(Sample("/".join(parts), split, one, label, path))
    order = ("", *SPLITS)
    return sorted(found, key=lambda sample: order.index(sample.split))


def keypoints(folder: Path, *, fps: float = 60.0, upstream: bool = False) -> list[Sample]:
    """The samples of keypoints below a folder: npz files, or what the `datasets` library stored.

    Args:
      folder: where they lie.
      fps: frames a second of the samples.
      upstream: arrays as the original makes them: no velocities of their own, no resampling.

    Raises:
      UserError: nothing there that could be read.
    """
    made = functools.partial(_made, folder=folder, fps=fps, upstream=upstream)
    if _is_stored(folder):
        found = _stored(folder, made)
    else:
        found = below(folder, (".npz",), functools.partial(_of_file, made))
    if not found:
        raise UserError(
            f"{folder}: no samples. Expected npz files with {' or '.join(voya.KEYPOINTS)} in "
            "train, validation and test, or a folder that the datasets library saved"
        )
    return found


_Make = Callable[[Mapping[str, Any]], tuple[Clip | Array, str]]


def _made(
    content: Mapping[str, Any], folder: Path, fps: float, upstream: bool
) -> tuple[Clip | Array, str]:
    """The clip or joints, and the label, of what a sample holds."""
    x = voya.keypoints(content, folder)
    try:
        made = voya.upstream_joints(x) if upstream else voya.clip(x, fps)
    except (ValueError, IndexError, TypeError) as error:
        raise UserError(str(error)) from error
    return made, voya.label(content)


def _of_file(made: _Make, path: Path) -> tuple[Clip | Array, str]:
    return made(files.StoredArrays(path))


def _is_stored(folder: Path) -> bool:
    """Whether the `datasets` library saved this folder, or can read it: parquet or arrow files."""
    names = ("dataset_dict.json", "state.json")
    return any((folder / name).is_file() for name in names) or bool(
        finding.walk(folder, finding.ending(".parquet"))
    )


def _stored(folder: Path, made: _Make) -> list[Sample]:
    """The rows of a set of the `datasets` library, split by split."""
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            f"{folder}: was made by the datasets library, which is not installed. Install it: "
            "pip install 'jaxsign[datasets]'. Folders of npz files need no library."
        ) from error
    try:
        if any((folder / name).is_file() for name in ("dataset_dict.json", "state.json")):
            loaded = datasets.load_from_disk(str(folder))
        else:
            loaded = datasets.load_dataset(str(folder))
    except Exception as error:
        raise UserError(f"{folder}: the datasets library cannot read it ({error})") from error
    parts = loaded if isinstance(loaded, dict) else {"": loaded}
    ordered = sorted(parts, key=lambda name: [*_PARTS, name].index(name))
    found = []
    for name in ordered:
        rows = parts[name]
        for i in range(len(rows)):
            read = functools.partial(_of_row, made, rows, i)
            found.append(Sample(f"{name or 'row'}/{i:05d}", _PARTS.get(name, ""), read))
    return found


def _of_row(made: _Make, rows: Any, index: int) -> tuple[Clip | Array, str]:
    return made(_named_row(rows, index))


def _named_row(rows: Any, index: int) -> Mapping[str, Any]:
    """A row with the names of its classes in place of their numbers, where the set has them."""
    row = dict(rows[index])
    for key in voya.LABEL:
        names = getattr(getattr(rows, "features", {}).get(key), "names", None)
        if names and isinstance(row.get(key), int):
            row[key] = names[row[key]]
    return row
