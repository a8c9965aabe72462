"""A run over labelled clips: answers are scored, and the numbers, tables and pictures written."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import shipped
from jaxsign.errors import UserError
from jaxsign.infer import asking, baseline, ensemble
from jaxsign.infer import run as runs
from jaxsign.input import batching, tables
from jaxsign.input.examples import Batch, Examples, indices
from jaxsign.input.folders import progress
from jaxsign.sections.data import SPLITS
from jaxsign.tasks import answering, measures
from jaxsign.train import opening, setup, weights
from jaxsign.whole import write_json


def evaluate(
    workdir: str | Path | Sequence[str | Path],
    *,
    split: str = "val",
    path: str | Path | None = None,
    labels: str | Path | None = None,
    out: str | Path | None = None,
    which: str = "best",
    batch_size: int = 32,
    skip_missing: bool = False,
    asked: answering.Asked | None = None,
    save_results: str | Path | None = None,
) -> dict[str, object]:
    """Evaluates a run, or several that answer together, and writes a results folder.

    Args:
      workdir: the run folder, or several; of folds, the folder of all.
      split: 'val', 'test' or 'train': which of the run's own data to use.
      path: another folder of clips than the run's own.
      labels: its labels.csv; `path`/labels.csv if None.
      out: where to write; RUN/evaluate-SPLIT if None, with several RUN/together-SPLIT. Results of
        other data have the data's name behind that: they leave those of the run's own alone.
      which: 'best' or 'last'.
      batch_size: clips run at once; a multiple of the devices.
      skip_missing: leave out rows whose clip file is missing (their number is printed) instead
        of stopping.
      asked: `save_predictions`, and the run's task's settings of how answers are found and
        compared (`jaxsign.tasks.answering.Answering.scorer`).
      save_results: a JSON file that the numbers are written to as well.

    Returns:
      The numbers that the task's score has written (`jaxsign.tasks.answering.Score.write`).

    Raises:
      UserError: no data, or data or settings that do not fit the run.
    """
    asked = asked or {}
    members = [one.task.as_asked(one, asked) for one in ensemble.load(workdir, which)]
    run, several = members[0], len(members) > 1
    folder = _results(members, split, path)
    if out is None:
        shipped.refuse_writing(folder, "Say where the results shall lie: --out DIR")
    else:
        folder = Path(out)
    scorer = run.task.scorer(run, asked)
    if several and path is None:
        _check_unlearnt(members, split)
    opened = [
        open_split(one, data_section(one, split, path, labels, skip_missing), split)
        for one in members
    ]
    if several:
        scored = _together(members, opened, scorer, batch_size)
    else:
        scored = score(run, opened[0], scorer, batch_size)
    heads = run.config.task.heads
    if path is None and (known := baseline.beside(run.workdir, split, len(opened[0]), heads)):
        scored.stand_beside(known)
    complete = scored.write(folder, {"model_info": _about(members)})
    scored.show()
    if save_results is not None:
        write_json(Path(save_results), complete)
    print(f"Results in {folder}")
    return complete


def choose_none(
    workdir: str | Path, no_sign: str = "", *, which: str = "best", batch_size: int = 32
) -> None:
    """Chooses on a run's validation clips when an answer means none of the signs.

    It is left in the run folder, where whatever asks the run finds it.

    Args:
      workdir: the run folder.
      no_sign: the class that stands for no sign; "" = there is none.
      which: 'best' or 'last'.
      batch_size: clips run at once.

    Raises:
      UserError: as `evaluate`; no such class, or a run without such answers.
    """
    run = runs.load_run(workdir, which)
    shipped.refuse_writing(run.workdir, "What none.json says is left in a run: copy the folder")
    examples = open_split(run, data_section(run, "val", None, None), "val")
    score(run, examples, run.task.scorer(run, {}), batch_size).choose_none(no_sign)


def write_table(
    workdir: str | Path,
    out: str | Path,
    *,
    path: str | Path | None = None,
    which: str = "best",
    batch_size: int = 32,
) -> dict[str, int]:
    """Writes a table of a run's answers to the clips of train, val and test, in their order.

    Args:
      workdir: the run folder.
      out: the csv file to write.
      path: another folder of clips than the run's own, which holds all three splits.
      which: 'best' or 'last'.
      batch_size: clips run at once.

    Returns:
      How many clips there are of each split.

    Raises:
      UserError: as `evaluate`; a run without such a table.
    """
    run = runs.load_run(workdir, which)
    scorer = run.task.scorer(run, {})
    rows: list[dict[str, measures.Cell]] = []
    counts = {}
    for split in ("train", "val", "test"):
        data = data_section(run, split, path, None)
        # Of what training may have taken a part, and of val besides, each row stands once.
        data.learning_curve, data.retrain_on_all = 1.0, False
        found = score(run, open_split(run, data, split), scorer, batch_size).table(split)
        counts[split] = len(found)
        rows += found
    tables.write(Path(out), rows)
    return counts


def data_section(
    run: runs.Run,
    split: str,
    path: str | Path | None,
    labels: str | Path | None,
    skip_missing: bool = False,
) -> ConfigDict:
    """The recipe's data section, pointed at what the caller asks for.

    Raises:
      UserError: an unknown split, or one without data.
    """
    if split not in SPLITS:
        raise UserError(f"split {split!r} is none of {', '.join(SPLITS)}")
    data = run.task.pointed(run, split, *(None if p is None else Path(p) for p in (path, labels)))
    # A trial run may train on a sample; what it is worth is told on everything.
    data.max_clips = 0
    if skip_missing:
        data.missing = "skip"
    return data


def open_split(run: runs.Run, data: ConfigDict, split: str) -> Examples:
    """The examples of a data section, as the run's task learnt from such.

    Raises:
      UserError: there are none, or their labels do not fit.
    """
    return opening.open_examples(recipe(run, data), split)


def recipe(run: runs.Run, data: ConfigDict) -> ConfigDict:
    """The run's recipe for other data, with the most frames of a clip filled in."""
    config = ConfigDict(run.config.to_dict())
    config.data, config.input.max_length = data, run.max_length or 0
    return config


