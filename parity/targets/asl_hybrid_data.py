"""The ASL hybrid's reading of Google's isolated sign language files."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.signs.formats import _google_parquet, google_islr
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]


def parquet_tensors(case: cases.Case) -> Arrays:
    """`mini_islr_tensors.npz`: the tensors of the data set beside the case, by sequence."""
    files = {path.stem: path for path in (case.path.parent / case.call["data"]).rglob("*.parquet")}
    names = [name.removeprefix("output/") for name in case.expected]
    limit = case.call.get("max_len", 384)
    case.call.one_of("expected_json", "mini_islr_expected.json")
    return {f"output/{name}": _google_parquet.read_tensor(files[name], limit) for name in names}


def data_set(path: Path) -> FileCheck:
    """`mini_islr_expected.json`: what is loaded, what of every row is rejected, and the cut."""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    folder = path.parent / "mini_islr"
    collection = google_islr.open_path(folder)
    produced: dict[str, Any] = {}
    loaded, cut = [], []
    for entry in collection.entries:
        file, sequence = folder / f"{google_islr.FILES}/{entry.name}.parquet", Path(entry.name).name
        try:
            tensor = _google_parquet.read_tensor(file, 384)
        except UserError:  # counted below: every row that is not loaded
            continue
        loaded.append(sequence)
        produced[f"{sequence}/shape"] = list(tensor.shape)
        produced[f"{sequence}/label"] = collection.glosses.index(entry.glosses[0])
        produced[f"{sequence}/nan"] = int(np.isnan(tensor).sum())
        produced[f"{sequence}/zeros"] = int((tensor == 0).all(axis=-1).sum())
        cut.append(list(_google_parquet.read_tensor(file, 3).shape))
    rows = tables.read_rows(folder / google_islr.TABLE, google_islr.COLUMNS)
    rejected = {row.cells["sequence_id"] for row in rows} - set(loaded)
    produced |= {"n_loaded": len(loaded), "max_len3_shapes": cut, "rejected": sorted(rejected)}
    return FileCheck(_expected(recorded), produced)


def _expected(recorded: dict[str, Any]) -> dict[str, Any]:
    rows = recorded["loaded"]
    keys = ("shape", "label", "nan", "zeros")
    expected = {f"{row['sequence_id']}/{key}": row[key] for row in rows for key in keys}
    expected |= {key: recorded[key] for key in ("n_loaded", "max_len3_shapes")}
    return expected | {"rejected": sorted(str(r["sequence_id"]) for r in recorded["rejected"])}
