"""The participant split of the ASL hybrid's data set, and the order of its 25 signs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import Collection, Entry, google_islr
from jaxsign.input.signs.preparing import choosing, ways
from parity.targets import FileCheck

_SIDES = ("train", "test")


def participant_split(path: Path) -> FileCheck:
    """`split_participants.json`: who trains and who tests, clips a side, the chosen signs."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    named = {key: recorded[key] for key in ("published_25_sign_split", "mini_islr_split")}
    for name, row in (named | dict(enumerate(recorded["synthetic"]))).items():
        ids = row.get("participants_in_order_of_appearance", row.get("participants"))
        shares = {"test_share": row["test_size"]} if "test_size" in row else {}
        found = ways.by_signer(list(map(str, ids)), seed=row["seed"], **shares)
        for side in _SIDES:
            expected[f"{name}/{side}"] = sorted(row[side])
            produced[f"{name}/{side}"] = sorted(_on(side, ids, found))
    clips = _clips(path.parent / "mini_islr", recorded["mini_islr_split"])
    for side in _SIDES:
        expected[f"mini_islr/n_{side}"] = recorded["mini_islr_split"][f"n_{side}"]
        produced[f"mini_islr/n_{side}"] = len(_on(side, clips, clips))
    signs = list(recorded["signs25"])
    return FileCheck(expected | {"signs25": signs}, produced | {"signs25": _chosen(signs)})


def _on(side: str, names: Sequence[Any], splits: Sequence[str]) -> list[Any]:
    return [name for name, split in zip(names, splits, strict=True) if split == side]


def _clips(folder: Path, row: dict[str, Any]) -> list[str]:
    """The split of every row whose sign is in the map; two of them have no file that is whole."""
    signs = json.loads((folder / google_islr.INDEX).read_text(encoding="utf-8"))
    rows = tables.read_rows(folder / google_islr.TABLE, google_islr.COLUMNS)
    signers = [r.cells["participant_id"] for r in rows if r.cells["sign"] in signs]
    return ways.by_signer(signers, test_share=row["test_size"], seed=row["seed"])


def _chosen(signs: Sequence[str]) -> tuple[str, ...]:
    """What is chosen from a collection that has these signs in the alphabet's order, and others."""
    names = sorted([*signs, "TV", "after", "orange", "yes", "zebra"])
    entries = [Entry(name, (name,)) for name in names]
    return choosing.choose(Collection("signs", "clips", entries, _unread)).glosses


def _unread(index: int) -> Clip:
    raise UserError(f"clip {index} is a name alone")