def score(
    run: runs.Run, examples: Examples, scorer: answering.Scorer, batch_size: int = 32
) -> answering.Score:
    """Asks the run about all examples, on all devices of its recipe.

    Raises:
      UserError: examples or labels that do not fit the run.
    """
    scored = scorer(examples)
    for batch, rows in answered(run, examples, batch_size):
        scored.add(batch, rows)
    return scored


def answered(
    run: runs.Run, examples: Examples, batch_size: int = 32
) -> Iterator[tuple[Batch, answering.Outputs]]:
    """What the run gives of all examples, on all devices of its recipe.

    Yields:
      Batches, and what is said of their rows.

    Raises:
      UserError: examples that do not fit the run.
    """
    asker = asking.Asker(run, setup.choose_devices(run.config.devices))
    asker.doubts.see_examples(examples)
    count = len(asker.on.devices)
    # Where padding would change an answer there is none.
    apart = run.net.padding_counts
    buckets: list[int | tuple[int, ...]] = list(run.config.input.buckets)
    if apart:
        buckets = [tuple(size) for size in examples.sizes.tolist()]
    options = batching.BatchOptions(
        batch_size=-(-batch_size // count) * count, buckets=buckets, apart=apart, shared=count
    )
    batches = batching.EvalBatches(examples, options)
    for batch in progress.over("evaluating", batches, len(batches)):
        asker.check(batch, examples.name)
        yield batch, asker.ask(batch)
    asker.doubts.tell()


def _together(
    members: Sequence[runs.Run],
    opened: Sequence[Examples],
    scorer: answering.Scorer,
    batch_size: int,
) -> answering.Score:
    """The score of what several runs say together of the same examples, each as it sees them."""
    count, found = len(opened[0]), []
    for run, examples in zip(members, opened, strict=True):
        if list(examples.ids) != list(opened[0].ids):
            raise UserError(
                f"{members[0].workdir} and {run.workdir} read other clips: {opened[0].name} and "
                f"{examples.name}. Give the same to both: --data DIR"
            )
        whole: dict[str, np.ndarray] = {}
        for batch, rows in answered(run, examples, batch_size):
            index = indices(batch)
            for name, row in rows.items():
                all_rows = whole.setdefault(name, np.zeros((count, *row.shape[1:]), row.dtype))
                all_rows[index] = row[: len(index)]
        found.append(whole)
    scored = scorer(opened[0])
    scored.add({"index": np.arange(count)}, members[0].task.averaged(found))
    return scored


def _results(members: Sequence[runs.Run], split: str, path: str | Path | None) -> Path:
    """The results folder of a run, or of several: of the run's own data, or of others."""
    run, word = members[0], "together" if len(members) > 1 else "evaluate"
    own = run.config.data[split].path
    if path is None or (own and Path(own).resolve() == Path(path).resolve()):
        return run.workdir / f"{word}-{split}"
    place = Path(path).resolve()
    return run.workdir / f"{word}-{split}-{place.name if place.is_dir() else place.stem}"


def _check_unlearnt(members: Sequence[runs.Run], split: str) -> None:
    """Refuses clips that one fold holds back and the others have learnt."""
    numbers = {run.config.data.folds.number for run in members}
    if split != "test" and len(numbers) > 1:
        raise UserError(
            f"the {split} clips of one fold are learnt by the others: together they would only "
            "repeat them. Give clips that none has learnt (--split test, or --data DIR); "
            "what each fold holds back is in out-of-fold/"
        )


def _about(members: Sequence[runs.Run]) -> dict[str, object]:
    run = members[0]
    about: dict[str, object] = {
        "model_type": run.config.net.name,
        "checkpoint_path": str(weights.place(run.workdir, run.which)),
        "device": jax.devices()[0].platform,
        "timestamp": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    return about | ({"runs": [str(one.workdir) for one in members]} if len(members) > 1 else {})
