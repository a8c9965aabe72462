"""Files -> label sequences, as JSON and as text."""

import dataclasses
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxsign.errors import UserError
from jaxsign.infer import files
from jaxsign.infer import run as runs
from jaxsign.tasks.classes import results
from jaxsign.tasks.sequences import options as decoding
from jaxsign.tasks.sequences.recogniser import Recognised, Recogniser, gloss_name

# Clips held in memory at once.
_CHUNK = 256
_NOTHING = "(nothing)"


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One file's answer, or the `error`.

    Attributes:
      path: the file; name: its place in the folder that was given.
      frames: frames it holds.
      recognised: None where the file could not be read.
      error: what is wrong with the file.
    """

    path: Path
    name: str
    frames: int = 0
    recognised: Recognised | None = None
    error: str = ""


def predict(
    recogniser: Recogniser, items: Sequence[files.Item], batch_size: int = 32
) -> Iterator[Prediction]:
    """Answers for the clips in their order; a bad file is reported, not raised."""
    size = min(batch_size, len(items))
    for start in range(0, len(items), _CHUNK):
        yield from _chunk(recogniser, items[start : start + _CHUNK], size)


def _chunk(
    recogniser: Recogniser, items: Sequence[files.Item], batch_size: int
) -> Iterator[Prediction]:
    run = recogniser.run
    arrays: dict[int, np.ndarray] = {}
    errors: dict[int, str] = {}
    for i, item in enumerate(items):
        try:
            arrays[i] = files.read(item, run).x
        except UserError as error:
            errors[i] = str(error)
    names = [items[i].name for i in arrays]
    rows = recogniser.recognise([run.cut(x) for x in arrays.values()], batch_size, names)
    found = dict(zip(arrays, rows, strict=True))
    for i, item in enumerate(items):
        if i in errors:
            yield Prediction(item.path, item.name, error=errors[i])
        else:
            yield Prediction(item.path, item.name, len(arrays[i]), found[i])


def predict_files(
    run: runs.Run,
    items: Sequence[files.Item],
    is_file: bool,
    *,
    out: str | Path | None = None,
    batch_size: int = 32,
    **asked: Any,
) -> int:
    """Recognises clips, prints the answers and writes them as JSON.

    Args:
      run: whose task learns label sequences.
      items: of `jaxsign.infer.files.find`.
      is_file: they come from a file that was given, not from a folder.
      out: JSON file: one result (`saved`), or a list of results, each with its `file`.
      batch_size: clips run at once.
      **asked: settings of `Options` other than the run's own.

    Returns:
      The number of files that could not be read; they are named on stderr.

    Raises:
      UserError: a single file that cannot be read.
    """
    options = decoding.of_run(run, **asked)
    decoding.warn_of_decoder(run, options)
    single = len(items) == 1 and is_file
    done = []
    for answer in predict(Recogniser(run, options), items, batch_size):
        _show(answer, run, options.mode, single)
        done.append(answer)
    _warn_of_length(done, run)
    good = [answer for answer in done if answer.recognised is not None]
    rows = [_row(answer, run, options.mode, single) for answer in good]
    if out is not None:
        results.write_json(Path(out), rows[0] if single else rows)
        print(f"Saved to {out}")
    if not single:
        print(f"{len(good)} of {len(done)} files recognised.")
    return len(done) - len(good)


def saved(recognised: Recognised, run: runs.Run, mode: str) -> results.Result:
    """The answer as it is stored: glosses as `LABEL (id)`, its probability, and all hypotheses.

    `gloss_probability` is P_ctc(glosses | clip). A score that is minus infinity is null.
    """
    names = run.labels.get("gloss")
    best = recognised.hypotheses[0]
    return {
        "gloss_prediction": [_label(names, number) for number in best.glosses],
        "gloss_probability": min(1.0, math.exp(best.log_ctc)),
        "mode": mode,
        "score": _finite(best.score),
        "hypotheses": [
            {
                "glosses": [_label(names, number) for number in one.glosses],
                "score": _finite(one.score),
                "log_ctc": _finite(one.log_ctc),
                "log_att": None if one.log_att is None else _finite(one.log_att),
            }
            for one in recognised.hypotheses
        ],
    }


def _label(names: Sequence[str] | None, number: int) -> str:
    """`LABEL (id)` as in other results; only the name where that tells the number."""
    known = bool(names) and number < len(names or ())
    return results.label(names, number) if known else gloss_name(names, number)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(answer: Prediction, run: runs.Run, mode: str, single: bool) -> dict[str, Any]:
    assert answer.recognised is not None
    row = saved(answer.recognised, run, mode)
    return row if single else {"file": answer.name, **row}


def _show(answer: Prediction, run: runs.Run, mode: str, single: bool) -> None:
    if answer.recognised is None:
        if single:
            raise UserError(answer.error)
        print(f"error: {answer.error}", file=sys.stderr)
    elif single:
        Console(highlight=False).print(_table(answer, run, mode))
    else:
        best = answer.recognised.hypotheses[0]
        print(f"{answer.path}: {_text(answer.recognised.names)}  {math.exp(best.log_ctc):.3f}")


def _table(answer: Prediction, run: runs.Run, mode: str) -> Table:
    """All hypotheses of a clip, best first."""
    assert answer.recognised is not None
    table = Table(
        title=Text.assemble(f"{answer.path.name}: ", (_text(answer.recognised.names), "bold")),
        title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
    )  # fmt: skip
    table.add_column("", justify="right")
    table.add_column("glosses")
    table.add_column("probability", justify="right", no_wrap=True)
    for name in ("log CTC", "log attention", "score") if mode == "two_pass" else ("log CTC",):
        table.add_column(name, justify="right", no_wrap=True)
    for rank, one in enumerate(answer.recognised.hypotheses, 1):
        values = [one.log_ctc]
        if one.log_att is not None:
            values += [one.log_att, one.score]
        table.add_row(
            str(rank),
            Text(_text([gloss_name(run.labels.get("gloss"), i) for i in one.glosses])),
            f"{math.exp(one.log_ctc):.3f}",
            *(f"{value:.2f}" for value in values),
        )
    return table


def _text(names: Sequence[str]) -> str:
    space = " | " if any(" " in name for name in names) else " "
    return space.join(names) or _NOTHING


def _warn_of_length(done: Sequence[Prediction], run: runs.Run) -> None:
    long = [a for a in done if run.max_length is not None and a.frames > run.max_length]
    if long:
        print(
            f"warning: {len(long)} clip{'s' * (len(long) > 1)} longer than {run.max_length} frames;"
            f" only the first {run.max_length} were used ({long[0].path.name} has "
            f"{long[0].frames})",
            file=sys.stderr,
        )
