"""A run that gives label sequences over labelled clips: word errors, tables, files, a picture."""

import dataclasses
import datetime
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.progress import track

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.infer import files
from jaxsign.infer import run as runs
from jaxsign.input.signs import sources, views
from jaxsign.tasks.classes import results
from jaxsign.tasks.sequences import figures, predict, sclite, scoring, summary, word_errors
from jaxsign.tasks.sequences import glosses as rules
from jaxsign.tasks.sequences import options as decoding
from jaxsign.tasks.sequences.recogniser import Recognised, Recogniser, gloss_name

Array = np.ndarray
ALL = "all"
# Clips held in memory at once.
_CHUNK = 256


@dataclasses.dataclass(frozen=True)
class Scoring:
    """How answers are compared with references, and what is written beside the tables.

    Attributes:
      costs: of a deletion, an insertion and a substitution while aligning.
      glosses: name of the clean-up rules, of `jaxsign.tasks.sequences.glosses.RULES`.
      sclite: also write files for sclite.
      predictions: also write one JSON file a clip.
    """

    costs: word_errors.Costs = word_errors.UNIT
    glosses: str = "as-is"
    sclite: bool = False
    predictions: bool = False

    def __post_init__(self) -> None:
        if self.glosses not in rules.RULES:
            near = did_you_mean(self.glosses, rules.RULES)
            raise UserError(f"glosses {self.glosses!r}: none of {', '.join(rules.RULES)}.{near}")


def evaluate(
    run: runs.Run,
    source: sources.Source,
    folder: Path,
    *,
    batch_size: int = 32,
    asked: Mapping[str, Any] | None = None,
    scoring_options: Scoring | None = None,
) -> dict[str, Any]:
    """Recognises a source's clips and writes the results folder.

    Args:
      run: whose task learns label sequences.
      source: with labels.
      folder: where to; in mode 'all' every mode has a folder of its own in it.
      batch_size: clips run at once.
      asked: settings of `Options` other than the run's own; mode may be 'all'.
      scoring_options: how errors are counted.

    Returns:
      The content of results.json.

    Raises:
      UserError: labels beyond the net's classes, or clips that do not fit the run.
    """
    scored_by, asked = scoring_options or Scoring(), dict(asked or {})
    source = sources.label_sequences(source)
    run = _named(run, source)
    _check(run, source)
    several = asked.get("mode") == ALL
    found: dict[str, list[scoring.Sentence]] = {}
    parts: dict[str, Any] = {}
    complete = _header(run, source)
    for mode in decoding.MODES if several else (asked.get("mode"),):
        options = decoding.of_run(run, **{**asked, "mode": mode})
        decoding.warn_of_decoder(run, options)
        answers = recognise(run, source, Recogniser(run, options), batch_size)
        sentences = _score(run, source, answers, scored_by)
        part = _numbers(options, scored_by, sentences)
        place = folder / options.mode if several else folder
        _write(place, {**complete, **part}, sentences, source, run, scored_by)
        found[options.mode], parts[options.mode] = sentences, part
    summary.show(found)
    if not several:
        return {**complete, **part}
    complete["modes"] = parts
    results.write_json(folder / "results.json", complete)
    return complete


def recognise(
    run: runs.Run, source: sources.Source, recogniser: Recogniser, batch_size: int = 32
) -> list[tuple[Recognised, int]]:
    """What is recognised in every clip of a source, and its frames, in the source's order.

    Raises:
      UserError: clips that do not fit the run.
    """
    order = np.argsort(np.asarray(source.lengths), kind="stable")
    found: dict[int, tuple[Recognised, int]] = {}
    starts = range(0, len(source), _CHUNK)
    title = f"decoding ({recogniser.options.mode.replace('_', '-')})"
    for start in track(starts, title, transient=True, disable=not sys.stdout.isatty()):
        part = [int(i) for i in order[start : start + _CHUNK]]
        arrays = [_features(run, source, i) for i in part]
        names = [source.ids[i] for i in part]
        cut = [run.cut(x) for x in arrays]
        rows = recogniser.recognise(cut, min(batch_size, len(source)), names)
        found |= {i: (row, len(x)) for i, row, x in zip(part, rows, arrays, strict=True)}
    _warn_of_length(run, [frames for _, frames in found.values()])
    return [found[i] for i in range(len(source))]


