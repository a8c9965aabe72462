"""Several runs that answer together: what each says of a clip is averaged."""

from collections.abc import Sequence
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.infer import asking, run_folder
from jaxsign.infer import run as runs
from jaxsign.tasks import answering


def load(
    workdirs: str | Path | Sequence[str | Path], which: str = "best", language: int | None = None
) -> list[runs.Run]:
    """The runs that folders hold; a folder of folds holds all of theirs.

    Args:
      workdirs: a folder, or several.
      which, language: as in `run.load_run`.

    Raises:
      UserError: as `run.load_run`; several runs that have not the same heads and classes in one
        order, or whose task averages no answers.
    """
    named = [workdirs] if isinstance(workdirs, str | Path) else list(workdirs)
    folders = [folder for one in named for folder in run_folder.members(Path(one))]
    found = [runs.load_run(folder, which, language) for folder in folders]
    if len(found) > 1:
        for other in found:
            _check(found[0], other)
    return found


def _check(first: runs.Run, other: runs.Run) -> None:
    if not other.task.averages:
        raise UserError(
            f"{other.workdir}: answers are averaged of runs that learn one sign a clip; this one "
            "learns something else. Give it alone."
        )
    if first.heads != other.heads:
        raise UserError(
            f"{first.workdir} and {other.workdir} do not tell the same: one has the heads "
            f"{', '.join(first.heads)}, the other {', '.join(other.heads)}. Give runs of one kind."
        )
    for head in first.heads:
        key = f"num_{head}"
        count, others = first.config.net[key], other.config.net[key]
        if count != others:
            raise UserError(
                f"{first.workdir} and {other.workdir} do not know the same signs: {head} has "
                f"{count} classes in one, {others} in the other. Give runs of the same signs."
            )
        own, known = (run.labels[head] or () for run in (first, other))
        wrong = [i for i, pair in enumerate(zip(own, known, strict=False)) if len(set(pair)) > 1]
        if wrong:
            place = wrong[0]
            raise UserError(
                f"{first.workdir} and {other.workdir} do not know the same signs: class {place} of "
                f"{head} is {own[place]!r} in one, {known[place]!r} in the other. Give runs of the "
                "same signs in the same order."
            )


def answers(
    askers: Sequence[asking.Asker],
    clips: Sequence[Sequence[runs.NetInput]],
    batch_size: int,
    *,
    names: Sequence[str],
    answerer: answering.Answerer,
) -> list[answering.Answer]:
    """What runs say of clips together, in the clips' order.

    Args:
      askers: of the runs.
      clips: of every run, as its net takes them.
      batch_size: rows of a batch.
      names: of the clips, for messages.
      answerer: of the first run's task.

    Raises:
      UserError: a clip is not what a net takes.
    """
    if len(askers) == 1:
        return askers[0].answers(clips[0], batch_size, names=names, answerer=answerer)
    rows = [
        asker.rows(own, batch_size, names=names) for asker, own in zip(askers, clips, strict=True)
    ]
    task = askers[0].run.task
    found: list[answering.Answer] = []
    for name, *said in zip(names, *rows, strict=True):
        found += answerer(task.averaged(said), [name])
    return found
