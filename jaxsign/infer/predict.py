"""Files -> answers: one clip or a whole folder, as JSON and as text."""

import dataclasses
import functools
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jaxsign import stopwatch
from jaxsign.errors import UserError
from jaxsign.infer import asking, clip_items, doubts, ensemble, files
from jaxsign.infer import run as runs
from jaxsign.input import batching
from jaxsign.input.examples import indices
from jaxsign.input.folders import progress
from jaxsign.input.signs.extract import films
from jaxsign.tasks import answering
from jaxsign.whole import write_json

# Clips held in memory at once.
_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One file's answer, or the `error`.

    Attributes:
      path: the file.
      name: the clip's place in the folder that was given.
      frames: frames it holds.
      answer: None where the file could not be read.
      error: what is wrong with the file.
    """

    path: Path
    name: str
    frames: int = 0
    answer: answering.Answer | None = None
    error: str = ""


class Predictor:
    """Runs that are ready to answer about clips: one, or several that answer together.

    Args:
      run: a loaded run, or several.
      answerer: of the run's task; by the run's own settings if None.
      mask: 'length' (every frame counts) or 'visibility' (frames with a visible keypoint).

    Attributes:
      members: the runs.
      askers: of these.
      doubts: of what was asked last.

    Raises:
      UserError: a mask that there is not, or that the run's task does not take.
    """

    def __init__(
        self,
        run: runs.Run | Sequence[runs.Run],
        answerer: answering.Answerer | None = None,
        *,
        mask: str = "length",
    ):
        if mask not in files.MASKS:
            raise UserError(f"mask {mask!r} is none of {', '.join(files.MASKS)}")
        self.members = [run] if isinstance(run, runs.Run) else list(run)
        first = self.members[0]
        if mask != "length" and not first.task.gaps:
            raise UserError(f"--mask {mask}: {first.workdir} takes every frame of a clip")
        self._answerer, self._mask = answerer or first.task.answerer(first, {}), mask
        self.askers = [asking.Asker(one) for one in self.members]

    @property
    def doubts(self) -> doubts.Doubts:
        return self.askers[0].doubts

    def __call__(
        self, items: Sequence[clip_items.Item], batch_size: int = 32
    ) -> Iterator[Prediction]:
        """Predictions of clips in their order; a bad file is reported, not raised.

        Args:
          items: of `clip_items.find`.
          batch_size: clips run at once.
        """
        self.askers[0].doubts = doubts.Doubts(self.members[0])
        size = min(batch_size, len(items))
        for start in range(0, len(items), _CHUNK):
            part = items[start : start + _CHUNK]
            read = [_read(item, self.members, self._mask) for item in part]
            good = [clips for clips in read if not isinstance(clips, str)]
            names = [item.name for item, clips in zip(part, read, strict=True)
                     if not isinstance(clips, str)]  # fmt: skip
            own = [[clips[i] for clips in good] for i in range(len(self.members))]
            said = iter(
                ensemble.answers(self.askers, own, size, names=names, answerer=self._answerer)
            )
            for item, clips in zip(part, read, strict=True):
                if isinstance(clips, str):
                    yield Prediction(item.path, item.name, error=clips)
                else:
                    yield Prediction(item.path, item.name, len(clips[0].x), next(said))


def _read(
    item: clip_items.Item, members: Sequence[runs.Run], mask: str
) -> list[runs.NetInput] | str:
    """The clip as every run takes it, or what is wrong with it."""
    if len(members) > 1:
        item = item.read_once()
    try:
        return [files.read(item, run, mask) for run in members]
    except UserError as error:
        return str(error)


def predict_files(
    workdir: str | Path | Sequence[str | Path],
    source: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    mask: str = "length",
    which: str = "best",
    batch_size: int = 32,
    asked: answering.Asked | None = None,
    finder: films.Finder | None = None,
    person: int = 0,
    fps: float = 0.0,
    language: int | None = None,
    watch: stopwatch.Stopwatch | None = None,
) -> int:
    """Predicts a file or a folder, prints the answers and writes them as JSON.

    A single file's answer is printed with all its candidates, a folder's with a line a file.

    Args:
      workdir: the run folder, or several, which answer together; of folds, the folder of all.
      source: a clip, a film, or a folder of either (searched with its subfolders); or several.
      out: JSON file: one result, or for a folder or several a list of results, each with its
        `file`.
      mask, batch_size: see `Predictor`.
      which: 'best' or 'last'.
      asked: the run's task's settings of how answers are found
        (`jaxsign.tasks.answering.Answering.answerer`).
      finder: finds landmarks in films.
      person: which of several people of a clip, from 1; 0 = the one who moves.
      fps: frames a second of clips, as in `clip_items.find`; 0 = as they say.
      language: of all clips, where the run is told it.
      watch: is told when the run is loaded.

    Returns:
      The number of files that could not be read; they are named on stderr.

    Raises:
      UserError: nothing to predict, or a single file that cannot be read.
    """
    members = ensemble.load(workdir, which, language)
    run = members[0]
    if watch:
        watch.lap("load")
    first, *more = [Path(source)] if isinstance(source, str | Path) else map(Path, source)
    found = run.task.questions(run, first, asked or {})
    if found is not None:
        if more:
            raise UserError(f"{run.workdir} takes one INPUT, not several: {first} {more[0]}")
        asker = asking.Asker(run)
        single = first.is_file() and len(found.examples) == 1 and not found.left_out
        return _tell(_of_examples(asker, found, batch_size), asker, single, out)
    find = functools.partial(clip_items.find, finder=finder, view=run.view, person=person, fps=fps)
    items = find(first)
    single = not more and len(items) == 1 and (first.is_file() or items[0].path == first)
    if more:
        items = [item for one in (first, *more) for item in find(one)]
        items = [dataclasses.replace(item, name=item.path.as_posix()) for item in items]
    predictor = Predictor(members, run.task.answerer(run, asked or {}), mask=mask)
    failed = _tell(predictor(items, batch_size), predictor.askers[0], single, out)
    if not single:
        print(f"{len(items) - failed} of {len(items)} files predicted.")
    return failed


def _of_examples(
    asker: asking.Asker, found: answering.Questions, size: int
) -> Iterator[Prediction]:
    """Predictions of what the task itself has read, then what it could not read."""
    examples, said = found.examples, dict[int, answering.Answer]()
    options = batching.BatchOptions(
        batch_size=min(size, len(examples)), buckets=asker.run.config.input.buckets
    )
    batches = batching.EvalBatches(examples, options)
    for batch in progress.over("predicting", batches, len(batches)):
        index = indices(batch).tolist()
        answers = found.answerer(asker.ask(batch), [examples.ids[i] for i in index])
        said |= zip(index, answers, strict=True)
    for i, name in enumerate(examples.ids):
        yield Prediction(Path(name), name, answer=said[i])
    for problem in found.left_out:
        yield Prediction(Path(), "", error=problem)


def _tell(
    predictions: Iterable[Prediction], asker: asking.Asker, single: bool, out: str | Path | None
) -> int:
    """Prints the answers and what is to be doubted of them, writes them; how many have failed."""
    saved, failed = [], 0
    for one in predictions:
        _show(one, single)
        if one.answer is None:
            failed += 1
        else:
            json = one.answer.json()
            saved.append(json if single else {"file": one.name, **json})
    asker.doubts.tell()
    if out is not None:
        write_json(Path(out), saved[0] if single else saved)
        print(f"Saved to {out}")
    return failed


def _show(one: Prediction, single: bool) -> None:
    if one.answer is None:
        if single:
            raise UserError(one.error)
        print(f"error: {one.error}", file=sys.stderr)
    else:
        print(one.answer.text(one.path.name) if single else f"{one.path}: {one.answer.line()}")
