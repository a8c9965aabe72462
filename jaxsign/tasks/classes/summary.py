"""The readable summary of an evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from jaxsign import screen
from jaxsign.screen import Console
from jaxsign.tasks import baselines, chance
from jaxsign.tasks.classes import metrics

# The classes shown as the weakest of each head.
_WEAKEST = 5
_TOPS = (3, 5)
_GROUPS = {
    "overall_results": "all clips",
    "occluded_results": "occluded",
    "non_occluded_results": "not occluded",
}


def show(
    complete: Mapping[str, Any],
    classes: Sequence[metrics.ClassRow],
    sizes: Mapping[str, int],
    console: Console | None = None,
    simple: baselines.Simple | None = None,
) -> None:
    """Prints accuracies of every group and head, then the weakest classes.

    Args:
      complete: what `ClassScore.write` has written.
      classes: rows of `jaxsign.tasks.classes.metrics.class_table`.
      sizes: classes of each head; to be among the first 5 of 5 says nothing, and is not shown.
      console: where to print; standard output if None.
      simple: what simple methods reach on the same clips.
    """
    console = console or Console(highlight=False)
    table = _accuracies(complete, sizes)
    if simple is not None:
        _add_simple(table, simple)
    console.print(table)
    for text in [] if simple is None else worse(complete, simple):
        console.print(text, markup=False)
    weak = weakest(classes)
    if weak:
        console.print(_weak_classes(weak))
    elif classes:
        console.print("Every class was recognised in all its clips.")


def weakest(classes: Sequence[metrics.ClassRow]) -> list[metrics.ClassRow]:
    """The few classes of each head with the lowest F1, of those missed in a clip; largest first."""
    rows: list[metrics.ClassRow] = []
    for head in dict.fromkeys(row["head"] for row in classes):
        own = [row for row in classes if row["head"] == head and row["correct"] < row["support"]]
        rows += sorted(own, key=lambda row: (row["f1_score"], -row["support"]))[:_WEAKEST]
    return rows


def _accuracies(complete: Mapping[str, Any], sizes: Mapping[str, int]) -> Table:
    # No column for recall: weighted by support it equals the accuracy.
    table = screen.table("Evaluation (%)")
    # An accuracy and its interval share a column: more do not fit into 80 letters.
    tops = [k for k in _TOPS if any(size > k for size in sizes.values())]
    several = [f"top-{k}" for k in tops]
    columns = ("", "clips", "head", "accuracy (95%)", *several, "prec.", "F1")
    for name in columns:
        left = name in ("", "head")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    top = complete["top_k_accuracy"]
    overall, *others = _GROUPS.items()
    languages = [
        (metrics.language_group(number), f"language {number}: {name}")
        for number, name in enumerate(complete.get("dataset_info", {}).get("languages", ()))
    ]
    for group, title in (overall, *languages, *others):
        found = complete.get(group)
        if found is None:
            continue
        if "error" in found:
            table.add_row(title, "0")
            continue
        for row, head in enumerate(top):
            best = top[head] if group == "overall_results" else {}
            table.add_row(
                "" if row else title,
                "" if row else str(found["num_samples"]),
                head,
                _sure(found[f"{head}_accuracy"], found["num_samples"]),
                *(_percent(best.get(str(k)) if sizes[head] > k else None) for k in tops),
                *(_percent(found[f"{head}_{name}"]) for name in ("precision", "f1_score")),
            )
    return table


def worse(complete: Mapping[str, Any], simple: baselines.Simple) -> list[str]:
    """A sentence for every head on which a simple method is better than the run."""
    texts = []
    for head in simple.right:
        method, accuracy = simple.best(head)
        own = complete["overall_results"][f"{metrics.spell(head)}_accuracy"]
        if own < accuracy:
            texts.append(
                f"The run is worse than the baseline: {metrics.spell(head)} {_percent(own)} %, "
                f"{method} {_percent(accuracy)} %. Another recipe, view or rate may learn more "
                "(docs/small_sets.md)."
            )
    return texts


def _add_simple(table: Table, simple: baselines.Simple) -> None:
    methods = next(iter(simple.right.values()))
    for method in methods:
        for row, head in enumerate(simple.right):
            table.add_row(
                "" if row else method.split()[-1],
                "" if row else str(simple.count),
                metrics.spell(head),
                _sure(simple.accuracy(head, method), simple.count),
            )


def _weak_classes(rows: Sequence[metrics.ClassRow]) -> Table:
    table = screen.table("Weakest classes (all: per_class.csv)")
    for name in ("head", "class", "right", "F1 (%)", "most often taken for"):
        table.add_column(name, justify="right" if name in ("right", "F1 (%)") else "left")
    for row in rows:
        table.add_row(
            row["head"],
            row["label"],
            f"{row['correct']} of {row['support']}",
            _percent(row["f1_score"]),
            f"{row['mistaken_for']} ({row['times']}x)" if row["times"] else "",
        )
    return table


def _sure(share: float, count: int) -> str:
    """A share with its interval: `86.4 (82-90)`."""
    return f"{_percent(share)} ({chance.spelt(chance.of_share(share, count), 0)})"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"
