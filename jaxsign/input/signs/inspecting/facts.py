"""What there is to say about a clip and about a collection, as plain numbers and words."""

import collections
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.folders import census, progress
from jaxsign.input.signs import formats
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import POINTS, Clip
from jaxsign.input.signs.formats import Collection, Entry
from jaxsign.input.signs.inspecting import checks

Facts = dict[str, Any]
PARTS = ("left_hand", "right_hand", "any_hand", "pose", "face")
_CELLS = 30


def of_clip(clip: Clip, entry: Entry, format: str) -> Facts:
    """Facts of one clip; all values can be written as JSON.

    `presence` holds for each part the share of frames that show it, the number of gaps, the
    longest gap in frames and seconds, and `timeline`: the share in each of at most 30 stretches.
    """
    usual = presence.usual_step(clip.timestamps)
    return {
        "name": entry.name,
        "file": str(entry.path or clip.source),
        "format": format,
        "frames": len(clip),
        "shape": [len(clip), POINTS, 3],
        "depth": bool((~np.isnan(clip.landmarks[..., 2])).any()),
        "fps": clip.fps or None,
        "duration_s": float(clip.timestamps[-1] - clip.timestamps[0] + usual),
        "frame_size": list(clip.frame_size) if min(clip.frame_size) else None,
        "glosses": list(entry.glosses),
        "category": entry.category,
        "signer": entry.signer,
        "split": entry.split,
        "presence": _presence(checks.flat(clip)),
        "warnings": checks.warnings(clip),
    }


def _presence(clip: Clip) -> Facts:
    seen = clip.presence
    seen["any_hand"] = seen["left_hand"] | seen["right_hand"]
    missing = presence.missing(clip)
    return {
        name: {
            "share": 1 - missing[name].share,
            "gaps": missing[name].gaps,
            "longest_gap_frames": missing[name].longest,
            "longest_gap_s": missing[name].longest_seconds,
            "timeline": [round(float(c.mean()), 3) for c in _stretches(seen[name])],
        }
        for name in PARTS
    }


def _stretches(seen: np.ndarray) -> list[np.ndarray]:
    return np.array_split(seen, min(_CELLS, len(seen)))


def of_collection(collection: Collection, sample: int = 0, *, quiet: bool = True) -> Facts:
    """Facts of a collection; clips that cannot be read are told in `problems`.

    Args:
      collection: what `formats.open_collection` gave.
      sample: read so many clips, evenly spaced; 0 = all. The labels of all are counted anyway.
      quiet: no bar over the clips as they are read.
    """
    chosen = spread(len(collection), sample)
    seen = collection.landmarks  # of other points only lengths are known
    clips, bad, odd = [], [], []
    for i in progress.over("reading", chosen, len(chosen), hidden=quiet):
        entry = collection.entries[i]
        try:
            facts = _facts(collection, i, seen=seen)
        except UserError as error:
            bad.append(str(error))
            continue
        clips.append(facts)
        odd += [{"clip": entry.name, "text": text} for text in facts["warnings"]]
    entries = collection.entries
    glosses = [gloss for entry in entries for gloss in entry.glosses]
    return {
        "path": collection.name,
        "format": collection.format,
        "clips": len(entries),
        "read": len(chosen),
        "unreadable": len(bad),
        "unlabelled": sum(not entry.glosses for entry in entries),
        "sentences": sum(len(entry.glosses) > 1 for entry in entries),
        "splits": _count(entry.split for entry in entries),
        "signers": _count(entry.signer for entry in entries),
        "categories": _count(entry.category for entry in entries),
        "glosses": _count(glosses),
        "absent_glosses": [name for name in collection.glosses if name not in set(glosses)],
        "lengths": _spread_of([facts["frames"] for facts in clips]),
        "durations_s": _spread_of([facts["duration_s"] for facts in clips if seen]),
        "fps": _count(
            f"{facts['fps']:.4g}" if facts["fps"] else "unknown" for facts in clips if seen
        ),
        "presence": {part: _presence_of(clips, part) for part in PARTS} if clips and seen else {},
        "problems": [*collection.problems, *bad],
        "warnings": odd,
    }


def _facts(collection: Collection, index: int, *, seen: bool) -> Facts:
    if not seen:
        return {"frames": collection.frames(index), "warnings": []}
    return of_clip(collection.read(index), collection.entries[index], collection.format)


def of_folder(path: Path, arrays: int) -> Facts:
    """Facts of a folder of `arrays` files of arrays in no known format, by the names alone."""
    kinds = census.taken(path)
    return {
        "path": str(path),
        "holds": [kind.text() for kind in kinds],
        "array_files": arrays,
        "nearest": {name: formats.get(name).looks for name in formats.nearest(kinds)},
    }


def spread(count: int, sample: int) -> list[int]:
    """`sample` numbers below `count`, evenly spaced; all of them for 0."""
    if not sample or count <= sample:
        return list(range(count))
    return np.unique(np.linspace(0, count - 1, sample).round().astype(int)).tolist()


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(collections.Counter(word for word in words if word).most_common())


def _spread_of(values: Sequence[float]) -> Facts:
    """Least, quartiles, greatest, total, and a histogram of ten bins."""
    if not values:
        return {}
    counts, edges = np.histogram(values, bins=10)
    low, q1, median, q3, high = np.percentile(values, (0, 25, 50, 75, 100)).tolist()
    return {
        "min": low,
        "q1": q1,
        "median": median,
        "q3": q3,
        "max": high,
        "total": float(np.sum(values)),
        "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
    }


def _presence_of(clips: Sequence[Facts], part: str) -> Facts:
    """Means over clips, so that long clips do not outweigh short ones."""
    rows = [facts["presence"][part] for facts in clips]
    shares = np.asarray([row["share"] for row in rows])
    gaps = [row["longest_gap_frames"] for row in rows]
    return {
        "share": float(shares.mean()),
        "clips_without": int((shares == 0).sum()),
        "median_longest_gap_frames": float(np.median(gaps)),
        "longest_gap_frames": max(gaps),
    }
