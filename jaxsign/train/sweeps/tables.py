"""The trials of a sweep as a table: a CSV with all of them, and the best ones on the console."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from jaxsign import spreadsheet
from jaxsign.input.folders.progress import duration
from jaxsign.tasks import measures
from jaxsign.train.sweeps import trials
from jaxsign.train.sweeps.trials import Trial, Value

FILE = "trials.csv"
_MOST_SHOWN = 20


def write(folder: Path, known: Sequence[Trial]) -> None:
    """Writes `FILE`: one line a trial, by number; a key of the space has the key's name."""
    keys = list(dict.fromkeys(key for trial in known for key in trial.values))
    rows = []
    for one in known:
        result = "" if one.result is None else f"{one.result:.6f}"
        row = [one.name, one.state, result, one.epoch or "", f"{one.seconds:.1f}"]
        row += [_cell(one.values.get(key, "")) for key in keys]
        rows.append([*row, one.reason])
    header = ["trial", "state", "result", "epoch", "seconds", *keys, "reason"]
    spreadsheet.write(folder / FILE, header, rows)


def shown(known: Sequence[Trial], number: measures.Number) -> Table:
    """The trials that ended, the best first: those that ran to their end before all others."""
    best = trials.ranked(list(known), number.better)
    rest = [trial for trial in known if trial.ended and trial not in best]
    rows = [*best, *rest]
    keys = list(dict.fromkeys(key for trial in rows for key in trial.values))
    short = _short(keys)
    title = number.words
    table = Table(title=f"{title}, the best first", title_justify="left", title_style="")
    for name in ("trial", "result", "epoch", "took"):
        table.add_column(name, justify="left" if name == "trial" else "right", no_wrap=True)
    for key in keys:
        table.add_column(short[key], justify="right")
    for trial in rows[:_MOST_SHOWN]:
        result = "" if trial.result is None else number.shown(trial.result)
        state = "" if trial.state == trials.DONE else f" {trial.state}"
        cells = [trial.name, f"{result}{state}".strip(), str(trial.epoch or "")]
        values = [_cell(trial.values.get(key, "")) for key in keys]
        table.add_row(*cells, duration(trial.seconds), *values)
    if more := len(rows) - _MOST_SHOWN:
        if more > 0:
            table.caption = f"and {more} more in {FILE}"
    return table


def _short(keys: Sequence[str]) -> dict[str, str]:
    """The last parts of keys, where these tell them apart."""
    last = [key.rpartition(".")[2] for key in keys]
    return {key: one if last.count(one) == 1 else key for key, one in zip(keys, last, strict=True)}


def _cell(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
