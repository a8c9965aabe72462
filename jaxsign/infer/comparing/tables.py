"""Run folders as tables on the console."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import JustifyMethod
from rich.table import Table

from jaxsign.infer.comparing.known_runs import KnownRun
from jaxsign.input.folders.progress import duration

_LEFT = {"run", "net", "key", "when"}
_WHOLE = {"net", "key", "best", "epoch", "done", "took", "when"}  # where room is short, paths fold
_ABSENT = "-"  # a recipe without that key


def _table(names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for name in names:
        side: JustifyMethod = "left" if name in _LEFT else "right"
        table.add_column(name, justify=side, overflow="fold", no_wrap=name in _WHOLE)
    return table


def of_runs(runs: Sequence[KnownRun], place: Path) -> Table:
    """A line a run: net, best number and whose epoch it is, epochs, time, when."""
    table = _table(("run", "net", "best", "epoch", "done", "took", "when"))
    for run in runs:
        table.add_row(
            _name(run.folder, place),
            _net(run),
            _best(run),
            str(run.so_far.epoch or ""),
            f"{run.done} training" if run.trains else run.done,
            duration(run.seconds) if run.seconds else "",
            _when(run.manifest.written),
        )
    return table


def of_results(runs: Sequence[KnownRun], names: Sequence[str]) -> Table:
    """What became of runs, one a column."""
    table = _table(("", *names))
    rows: dict[str, list[str]] = {
        "net": [_net(run) for run in runs],
        "parameters": [_count(run.manifest.parameters) for run in runs],
        "training examples": [_count(run.manifest.train_examples) for run in runs],
        "epochs": [run.done for run in runs],
        "took": [duration(run.seconds) if run.seconds else "" for run in runs],
        "best": [_best(run) for run in runs],
        "of epoch": [str(run.so_far.epoch or "") for run in runs],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def of_differences(differences: Mapping[str, Sequence[str]], names: Sequence[str]) -> Table:
    """Keys that recipes differ in, the value of each run in a column."""
    table = _table(("key", *names))
    for key, values in differences.items():
        table.add_row(key, *values)
    return table


def differences(runs: Sequence[KnownRun]) -> dict[str, list[str]]:
    """Key -> its value in each run's recipe, of the keys that are not the same in all."""
    keys = sorted({key for run in runs for key in run.recipe})
    found = {}
    for key in keys:
        values = [repr(run.recipe[key]) if key in run.recipe else _ABSENT for run in runs]
        if len(set(values)) > 1:
            found[key] = values
    return found


def _net(run: KnownRun) -> str:
    return str(run.recipe.get("net.name", ""))


def _count(number: int | None) -> str:
    return f"{number:,}" if number else ""


def _best(run: KnownRun) -> str:
    return "" if run.so_far.best is None else f"{run.monitor} {run.so_far.best:.4f}"


def _name(folder: Path, place: Path) -> str:
    return str(folder.relative_to(place)) if folder != place else str(place)


def _when(written: str) -> str:
    """ISO 8601 in UTC -> the time here, to the minute; of another year the day."""
    try:
        at = datetime.datetime.fromisoformat(written).astimezone()
    except ValueError:
        return ""
    ours = at.year == datetime.datetime.now().year
    return f"{at:%m-%d %H:%M}" if ours else f"{at:%Y-%m-%d}"