def _features(run: runs.Run, source: sources.Source, index: int) -> Array:
    value = source.read(index)
    if isinstance(value, np.ndarray):
        files.check_finite(value, source.ids[index], run)
    return run.features(value)


def _named(run: runs.Run, source: sources.Source) -> runs.Run:
    """The run, with the source's names of glosses where it has none."""
    given = source.class_names.get("gloss")
    if run.labels.get("gloss") or not given:
        return run
    return dataclasses.replace(run, labels={**run.labels, "gloss": given})


def _check(run: runs.Run, source: sources.Source) -> None:
    classes = int(run.config.net.num_gloss)
    problems = [
        f"{name}: gloss {number}, the net has 0..{classes - 1}"
        for name, row in zip(source.ids, source.sequences or (), strict=True)
        for number in row
        if not 0 <= number < classes
    ]
    if problems:
        raise UserError(
            f"{source.name}: these labels do not fit the run:\n{listing(problems)}\n"
            "Check that they are numbered as those that the net was trained for."
        )


def _score(
    run: runs.Run,
    source: sources.Source,
    found: Sequence[tuple[Recognised, int]],
    scored_by: Scoring,
) -> list[scoring.Sentence]:
    rate = views.frame_rate(run.config, source.rate)
    names = run.labels.get("gloss")
    return [
        scoring.sentence(
            name,
            [gloss_name(names, number) for number in truth],
            recognised,
            costs=scored_by.costs,
            rule=rules.RULES[scored_by.glosses],
            seconds=frames / rate,
        )
        for name, truth, (recognised, frames) in zip(
            source.ids, source.sequences or (), found, strict=True
        )
    ]


def _header(run: runs.Run, source: sources.Source) -> dict[str, Any]:
    return {
        "model_info": {
            "model_type": run.config.net.name,
            "checkpoint_path": str(run.workdir / "checkpoints" / run.which),
            "device": jax.devices()[0].platform,
            "timestamp": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        },
        "dataset_info": {"name": source.name, "total_samples": len(source)},
    }


def _numbers(
    options: decoding.Options, scored_by: Scoring, sentences: Sequence[scoring.Sentence]
) -> dict[str, Any]:
    return {
        "decoding": dataclasses.asdict(options),
        "scoring": {"costs": list(scored_by.costs), "glosses": scored_by.glosses},
        "results": scoring.total(sentences).to_json(),
        "by_length": {
            str(length): counts.to_json() for length, counts in scoring.by_length(sentences).items()
        },
    }


def _write(
    folder: Path,
    complete: Mapping[str, Any],
    sentences: Sequence[scoring.Sentence],
    source: sources.Source,
    run: runs.Run,
    scored_by: Scoring,
) -> None:
    """Writes a mode's files: results.json, two tables, the picture, and what else is asked for."""
    mode, table = complete["decoding"]["mode"], scoring.per_gloss(sentences)
    results.write_json(folder / "results.json", complete)
    scoring.write_per_gloss(folder / "per_gloss.csv", table)
    space = scoring.separator(run.labels.get("gloss") or ())
    scoring.write_predictions(folder / "predictions.csv", sentences, space)
    figures.errors(
        folder / "errors.png",
        scoring.total(sentences),
        scoring.by_length(sentences),
        table,
        title=f"{run.workdir.name}, {mode.replace('_', '-')}",
    )
    if scored_by.sclite:
        sclite.write(folder, sentences, source.signers)
    if scored_by.predictions:
        _write_individual(folder / "individual_predictions", sentences, run, mode)


def _write_individual(
    folder: Path, sentences: Sequence[scoring.Sentence], run: runs.Run, mode: str
) -> None:
    """One JSON file a clip: what is true, what was recognised and how it compares."""
    for one in sentences:
        stem = re.sub(r"[\\/:]", "_", one.id.removesuffix(".npz"))
        results.write_json(
            folder / f"{stem}_validation.json",
            {
                "file": one.id,
                "ground_truth": list(one.reference),
                **predict.saved(one.recognised, run, mode),
                "correct": not one.counts.errors,
                "errors": one.counts.errors,
            },
        )


def _warn_of_length(run: runs.Run, frames: Sequence[int]) -> None:
    long = sum(run.max_length is not None and count > run.max_length for count in frames)
    if long:
        print(
            f"warning: {long} of {len(frames)} clips are longer than {run.max_length} frames; "
            f"only the first {run.max_length} were used",
            file=sys.stderr,
        )
