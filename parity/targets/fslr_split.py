"""FSLR's stratified split of a labels file, with its three recorded sets of options."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import Collection, Entry
from jaxsign.input.signs.preparing import splitting
from parity.targets import FileCheck

_SIDES = ("train", "val")


def data_split(path: Path) -> FileCheck:
    """`data_split.json`: the rows of train_labels.csv and val_labels.csv, in their order."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    names = labels.label_map(str(path.parent / "labels_reference.csv"), {})["cat"]
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for case, row in recorded["expected"].items():
        options = dict(zip(row["args"][::2], row["args"][1::2], strict=True))
        made = _split(recorded["labels_csv"], names, options)
        for side in _SIDES:
            header, *rows = row[f"{side}_labels"]
            expected[f"{case}/{side}"] = [",".join(cells) for cells in rows]
            produced[f"{case}/{side}"] = [
                ",".join(str(made[entry.name][column]) for column in header)
                for entry in made["collection"].entries
                if entry.split == side
            ]
    return FileCheck(expected, produced)


def _split(
    rows: Sequence[Mapping[str, Any]], categories: Sequence[str], options: Mapping[str, str]
) -> dict[str, Any]:
    """The split collection under `collection`, and the row of every clip under its name."""
    wanted = options.get("--cats", "").casefold()
    kept = [row for row in rows if wanted in ("", categories[row["cat"]].casefold())]
    stems = [labels.stem_of(row["file"], (".npz",)) for row in kept]
    pairs = zip(stems, kept, strict=True)
    entries = [Entry(stem, (str(row["gloss"]),)) for stem, row in pairs]
    collection = Collection("labels.csv", "fslr", entries, _unread)
    share = 1 - float(options.get("--train-ratio", 0.8))
    made = splitting.split(collection, "stratified", test_share=0.0, val_share=share)
    found: dict[str, Any] = {"collection": splitting.shuffled(made)}
    return found | {s: {**row, "file": s} for s, row in zip(stems, kept, strict=True)}


def _unread(index: int) -> Clip:
    raise UserError(f"clip {index} is a row alone")
