"""A labelled collection -> WhisperSign's folder: splits, joints at one rate, labels, statistics."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import formats, joint_checks
from jaxsign.input.signs.formats import Collection, Entry
from jaxsign.input.signs.preparing import label_table, sharing, splitting


@dataclasses.dataclass(frozen=True)
class Shares:
    """How clips are shared among the splits.

    Attributes:
      way: 'given', 'random', 'original', or one of `splitting.WAYS`; "" = 'given' where every clip
        knows its split, else 'random'. 'original' is 'random' with what goes wrong in the original
        under 10 clips.
      rule: of `sharing.shares`, for `random` and `original`.
      val, test: shares.
      seed: of the draw.
    """

    way: str = ""
    rule: str = "video"
    val: float = 0.1
    test: float = 0.1
    seed: int = 42


def share(collection: Collection, wanted: Shares) -> Collection:
    """The same clips with their splits; `random` also puts them into random order.

    Raises:
      UserError: it cannot be done: no splits given, no signers known, too few clips, ...
    """
    splits = [entry.split for entry in collection.entries]
    way = wanted.way or ("given" if splits and all(splits) else "random")
    if way == "given":
        lost = [entry.name for entry in collection.entries if not entry.split]
        if lost:
            raise UserError(
                f"{collection.name}: {len(lost)} of {len(collection)} clips belong to no split "
                f"(first: {lost[0]}). Give them one, or have all clips shared: --split random"
            )
        return collection
    if way == "random":
        shares = {"val_share": wanted.val, "test_share": wanted.test}
        drawn = sharing.shares(len(collection), wanted.rule, seed=wanted.seed, **shares)
        return _drawn(collection, drawn)
    if way == "original":
        found = _drawn(collection, sharing.original(len(collection), wanted.rule, wanted.seed))
        # A clip that is in two splits needs two names.
        entries = [dataclasses.replace(e, name=f"{e.split}/{e.name}") for e in found.entries]
        return dataclasses.replace(found, entries=entries)
    shares = {"test_share": wanted.test, "val_share": wanted.val}
    return splitting.split(collection, way, seed=wanted.seed, **shares)


def _drawn(collection: Collection, drawn: sharing.Shares) -> Collection:
    """The clips in the order of their splits."""
    made = [(i, name) for name, rows in drawn.items() for i in rows]
    part = collection.part([i for i, _ in made])
    pairs = zip(part.entries, made, strict=True)
    entries = [dataclasses.replace(entry, split=name) for entry, (_, name) in pairs]
    return dataclasses.replace(part, entries=entries)


def usable(collection: Collection, on_clip: Callable[[str], None] | None = None) -> Collection:
    """Without the clips that are too short, have no label, or cannot be read: its problems.

    Splits are drawn from what is left, so that no split loses what it was given.
    """
    kept, problems = [], list(collection.problems)
    for i, entry in enumerate(collection.entries):
        try:
            frames = collection.frames(i)
            if not entry.glosses:
                raise UserError(f"{entry.name}: has no label")
            if frames < joint_checks.FEWEST:
                least = joint_checks.FEWEST
                raise UserError(f"{entry.name}: {frames} frames, expected at least {least}")
            kept.append(i)
        except UserError as error:
            problems.append(str(error))
        if on_clip:
            on_clip(entry.name)
    return dataclasses.replace(collection.part(kept), problems=problems)


def labelled(
    collection: Collection, table: label_table.LabelTable | None, separator: str = ""
) -> Collection:
    """A collection with the labels of a table, or its own cut at the separator.

    Clips that the table does not name are left out and told, as are its rows without a clip.
    """
    if table is None:
        return _separated(collection, separator) if separator else collection
    rows, problems = label_table.matched(table, [e.name for e in collection.entries], "clip")
    problems = [*collection.problems, *problems]
    entries = {i: _relabelled(collection.entries[i], row) for i, row in rows.items()}
    lost = [e.name for i, e in enumerate(collection.entries) if i not in entries]
    problems += [f"{name}: has no row in {table.path}" for name in lost]
    part = collection.part(entries)
    return dataclasses.replace(
        part, entries=list(entries.values()), problems=problems, glosses=(), categories=()
    )


def _relabelled(entry: Entry, row: label_table.LabelledFile) -> Entry:
    signer, split = row.signer or entry.signer, row.split or entry.split
    return dataclasses.replace(entry, glosses=row.glosses, signer=signer, split=split)


def _separated(collection: Collection, separator: str) -> Collection:
    entries = [
        dataclasses.replace(
            entry,
            glosses=tuple(
                word for text in entry.glosses for word in label_table.separated(text, separator)
            ),
        )
        for entry in collection.entries
    ]
    return dataclasses.replace(collection, entries=entries, glosses=())


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What was written.

    Attributes:
      out: where.
      clips: how many.
      skipped: what was left out, and why.
      losses: what the folder does not hold of the clips.
      notes: what is odd about the splits.
      report: of the checks of all samples.
    """

    out: Path
    clips: int
    skipped: list[str]
    losses: list[str]
    notes: list[str]
    report: joint_checks.JointReport


def write(
    collection: Collection,
    out: str | Path,
    *,
    fps: float = 60.0,
    missing: str = "present",
    record: dict[str, Any] | None = None,
    on_clip: Callable[[str], None] | None = None,
) -> Prepared:
    """Writes a collection that has splits and labels, and checks what was written.

    Args:
      collection: its reader gives clips, or arrays [T, 42, 7] at `fps`.
      out: a new or empty folder.
      fps: frames a second of the samples.
      missing: what a hand that is not seen does to its neighbourhood, see `views.whisper_sign`.
      record: how it was made, for prepared.json.
      on_clip: called with the name of every clip that is done.

    Raises:
      UserError: `out` is in use, or no clip can be written.
    """
    options: dict[str, Any] = {"fps": fps, "missing": missing, "record": record}
    options["shortest"] = joint_checks.FEWEST
    done = formats.write_collection(collection, out, "whispersign", on_clip=on_clip, **options)
    report = joint_checks.check_folder(done.out)
    losses = [text for text in done.losses if "hands alone" not in text]
    notes = _notes(report)
    return Prepared(done.out, done.count, done.skipped, losses, notes, report)


def _notes(report: joint_checks.JointReport) -> list[str]:
    """Splits without samples, and glosses that training lacks."""
    notes = [f"{split} has no clip" for split in formats.SPLITS if split not in report.parts]
    if "train" in report.parts:
        trained = report.parts["train"].glosses
        lacking = [name for number, name in report.names.items() if number not in trained]
        if lacking:
            some = ", ".join(lacking[:8]) + (" ..." if len(lacking) > 8 else "")
            notes.append(f"train has no clip of {len(lacking)} gloss(es): {some}")
    return notes


def statistics(report: joint_checks.JointReport) -> list[tuple[str, ...]]:
    """A row for every split: samples, first shape, min, max, mean, median length, frames."""
    rows: list[tuple[str, ...]] = []
    for split, part in report.parts.items():
        lengths: Sequence[int] = part.lengths
        rows.append(
            (
                split,
                f"{len(lengths):,}",
                " x ".join(map(str, part.shape)),
                str(min(lengths)),
                str(max(lengths)),
                f"{np.mean(lengths):.1f}",
                f"{np.median(lengths):g}",
                f"{sum(lengths):,}",
            )
        )
    return rows
