"""A run over labelled clips: accuracies, per-class tables, confusion matrices, pictures."""

import dataclasses
import datetime
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict
from rich.progress import track

from jaxsign.errors import UserError, listing
from jaxsign.infer import run as runs
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import sources
from jaxsign.tasks.classes import figures, metrics, results, summary

Array = np.ndarray

# Clips held in memory at once.
_CHUNK = 256
SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the net said about every clip of a source.

    Attributes:
      ids: names of the clips.
      truth: head -> int [N].
      scores: head -> float32 [N, K], logits.
      occluded: bool [N], or None where the labels do not say.
    """

    ids: list[str]
    truth: dict[str, Array]
    scores: dict[str, Array]
    occluded: Array | None

    @property
    def predicted(self) -> dict[str, Array]:
        """head -> int [N], the best scored ids."""
        return {head: metrics.ranking(scores)[:, 0] for head, scores in self.scores.items()}


def evaluate(
    workdir: str | Path,
    *,
    split: str = "val",
    path: str | Path | None = None,
    labels: str | Path | None = None,
    out: str | Path | None = None,
    which: str = "best",
    batch_size: int = 32,
    skip_missing: bool = False,
    save_predictions: bool = False,
    decoding: Mapping[str, Any] | None = None,
    scoring: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Evaluates a run and writes its results folder.

    Args:
      workdir: the run folder.
      split: 'val', 'test' or 'train': which of the run's own data to use.
      path: another folder of clips than the run's own.
      labels: its labels.csv; `path`/labels.csv if None.
      out: where to write; RUN/evaluate-SPLIT if None.
      which: 'best' or 'last'.
      batch_size: clips run at once.
      skip_missing: leave out rows whose clip file is missing (their number is printed) instead
        of stopping.
      save_predictions: also write one JSON file a clip.
      decoding, scoring: of runs that recognise label sequences: how they are found and compared
        (`jaxsign.tasks.sequences`: Options, mode 'all' besides, and Scoring).

    Returns:
      The content of complete_validation_results.json; of label sequences that of results.json.

    Raises:
      UserError: no data, or data that do not fit the run.
    """
    run = runs.load_run(workdir, which)
    runs.check_decoding(run, {**(decoding or {}), **(scoring or {})})
    data = data_section(run, split, path, labels, skip_missing)
    counts = {head: int(run.config.net.get(f"num_{head}", 0)) for head in run.heads}
    classes = {head: count for head, count in counts.items() if count}
    source = sources.open_source(data, split, classes)
    folder = Path(out) if out is not None else Path(workdir) / f"evaluate-{split}"
    if run.gives_sequences:
        from jaxsign.tasks.sequences import evaluate as room

        given = {name: value for name, value in (scoring or {}).items() if value is not None}
        how = room.Scoring(predictions=save_predictions, **given)
        complete = room.evaluate(
            run, source, folder, batch_size=batch_size, asked=decoding, scoring_options=how
        )
        print(f"Results in {folder}")
        return complete
    source = sources.single_labels(source, run.heads)
    answers = answer(run, source, batch_size)
    complete = report(run, answers)
    write(folder, complete, answers, run)
    if save_predictions:
        write_predictions(folder / "individual_predictions", answers)
    summary.show(complete, metrics.class_table(answers.truth, answers.predicted, names(run)))
    print(f"Results in {folder}")
    return complete


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
    data = ConfigDict(run.config.data.to_dict())
    if path is not None:
        if data.source in ("npz", "clips", "synthetic"):
            data.source = _source_of(Path(path))
        data[split].path = str(path)
        data[split].labels = str(labels) if labels is not None else str(Path(path) / "labels.csv")
    elif labels is not None:
        data[split].labels = str(labels)
    if data.source not in ("npz", "clips", "synthetic"):
        # Other clips may have other signs: the run's classes keep their numbers.
        data.class_names = {head: known for head, known in run.labels.items() if known}
    somewhere = data[split].path or (data.train.path if sources.serve_all(data.source) else "")
    if data.source != "synthetic" and not somewhere:
        raise UserError(
            f"{run.workdir} knows no {split} data (data.{split}.path in its config.json is empty). "
            "Give a folder of clips with --data DIR, and --labels CSV if it is not DIR/labels.csv."
        )
    # A trial run may train on a sample; what it is worth is told on everything.
    data.max_clips = 0
    if skip_missing:
        data.missing = "skip"
    return data


def _source_of(folder: Path) -> str:
    if any(folder.glob(f"*{clips.SUFFIX}")):
        return "clips"
    return "npz" if any(folder.glob("*.npz")) else "collection"


def answer(run: runs.Run, source: Any, batch_size: int = 32) -> Answers:
    """Runs the net over a source (`jaxsign.input.signs.sources`), shortest clips first.

    Raises:
      UserError: an empty source, labels beyond the net's classes, or clips that do not fit it.
    """
    total = len(source)
    if not total:
        raise UserError(f"{source.name}: no clips to evaluate.")
    heads = [head for head in run.heads if head in source.labels]
    order = np.argsort(np.asarray(source.lengths), kind="stable")
    scores: dict[str, Array] = {}
    # Images are large: no more of them are held at once than one batch needs.
    chunk = batch_size if run.takes_frames else _CHUNK
    starts = range(0, total, chunk)
    for start in track(starts, "evaluating", transient=True, disable=not sys.stdout.isatty()):
        part = order[start : start + chunk]
        rows = run.classify([_clip(run, source, int(i)) for i in part], min(batch_size, total))
        for head in heads:
            known = scores.setdefault(head, np.zeros((total, rows[head].shape[1]), np.float32))
            known[part] = rows[head]
    truth = {head: np.asarray(source.labels[head]) for head in heads}
    _check(source, truth, scores)
    _warn_about_length(run, source)
    occluded = None if source.occluded is None else np.asarray(source.occluded).astype(bool)
    return Answers(list(source.ids), truth, scores, occluded)


