"""The numbers of an exploration as text."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxsign.input.signs.preparing.measuring import PARTS, Facts

_SHOWN = 20
_LONGEST_LIST = 12


def text(facts: Facts, pictures: Sequence[str]) -> str:
    """The report.

    Args:
        facts: what was measured.
        pictures: names of the files that were drawn.
    """
    parts = [
        _heading(facts),
        _counts("signs", facts.signs),
        _signers(facts),
        _lengths(facts),
        _missing(facts),
        _list("clips that cannot be read", facts.unread),
        _list("problems", facts.problems),
        "pictures: " + ", ".join(pictures),
    ]
    return "\n\n".join(part for part in parts if part)


def _heading(facts: Facts) -> str:
    drawn = len(facts.entries)
    counted = "all" if drawn == facts.total else f"{drawn:,} drawn at random"
    tried = len(facts.clips) + len(facts.unread)
    unlabelled = sum(not entry.glosses for entry in facts.entries)
    lines = [
        facts.name,
        f"  format      {facts.format}",
        f"  clips       {facts.total:,}",
        f"  counted     {counted}",
        f"  read        {len(facts.clips):,} of {tried:,} drawn from these",
        f"  signs       {len(facts.signs):,}",
        f"  signers     {len(facts.signers) or 'unknown'}",
    ]
    return "\n".join(lines + ([f"  unlabelled  {unlabelled:,}"] if unlabelled else []))


def _counts(title: str, counts: Mapping[str, int]) -> str:
    """Spread and both ends of clips by name."""
    if not counts:
        return f"CLIPS BY {title.upper()}\n  no clip names one"
    lines = [f"CLIPS BY {title.upper()}", f"  {_spread(list(counts.values()), 'clips')}"]
    rows = list(counts.items())
    if len(rows) <= 2 * _SHOWN:
        return "\n".join(lines + _rows(rows))
    lines += [f"  the {_SHOWN} most frequent:", *_rows(rows[:_SHOWN])]
    lines += [f"  the {_SHOWN} rarest:", *_rows(rows[-_SHOWN:])]
    return "\n".join(lines)


def _rows(rows: Sequence[tuple[str, int]]) -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"    {name:<{width}} {count:>7,}" for name, count in rows]


def _signers(facts: Facts) -> str:
    if not facts.signers:
        return (
            "CLIPS BY SIGNERS\n  The collection does not tell who signs: no picture of signers is "
            "drawn,\n  and a split by signer is not possible."
        )
    pairs = facts.pairs(list(facts.signers), list(facts.signs))
    per_signer, per_sign = (pairs > 0).sum(axis=1), (pairs > 0).sum(axis=0)
    unknown = sum(not entry.signer for entry in facts.entries)
    lines = [
        _counts("signers", facts.signers),
        f"  signs a signer: {_spread(per_signer, 'signs')}",
        f"  signers a sign: {_spread(per_sign, 'signers')}",
        f"  pairs of signer and sign without a clip: {(pairs == 0).mean():.1%}",
    ]
    return "\n".join(lines + ([f"  clips of unknown signers: {unknown:,}"] if unknown else []))


def _lengths(facts: Facts) -> str:
    sizes = [clip.size / 1024 for clip in facts.clips if clip.size is not None]
    told = _spread(sizes, "kB") if sizes else "unknown: clips have no files of their own"
    frames = _spread([clip.frames for clip in facts.clips], "frames")
    return f"CLIPS THAT WERE READ\n  length     {frames}\n  file size  {told}"


def _missing(facts: Facts) -> str:
    lines = ["WHAT IS MISSING   values missing (mean, median, worst clip)   frames without it"]
    for part in PARTS:
        missing = [clip.missing[part] for clip in facts.clips]
        gone = 1 - np.mean([clip.seen[part] for clip in facts.clips])
        shares = f"{np.mean(missing):7.1%} {np.median(missing):7.1%} {np.max(missing):7.1%}"
        lines.append(f"  {part.replace('_', ' '):<15} {shares:<43} {gone:7.1%}")
    never = {part: sum(not clip.seen[part] for clip in facts.clips) for part in PARTS}
    told = [f"{part.replace('_', ' ')} {count:,}" for part, count in never.items() if count]
    hands = sum(not (c.seen["left_hand"] or c.seen["right_hand"]) for c in facts.clips)
    told += [f"either hand {hands:,}"] if hands else []
    lines.append(f"  clips without any: {', '.join(told) or 'none'}")
    return "\n".join(lines)


def _spread(values: Sequence[float] | np.ndarray, unit: str) -> str:
    low, q1, middle, q3, high = np.percentile(values, (0, 25, 50, 75, 100))
    if low == high:
        return f"{low:,.4g} {unit} each"
    return (
        f"{low:,.4g} to {high:,.4g} {unit}, mean {np.mean(values):,.4g}, median {middle:,.4g}, "
        f"half of them {q1:,.4g} to {q3:,.4g}"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    more = len(lines) - _LONGEST_LIST
    shown = [f"  - {line}" for line in lines[:_LONGEST_LIST]]
    return "\n".join(
        [f"{title.upper()} ({len(lines)})", *shown, *([f"  ... and {more} more"] * (more > 0))]
    )
