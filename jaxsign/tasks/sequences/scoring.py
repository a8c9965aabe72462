"""Answers to clips whose glosses are known: word errors, tables, files, pictures."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input.examples import Batch, indices
from jaxsign.input.signs import views
from jaxsign.tasks import answering
from jaxsign.tasks.sequences import examples, figures, sclite, sentences, summary, word_errors
from jaxsign.tasks.sequences import glosses as rules
from jaxsign.tasks.sequences.answers import gloss_name
from jaxsign.tasks.sequences.decoder import Decoder
from jaxsign.tasks.sequences.options import DecodingOptions
from jaxsign.whole import write_json

ALL = "all"  # modes of decoding


@dataclasses.dataclass(frozen=True)
class Scoring:
    """How answers are compared with references, and what is written beside the tables.

    Attributes:
      costs: of a deletion, an insertion and a substitution while aligning.
      glosses: name of the clean-up rules, of `jaxsign.tasks.sequences.glosses.RULES`.
      sclite: also write files for sclite.
      save_predictions: also write one JSON file a clip.
    """

    costs: word_errors.Costs = word_errors.UNIT
    glosses: str = "as-is"
    sclite: bool = False
    save_predictions: bool = False

    def __post_init__(self) -> None:
        if self.glosses not in rules.RULES:
            near = did_you_mean(self.glosses, rules.RULES)
            raise UserError(f"glosses {self.glosses!r}: none of {', '.join(rules.RULES)}.{near}")


class SequenceScore(answering.Score):
    """Sentences, by the mode of decoding that read them.

    Args:
      run: that answers.
      clips: that are answered to.
      modes: of decoding; several are shown side by side and have a folder each.
      scored_by: how errors are counted.

    Raises:
      UserError: labels beyond the net's classes.
    """

    def __init__(
        self,
        run: answering.Trained,
        clips: examples.SequenceExamples,
        modes: list[DecodingOptions],
        scored_by: Scoring,
    ):
        source, clips.features.finite = clips.source, not run.net.takes_nan
        given = source.class_names.get("gloss")
        if not run.labels.get("gloss") and given:
            run = dataclasses.replace(run, labels={**run.labels, "gloss": given})
        self._run, self._source, self._scored_by = run, source, scored_by
        self._decoders = [Decoder(run, options) for options in modes]
        self._rate = views.frame_rate(run.config, source.rate)
        self._truth = source.sequences or []
        self._found: dict[str, dict[int, sentences.Sentence]] = {one.mode: {} for one in modes}
        self._check()

    def _check(self) -> None:
        classes = int(self._run.config.net.num_gloss)
        problems = [
            f"{name}: gloss {number}, the net has 0..{classes - 1}"
            for name, row in zip(self._source.ids, self._truth, strict=True)
            for number in row
            if not 0 <= number < classes
        ]
        if problems:
            raise UserError(
                f"{self._source.name}: these labels do not fit the run:\n{listing(problems)}\n"
                "Check that they are numbered as those that the net was trained for."
            )

    def add(self, batch: Batch, rows: answering.Outputs) -> None:
        index = indices(batch)
        source, known = self._source, self._run.labels.get("gloss")
        ids = [source.ids[i] for i in index]
        for decoder in self._decoders:
            for i, answer in zip(index.tolist(), decoder(rows, ids), strict=True):
                self._found[decoder.options.mode][i] = sentences.sentence(
                    source.ids[i],
                    [gloss_name(known, number) for number in self._truth[i]],
                    answer,
                    costs=self._scored_by.costs,
                    rule=rules.RULES[self._scored_by.glosses],
                    seconds=int(source.lengths[i]) / self._rate,
                )

    def by_mode(self) -> dict[str, list[sentences.Sentence]]:
        """mode -> the sentences in the source's order."""
        return {mode: [found[i] for i in sorted(found)] for mode, found in self._found.items()}

    def write(self, folder: Path, about: Mapping[str, object]) -> dict[str, object]:
        """results.json, tables and a picture; of several modes in a folder each."""
        several = len(self._decoders) > 1
        source = self._source
        whole: dict[str, object] = {
            **about,
            "dataset_info": {"name": source.name, "total_samples": len(source)},
        }
        parts = {}
        for decoder, (mode, found) in zip(self._decoders, self.by_mode().items(), strict=True):
            parts[mode] = self._numbers(decoder.options, found)
            self._write(folder / mode if several else folder, {**whole, **parts[mode]}, mode, found)
        if not several:
            return {**whole, **parts.popitem()[1]}
        whole["modes"] = parts
        write_json(folder / "results.json", whole)
        return whole

    def show(self) -> None:
        summary.show(self.by_mode())

    def _numbers(
        self, options: DecodingOptions, found: list[sentences.Sentence]
    ) -> dict[str, object]:
        lengths = sentences.by_length(found)
        return {
            "decoding": dataclasses.asdict(options),
            "scoring": {
                "costs": list(self._scored_by.costs), "glosses": self._scored_by.glosses
            },
            "results": sentences.total(found).to_json(),
            "by_length": {str(length): counts.to_json() for length, counts in lengths.items()},
        }  # fmt: skip

    def _write(
        self,
        folder: Path,
        complete: Mapping[str, object],
        mode: str,
        found: list[sentences.Sentence],
    ) -> None:
        """A mode's files: results.json, two tables, the picture, and what else is asked for."""
        table = sentences.per_gloss(found)
        write_json(folder / "results.json", complete)
        sentences.write_per_gloss(folder / "per_gloss.csv", table)
        space = sentences.separator(self._run.labels.get("gloss") or ())
        sentences.write_predictions(folder / "predictions.csv", found, space)
        figures.errors(
            folder / "errors.png",
            sentences.total(found),
            sentences.by_length(found),
            table,
            title=f"{self._run.workdir.name}, {mode.replace('_', '-')}",
        )
        if self._scored_by.sclite:
            sclite.write(folder, found, self._source.signers)
        if self._scored_by.save_predictions:
            for one in found:
                _write_one(folder / "individual_predictions", one)


def _write_one(folder: Path, one: sentences.Sentence) -> None:
    """A clip's JSON file: what is true, what was recognised and how it compares."""
    stem = re.sub(r"[\\/:]", "_", one.id.removesuffix(".npz"))
    write_json(
        folder / f"{stem}_validation.json",
        {
            "file": one.id,
            "ground_truth": list(one.reference),
            **one.answer.json(),
            "correct": not one.counts.errors,
            "errors": one.counts.errors,
        },
    )
