"""Any source of a recipe, written as a folder that fslr-transformer-vs-iv3gru reads."""

import os
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.input.signs import clip_source, fslr_npz, occlusion, sources
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import fslr
from jaxsign.input.signs.views import fslr156

Array = np.ndarray
LABELS = "labels.csv"


def export_data(
    config: ConfigDict, split: str, out: str | Path, *, find_occluded: bool = False
) -> int:
    """Writes `out/<id>.npz` for every example and `out/labels.csv`.

    The columns are file,gloss,cat and, where the source knows it or `find_occluded` asks for it,
    occluded.

    Args:
      config: a recipe; `data` names the source, `view` how points become keypoints.
      split: 'train', 'val' or 'test'.
      out: a folder without labels.csv; made if it does not exist.
      find_occluded: look for hands in front of the face in every clip.

    Returns:
      The number of clips.

    Raises:
      UserError: a source without keypoints or without gloss and category, an `out` in use, two
        examples of one name.
    """
    source = sources.open_source(config.data, split)
    names = _file_names(source)
    out = Path(out)
    if (out / LABELS).exists():
        raise UserError(f"{out / LABELS} exists already. Choose another --out or remove that one.")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, name in enumerate(names):
        known = None if source.occluded is None else int(source.occluded[index])
        flag = _write_clip(source, index, out / name, config.view, known, find_occluded)
        labels = [int(source.labels[head][index]) for head in ("gloss", "cat")]
        rows.append([name, *labels, *([] if flag is None else [flag])])
    # Last, so that a folder with labels is a whole one.
    header = ["file", "gloss", "cat", "occluded"][: len(rows[0])]
    spreadsheet.write(out / LABELS, header, rows)
    return len(rows)


def _file_names(source: clip_source.Source) -> list[str]:
    missing = [head for head in ("gloss", "cat") if head not in source.labels]
    if missing or any(len(row) > 1 for row in source.sequences or ()):
        raise UserError(
            f"{source.name}: an FSLR folder has one gloss and one category a clip; this source "
            + (f"has no {' and no '.join(missing)}." if missing else "has sentences.")
        )
    names = [f"{name.replace('/', '_').replace(os.sep, '_')}.npz" for name in source.ids]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{source.name}: two examples would be written to {twice}")
    return names


def _write_clip(
    source: clip_source.Source,
    index: int,
    path: Path,
    view: ConfigDict,
    occluded: int | None,
    find_occluded: bool,
) -> int | None:
    """Writes one clip; returns its occlusion flag, or None if nobody asked for it."""
    clip = source.read(index)
    confidence, max_gap = view.get("confidence", 0.5), view.get("max_gap", 5)
    if isinstance(clip, Clip):
        x, visible = fslr156.keypoints(clip, confidence=confidence, max_gap=max_gap)
        times, meta = fslr.about(clip, confidence=confidence, max_gap=max_gap)
    else:
        x, visible = clip, _visible(clip, source)
        times, meta = None, {"conf_thresh": confidence, "interpolation_max_gap": max_gap}
    if find_occluded and occluded is None:
        occluded = occlusion.detect(x, visible)["binary_flag"]
    meta["occluded_flag"] = occluded or 0
    fslr_npz.write(path, x, visible=visible, timestamps_ms=times, meta=meta)
    return occluded


def _visible(x: Array, source: clip_source.Source) -> Array:
    if x.ndim != 2 or x.shape[1] != 2 * fslr156.KEYPOINTS:
        raise UserError(
            f"{source.name}: clips are {list(x.shape)}; an FSLR folder needs keypoints [T, 156]. "
            "Use a source of landmarks or keypoints (data.key=X)."
        )
    return (x.reshape(len(x), -1, 2) != 0).any(axis=2)
