"""The readable summary of an evaluation of scenes."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from jaxsign import screen
from jaxsign.screen import Console

_WEAKEST = 8
_WORDS = {"with": "with constraint", "semi": "semi constraint", "no": "no constraint"}


def show(
    complete: Mapping[str, Any],
    predicates: Sequence[Mapping[str, Any]],
    console: Console | None = None,
) -> None:
    """Prints recalls by constraint, then the predicates that are told least.

    Of a net whose branches are compared there is a row a branch and constraint; the first branch
    is what it answers with. `without pixels` is the best answer by the objects' classes alone: of
    each the relations that it has most often in training, with constraint.

    Args:
      complete: what was measured.
      predicates: rows of per_predicate.csv.
      console: where to print; standard output if None.
    """
    console = console or Console(highlight=False)
    console.print(_recalls(complete))
    if rows := _weakest(predicates):
        console.print(_weak(rows))


def _recalls(complete: Mapping[str, Any]) -> Table:
    info = complete["dataset_info"]
    title = (
        f"Recall (%), {complete['mode']}: {info['videos']} videos, {info['frames']} frames, "
        f"{info['relations']} relations"
    )
    table = screen.table(title)
    table.add_column("", no_wrap=True)
    for what in ("recall", "mean_recall"):
        for name in next(iter(complete[what].values())):
            table.add_column(name, justify="right", no_wrap=True)
    for branch, found in complete.get("branches", {"": complete}).items():
        for name, values in found["recall"].items():
            both = [*values.values(), *found["mean_recall"][name].values()]
            words = f"{branch}, {name}" if branch else _WORDS[name]
            table.add_row(words, *(f"{100 * value:.1f}" for value in both))
    if usual := complete.get("most_frequent_relations"):
        table.add_row("without pixels", *(f"{100 * value:.1f}" for value in usual.values()))
    if usual := complete.get("most_frequent"):
        for name, values in usual["recall"].items():
            both = [*values.values(), *usual["mean_recall"][name].values()]
            shares = (f"{100 * value:.1f}" for value in both)
            table.add_row(f"without pixels, {name}", *shares)
    return table


def _weakest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    known = [row for row in rows if row["true"] and row[_first(row)] < 1]
    return sorted(known, key=lambda row: (row[_first(row)], -row["true"]))[:_WEAKEST]


def _weak(rows: Sequence[Mapping[str, Any]]) -> Table:
    first = _first(rows[0])
    table = screen.table("Predicates told least (all: per_predicate.csv)")
    for name in ("group", "predicate", "true", f"{first} constraint (%)"):
        right = name not in ("group", "predicate")
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    for row in rows:
        share = f"{100 * row[first]:.1f}"
        table.add_row(row["group"], row["predicate"], str(row["true"]), share)
    return table


def _first(row: Mapping[str, Any]) -> str:
    """The column of R@20 with the first constraint that was asked for."""
    return next(name for name in row if name.startswith("R@20 "))
