"""Files -> predictions: one clip or a whole folder, as JSON and as text."""

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError
from jaxsign.infer import files
from jaxsign.infer import run as runs
from jaxsign.input.signs.extract import films
from jaxsign.tasks.classes import metrics, results

# Clips held in memory at once.
_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One file's answer: `result` with ids (`jaxsign.tasks.classes.results.make`), or the `error`.

    Attributes:
      path: the file.
      name: the clip's place in the folder that was given.
      frames: frames it holds.
      result: None where the file could not be read.
      error: what is wrong with the file.
    """

    path: Path
    name: str = ""
    frames: int = 0
    result: results.Result | None = None
    error: str = ""


def predict(
    run: runs.Run,
    items: Sequence[files.Item],
    *,
    mask: str = "length",
    batch_size: int = 32,
) -> Iterator[Prediction]:
    """Predictions of the clips in their order; a bad file is reported, not raised.

    Args:
      run: a loaded run.
      items: of `files.find`.
      mask: 'length' (every frame counts) or 'visibility' (frames with a visible keypoint).
      batch_size: clips run at once.
    """
    if mask not in files.MASKS:
        raise UserError(f"mask {mask!r} is none of {', '.join(files.MASKS)}")
    batch_size = min(batch_size, len(items))
    for start in range(0, len(items), _CHUNK):
        yield from _chunk(run, items[start : start + _CHUNK], mask, batch_size)


def _chunk(
    run: runs.Run, items: Sequence[files.Item], mask: str, batch_size: int
) -> Iterator[Prediction]:
    clips: dict[int, runs.Clip] = {}
    errors: dict[int, str] = {}
    for i, item in enumerate(items):
        try:
            clips[i] = files.read(item, run, mask)
        except UserError as error:
            errors[i] = str(error)
    short = [runs.Clip(run.cut(clip.x), run.cut(clip.valid)) for clip in clips.values()]
    rows = run.classify(short, batch_size) if short else {}
    answers = {
        i: results.make({head: rows[head][row] for head in run.heads})
        for row, i in enumerate(clips)
    }
    for i, item in enumerate(items):
        if i in errors:
            yield Prediction(item.path, item.name, error=errors[i])
        else:
            yield Prediction(item.path, item.name, len(clips[i].x), answers[i])


def predict_files(
    workdir: str | Path,
    source: str | Path,
    *,
    out: str | Path | None = None,
    mask: str = "length",
    which: str = "best",
    batch_size: int = 32,
    decoding: Mapping[str, Any] | None = None,
    finder: films.Finder | None = None,
) -> int:
    """Predicts a file or a folder, prints the answers and writes them as JSON.

    A single file's answer is printed with all its candidates, a folder's with a line a file.

    Args:
      workdir: the run folder.
      source: a clip, a film, or a folder of either (searched with its subfolders).
      out: JSON file: one result, or for a folder a list of results, each with its `file`.
      mask, batch_size: see `predict`.
      which: 'best' or 'last'.
      decoding: of runs that recognise label sequences (`jaxsign.tasks.sequences.options.Options`).
      finder: finds landmarks in films.

    Returns:
      The number of files that could not be read; they are named on stderr.

    Raises:
      UserError: nothing to predict, or a single file that cannot be read.
    """
    items = files.find(source, finder)
    run = runs.load_run(workdir, which)
    runs.check_decoding(run, decoding or {})
    if run.gives_sequences:
        from jaxsign.tasks.sequences import predict as room

        if mask != "length":
            raise UserError(f"--mask {mask}: a net for sequences takes every frame of a clip")
        return room.predict_files(
            run, items, Path(source).is_file(), out=out, batch_size=batch_size, **(decoding or {})
        )
    single = len(items) == 1 and Path(source).is_file()
    done: list[Prediction] = []
    for answer in predict(run, items, mask=mask, batch_size=batch_size):
        _show(answer, run, single)
        done.append(answer)
    _warn_about_length(done, run)
    good = [answer for answer in done if answer.result is not None]
    saved = [_saved(answer, run, single) for answer in good]
    if out is not None:
        results.write_json(Path(out), saved[0] if single else saved)
        print(f"Saved to {out}")
    if not single:
        print(f"{len(good)} of {len(done)} files predicted.")
    return len(done) - len(good)


def _show(answer: Prediction, run: runs.Run, single: bool) -> None:
    if answer.result is None:
        if single:
            raise UserError(answer.error)
        print(f"error: {answer.error}", file=sys.stderr)
        return
    named = results.with_names(answer.result, run.labels)
    print(results.text(named, run.heads) if single else _line(answer, named, run))


def _line(answer: Prediction, named: results.Result, run: runs.Run) -> str:
    best = [
        f"{named[f'{head}_prediction']} {named[f'{head}_probability']:.3f}"
        for head in map(metrics.spell, run.heads)
    ]
    return f"{answer.path}: {', '.join(best)}"


def _saved(answer: Prediction, run: runs.Run, single: bool) -> dict[str, Any]:
    assert answer.result is not None
    named = results.with_names(answer.result, run.labels)
    return named if single else {"file": answer.name, **named}


def _warn_about_length(done: Sequence[Prediction], run: runs.Run) -> None:
    long = [a for a in done if run.max_length is not None and a.frames > run.max_length]
    if long:
        first = long[0]
        print(
            f"warning: {len(long)} clip{'s' * (len(long) > 1)} longer than {run.max_length} frames;"
            f" only the first {run.max_length} were used ({first.path.name} has {first.frames})",
            file=sys.stderr,
        )