def _clip(run: runs.Run, source: Any, index: int) -> runs.Clip:
    value = source.read(index)
    if not isinstance(value, np.ndarray) and run.view is None:
        raise UserError(
            f"{source.ids[index]}: a clip of landmarks, but this run takes stored features "
            f"[T, {run.input_dim}]. Give --data a folder of .npz files that hold them."
        )
    value = run.features(value)
    fits = value.shape[1:] == run.frame_shape
    if not fits and not (run.takes_frames and value.ndim == 4):
        found = "images" if value.ndim == 4 else f"{value.shape[-1]} numbers a frame"
        raise UserError(
            f"{source.ids[index]}: {found}, but this run's net takes {run.input_dim} numbers a "
            "frame. Give --data a folder of clips that hold them."
        )
    value = run.cut(value)
    return runs.Clip(value, np.ones(len(value), bool))


def _check(source: Any, truth: dict[str, Array], scores: dict[str, Array]) -> None:
    problems = []
    for head, ids in truth.items():
        count = scores[head].shape[1]
        problems += [
            f"{source.ids[i]}: {metrics.spell(head)} {ids[i]}, the net has 0..{count - 1}"
            for i in np.flatnonzero((ids < 0) | (ids >= count))
        ]
        problems += [
            f"{source.ids[i]}: the net's {metrics.spell(head)} scores are not finite"
            for i in np.flatnonzero(~np.isfinite(scores[head]).all(1))
        ]
    if problems:
        raise UserError(
            f"{source.name}: these clips do not fit the run:\n{listing(problems)}\n"
            "Check that the labels and clips are those that the net was trained for."
        )


def _warn_about_length(run: runs.Run, source: Any) -> None:
    long = 0 if run.max_length is None else int((source.lengths > run.max_length).sum())
    if long:
        print(
            f"warning: {long} of {len(source)} clips are longer than {run.max_length} frames; "
            f"only the first {run.max_length} were used",
            file=sys.stderr,
        )


def names(run: runs.Run) -> dict[str, tuple[str, ...]]:
    """head -> label names of the heads that have some."""
    return {head: labels for head, labels in run.labels.items() if labels}


def report(run: runs.Run, answers: Answers) -> dict[str, Any]:
    """All results of an evaluation: complete_validation_results.json."""
    groups = metrics.report(answers.truth, answers.predicted, answers.occluded)
    info: dict[str, Any] = {"total_samples": len(answers.ids)}
    if answers.occluded is not None:
        info["occluded_samples"] = int(answers.occluded.sum())
        info["non_occluded_samples"] = int((~answers.occluded).sum())
    return {
        "model_info": {
            "model_type": run.config.net.name,
            "checkpoint_path": str(run.workdir / "checkpoints" / run.which),
            "device": jax.devices()[0].platform,
            "timestamp": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        },
        "dataset_info": info,
        **groups,
        "top_k_accuracy": metrics.top_k(answers.truth, answers.scores),
    }


def write(folder: Path, complete: dict[str, Any], answers: Answers, run: runs.Run) -> None:
    """Writes the JSON files, per_class.csv and the confusion pictures."""
    results.write_json(folder / "complete_validation_results.json", complete)
    for group in complete:
        if group.endswith("_results") or group == "confusion_matrices":
            results.write_json(folder / f"{group}.json", complete[group])
    labels, predicted = names(run), answers.predicted
    metrics.write_class_table(
        folder / "per_class.csv", metrics.class_table(answers.truth, predicted, labels)
    )
    for head, truth in answers.truth.items():
        figures.confusion(
            folder / f"confusion_{head}.png",
            truth,
            predicted[head],
            title=metrics.spell(head).capitalize(),
            names=labels.get(head),
        )


def write_predictions(folder: Path, answers: Answers) -> None:
    """One JSON file a clip: what is true, what was predicted, the best candidates."""
    for row, name in enumerate(answers.ids):
        truth = {metrics.spell(head): int(ids[row]) for head, ids in answers.truth.items()}
        made = results.make({head: scores[row] for head, scores in answers.scores.items()})
        said = {head: made[f"{head}_prediction"] for head in truth}
        known = {} if answers.occluded is None else {"occluded": int(answers.occluded[row])}
        stem = re.sub(r"[\\/:]", "_", name.removesuffix(".npz"))
        results.write_json(
            folder / f"{stem}_validation.json",
            {
                "file": name,
                "ground_truth": {**truth, **known},
                "prediction": {
                    **said,
                    **{f"{head}_probability": made[f"{head}_probability"] for head in truth},
                },
                **{key: value for key, value in made.items() if "_top" in key},
                "correct": {head: said[head] == truth[head] for head in truth},
            },
        )
