"""What a film shows, in a page of text."""

from collections.abc import Mapping, Sequence

from jaxsign.infer.graphs import counting
from jaxsign.infer.graphs.counting import FilmCounts, Tally

_OBJECTS, _RELATIONS, _SUREST, _CHANGES = 20, 12, 8, 40
_LASTING = 3  # frames of a spell that is worth a line


def text(counts: FilmCounts, about: Mapping[str, str]) -> str:
    """Objects, the most frequent and the surest relations, and what changes.

    Args:
      counts: of the film.
      about: lines for the head, by what they tell.
    """
    lines = [f"{name}: {value}" for name, value in about.items()]
    lines += ["", *_frames(counts), ""]
    objects = counting.ranked(counts.objects.values())
    lines += _part("objects", objects, _OBJECTS, counts)
    relations = counting.ranked(counts.relations.values())
    lines += _part("most frequent relations", relations, _RELATIONS, counts)
    lasting = [one for one in relations if one.frames >= min(_LASTING, counts.frames)]
    surest = sorted(lasting, key=lambda one: -one.mean)
    lines += _part("surest relations", surest[:_SUREST], _SUREST, counts)
    return "\n".join(lines + _changes(counts)) + "\n"


def _frames(counts: FilmCounts) -> list[str]:
    size = f"{counts.size[0]} x {counts.size[1]} pixels"
    size += f" at first, its size changes {counts.sizes} times" if counts.sizes else ""
    time = f"{counts.start:.2f} s to {counts.end:.2f} s, " if counts.timed else ""
    found = [f"{counts.frames:,} frames, {time}{size}"]
    each = counts.boxes / max(counts.frames, 1)
    found.append(f"{counts.boxes:,} boxes, {each:.1f} a frame")
    if counts.empty:
        found.append(f"{counts.empty:,} frames without a box")
    return found


def _part(title: str, tallies: Sequence[Tally], most: int, counts: FilmCounts) -> list[str]:
    """A table of what was told how often, and when it was surest."""
    if not tallies:
        return [title, "  none", ""]
    shown = tallies[:most]
    width = max(len(_name(one)) for one in shown)
    found = [f"{title:{width + 2}}  frames  share  mean score  best"]
    for one in shown:
        share = counting.share(one, counts)
        best = f"{one.best:.2f} at {_when(one.best_at, counts)}"
        found.append(
            f"  {_name(one):{width}}  {one.frames:6,}  {share:>5}  {one.mean:10.2f}  {best}"
        )
    if (more := len(tallies) - most) > 0:
        found.append(f"  and {more} more (graph.json has all)")
    return [*found, ""]


def _changes(counts: FilmCounts) -> list[str]:
    """What begins and ends, the longest of it, in order of time."""
    spells = [
        (spell, one)
        for one in counts.tallies
        for spell in one.spells
        if spell.frames >= _LASTING and (spell.first > 0 or spell.last < counts.frames - 1)
    ]
    spells.sort(key=lambda pair: -pair[0].frames)
    more = len(spells) - _CHANGES
    rows = sorted(spells[:_CHANGES], key=lambda pair: (pair[0].first, pair[0].last))
    found = [f"changes (what lasts {_LASTING} frames or more, but not the whole film)"]
    for spell, one in rows:
        start = "from the start" if not spell.first else f"from {_when(spell.start, counts)}"
        last = spell.last == counts.frames - 1
        end = "to the end" if last else f"to {_when(spell.end, counts)}"
        found.append(f"  {start:>15} {end:14}  {_name(one)}")
    if not rows:
        found.append("  none")
    if more > 0:
        found.append(f"  and {more} shorter ones")
    return found


def _name(tally: Tally) -> str:
    return tally.name.replace("_", " ")


def _when(seconds: float, counts: FilmCounts) -> str:
    return f"{seconds:.2f} s" if counts.timed else f"frame {seconds:.0f}"
