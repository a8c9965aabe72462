"""Clips with a label sequence each, whole or in windows."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError, listing
from jaxsign.input import planning
from jaxsign.input.examples import Batch, Example, Survey
from jaxsign.input.signs import clip_source, sequence_labels
from jaxsign.input.signs import treatment as treatments
from jaxsign.input.signs.features import Features
from jaxsign.tasks import clips


class SequenceExamples(clips.SignExamples):
    """Clips `x` [T, ...] and their `sequence` (see `SequenceLabels`).

    A window whose labels are not known, or are too many for its frames, has no weight.

    Args:
      source, treatment, features: see `ClipExamples`; the source has `sequences`.
      frames_per_output: input frames of a frame of the net's output.
    """

    def __init__(
        self,
        source: clip_source.Source,
        treatment: treatments.Treatment,
        frames_per_output: int,
        features: Features | None = None,
    ):
        super().__init__(source, treatment, features)
        self.sequences = sequence_labels.SequenceLabels(
            source.sequences or (), frames_per_output, source.lengths
        )
        self._per_output = frames_per_output

    def under(self, config: ConfigDict) -> "SequenceExamples":
        made = of_source(config, self.source, training=self.treatment.training)
        made.check(config, {"gloss": self.source.sequences or ()})
        _check_lengths(config, made)
        return made

    def truths(self) -> list[tuple[int, ...]]:
        return list(self.source.sequences or ())

    def labels(self, index: int, piece: planning.Piece, frames: int) -> Example:
        ids = self.sequences.of_piece(index, piece)
        if ids is None or (piece and not self.sequences.fit(ids, frames)):
            return {"sequence": (), "weight": 0.0}
        return {"sequence": ids}

    def stack_labels(self, rows: Sequence[Example | None]) -> Batch:
        return self.sequences.stack([() if row is None else row["sequence"] for row in rows])

    def blank_labels(self, rows: int) -> Batch:
        shape = (rows, self.sequences.longest)
        return {"sequence": np.ones(shape, np.int32), "sequence_valid": np.ones(shape, bool)}

    def to_survey(self) -> "SequenceExamples | None":
        """The clips whole, where windows of clips with several labels need an alignment.

        Windows reach behind the frames that whole clips are cut to: nothing is cut.
        """
        if self.treatment.windows is None or not self.sequences.several:
            return None
        longest = max(self.max_length, int(max(self.source.lengths)))
        whole = dataclasses.replace(self.treatment, augment=None, windows=None, max_length=longest)
        return SequenceExamples(self.source, whole, self._per_output, self.features)

    def surveyed(self, found: Survey) -> None:
        """Takes the middle frame of every label of every clip, None where it is unknown."""
        self.sequences.alignment = found


def of_source(
    config: ConfigDict, source: clip_source.Source, *, training: bool
) -> SequenceExamples:
    """A source's clips under a recipe."""
    treatment = treatments.of_recipe(config, source, training=training)
    return SequenceExamples(source, treatment, _net(config).frames_per_output)


def open_examples(config: ConfigDict, split: str, *, training: bool = False) -> SequenceExamples:
    """The clips of a split, all checked, with a label sequence each.

    Raises:
      UserError: what is wrong with them.
    """
    source = clips.open_source(config, split)
    labelled = clips.measured(config, clip_source.label_sequences(source))
    return of_source(config, labelled, training=training)


def _net(config: ConfigDict) -> nets.Net:
    net = nets.build(**config.net)
    if not net.frames_per_output:
        raise UserError(
            f"task.name={config.task.name!r}: the net {config.net.name} gives no sequences"
        )
    return net


def _check_lengths(config: ConfigDict, examples: SequenceExamples) -> None:
    """Refuses clips whose labels the net cannot give.

    Raises:
      UserError: lists them: too few frames for CTC, or more labels than the decoder takes.
    """
    net, source = _net(config), examples.source
    problems, per_output = [], net.frames_per_output
    most = net.longest_target
    for name, labels, frames in zip(
        source.ids, source.sequences or (), source.lengths, strict=True
    ):
        kept = min(int(frames), examples.max_length)
        outputs, needed = -(-kept // per_output), sequence_labels.frames_needed(labels)
        if needed > outputs:
            problems.append(
                f"{name}: {len(labels)} glosses need {needed} frames of the net's output, but its "
                f"{kept} frames give {outputs}"
            )
        if kept < frames and len(labels) > 1:
            problems.append(
                f"{name}: its {frames} frames would be cut to {kept}, and its glosses would not: "
                "raise input.max_length"
            )
        if most and len(labels) >= most:
            problems.append(f"{name}: {len(labels)} glosses, the decoder takes {most - 1}")
    if problems:
        raise UserError(
            f"{source.name}: the net cannot learn these clips:\n{listing(problems)}\n"
            f"Correct or remove them, or take fewer frames to an output (net.patch_size="
            f"{per_output} now) or a higher rate (view.rate)."
        )
