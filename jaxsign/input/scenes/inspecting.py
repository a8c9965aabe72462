"""`jaxsign inspect` of scenes: what a folder holds as tables, or one video; and a picture."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.scenes import figures, kinds, statistics
from jaxsign.input.scenes.collection import SceneCollection
from jaxsign.input.scenes.statistics import SceneStatistics
from jaxsign.input.signs.inspecting import facts, showing
from jaxsign.screen import Console

_LONGEST = 12  # rows of a table, unless all are asked for
_BAR = 24


def inspect(
    path: Path,
    *,
    kind: str = "",
    video: str | None = None,
    png: Path | None = None,
    frames: int = 8,
    sample: int = 500,
    as_json: bool = False,
) -> SceneStatistics:
    """Prints what is at `path`, and returns the same.

    Args:
      path: a file or folder of scenes.
      kind: one of `kinds.KINDS`; '' = found out.
      video: the name of one video.
      png: file for a picture: of one video its frames, of several their counts.
      frames: of a video's picture.
      sample: videos that are read, evenly spread; 0 = all, and every class is listed.
      as_json: print JSON.

    Raises:
      UserError: no scenes of a known kind, none that can be read, or no such video.
    """
    console = Console(highlight=False)
    collection = kinds.opened(path, kind)
    if video is not None:
        collection = _only(collection, video)
    chosen = facts.spread(len(collection.videos), sample)
    found = statistics.count(collection, chosen, quiet=as_json)
    if png is not None:
        if len(collection.videos) == 1:
            figures.strip(png, collection, frames)
        else:
            figures.overview(png, found)
    if as_json:
        print(json.dumps(dataclasses.asdict(found), indent=1, ensure_ascii=False))
        return found
    _show(found, console, None if not sample else _LONGEST)
    if png is not None:
        console.print(f"Picture: {png}", markup=False, soft_wrap=True)
    return found


def _only(collection: SceneCollection, name: str) -> SceneCollection:
    kept = tuple(one for one in collection.videos if one.name == name)
    if not kept:
        near = did_you_mean(name, [one.name for one in collection.videos])
        raise UserError(f"{collection.name}: no video {name!r}.{near}")
    return dataclasses.replace(collection, videos=kept[:1])


def _show(found: SceneStatistics, console: Console, longest: int | None) -> None:
    read = "" if found.read == found.videos else f" ({found.read} of them read)"
    relations = sum(sum(group.values()) for group in found.relations.values())
    about = {
        "kind": found.kind,
        "videos": f"{found.videos:,}{read}",
        "unreadable": str(found.unreadable or ""),
        "splits": _counted(found.splits),
        "frames": f"{sum(found.frames):,}",
        "boxes": f"{sum(found.boxes):,}",
        "pairs": f"{sum(found.pairs):,}" + _unlabelled(found),
        "relations": f"{relations:,}",
        "features": _counted(found.features) or "none",
    }
    showing.heading(found.path, about, console)
    rows = showing.table("", "least", "median", "mean", "most")
    for name, values in (
        ("frames a video", found.frames),
        ("boxes a frame", found.boxes),
        ("pairs a frame", found.pairs),
    ):
        low, high = f"{min(values):,}", f"{max(values):,}"
        rows.add_row(name, low, f"{np.median(values):g}", f"{np.mean(values):.1f}", high)
    console.print(rows)
    _bars("object", "boxes", found.objects, console, longest)
    for group, counts in found.relations.items():
        _bars(f"{group}", "pairs", counts, console, longest)
    for problem in found.problems[:_LONGEST]:
        console.print(f"  - {problem}", markup=False, soft_wrap=True)


def _unlabelled(found: SceneStatistics) -> str:
    others = sum(found.pairs) - found.labelled
    return f", {others:,} of them not labelled" if others else ""


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counts.items())


def _bars(
    title: str, unit: str, counts: Mapping[str, int], console: Console, longest: int | None
) -> None:
    """The commonest names with their counts and bars; then those that never occur."""
    seen = [(name, number) for name, number in counts.items() if number]
    rows = showing.table(title, unit, "", left=(0, 2))
    for name, number in seen[:longest]:
        rows.add_row(name, f"{number:,}", "█" * max(1, round(_BAR * number / seen[0][1])))
    console.print(rows)
    if longest is not None and len(seen) > longest:
        rarest = f"the rarest {seen[-1][0]} with {seen[-1][1]:,}"
        console.print(f"  {len(seen)} of them, {rarest} (all: --all)", markup=False)
    absent = [name for name, number in counts.items() if not number]
    _never(absent, console, longest)


def _never(absent: Sequence[str], console: Console, longest: int | None) -> None:
    if absent:
        names = ", ".join(absent[:longest]) + ", ..." * (len(absent[:longest]) < len(absent))
        console.print(f"  never: {len(absent)} ({names})", markup=False, soft_wrap=True)
