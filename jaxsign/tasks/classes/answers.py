"""What a prediction looks like: as data, as JSON with names, as text on the screen.

Source of the layout: fslr-transformer-vs-iv3gru, `predict`. Keys of head `gloss`:
`gloss_prediction`, `gloss_probability`, `gloss_top5`; of head `cat`: `category_prediction`,
`category_probability`, `category_top3`. Other heads follow the gloss with their own names.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsign.tasks import answering, naming
from jaxsign.tasks.classes import metrics, nothing

# How many candidates each head shows.
_SHOWN = {"cat": 3}
_SHOWN_ELSE = 5
_LINE = "=" * 60

Result = dict[str, Any]
Names = Mapping[str, Sequence[str] | None]


_UNSURE = "no sign is sure enough"


@dataclasses.dataclass(frozen=True)
class ClassAnswer(answering.Answer):
    """The heads' scores of one clip.

    Attributes:
      logits: head -> float32 [K].
      names: head -> label names by id, or None.
      rule: when an answer means none of the signs; None = never.
    """

    logits: Mapping[str, np.ndarray]
    names: Names
    rule: nothing.Nothing | None = None

    @property
    def none(self) -> bool:
        """Whether it is none of the signs."""
        if self.rule is None or self.rule.head not in self.logits:
            return False
        return bool(self.rule.is_none(self.logits[self.rule.head]))

    def line(self) -> str:
        named = self.json()
        said = ", ".join(
            f"{named[f'{head}_prediction']} {named[f'{head}_probability']:.3f}"
            for head in map(metrics.spell, self.logits)
        )
        return f"{nothing.TOLD} (best: {said})" if self.none else said

    def said(self) -> str:
        return (
            nothing.TOLD if self.none else ", ".join(own[0][0] for own in self.choices().values())
        )

    def choices(self) -> answering.Choices:
        found = make(self.logits)
        return {
            metrics.spell(head): [
                (naming.class_name(self.names.get(head), i), p) for i, p in found[_top_key(head)]
            ]
            for head in self.logits
        }

    def text(self, name: str) -> str:
        made = text(self.json(), tuple(self.logits))
        if self.rule is None or not self.none:
            return made
        best = int(metrics.ranking(self.logits[self.rule.head])[0])
        why = f"{self.rule.no_sign!r} is the best" if best == self.rule.number else _UNSURE
        return f"{made}\n{nothing.TOLD.capitalize()}: {why}.\n"

    def json(self) -> Result:
        found = with_names(make(self.logits), self.names)
        return found if self.rule is None else {**found, "none_of_these": self.none}


def shown(head: str) -> int:
    """How many of the best candidates of `head` a result lists."""
    return _SHOWN.get(head, _SHOWN_ELSE)


def make(logits: Mapping[str, np.ndarray]) -> Result:
    """The result of one clip, with ids.

    Args:
      logits: head -> float [K] of one clip.

    Returns:
      per head the predicted id, its probability and the best `[id, probability]` pairs.
    """
    probabilities = {head: metrics.softmax(values) for head, values in logits.items()}
    best = {head: metrics.ranking(values) for head, values in logits.items()}
    result: Result = {}
    for head in logits:
        result[f"{metrics.spell(head)}_prediction"] = int(best[head][0])
    for head in logits:
        result[f"{metrics.spell(head)}_probability"] = float(probabilities[head][best[head][0]])
    for head in logits:
        result[_top_key(head)] = [
            [int(i), float(probabilities[head][i])] for i in best[head][: shown(head)]
        ]
    return result


def with_names(result: Mapping[str, Any], names: Names) -> Result:
    """The saved form: every id becomes `LABEL (id)`, or the id as text where there is no label.

    Args:
      result: as `make` returns it; other keys (e.g. `frames_extracted`) are kept.
      names: head -> label names by id.
    """
    named = dict(result)
    for head, labels in names.items():
        key = f"{metrics.spell(head)}_prediction"
        named[key] = naming.label(labels, result[key])
        named[_top_key(head)] = [[naming.label(labels, i), p] for i, p in result[_top_key(head)]]
    return named


def text(result: Mapping[str, Any], heads: Sequence[str]) -> str:
    """The readable form of a result with names, as printed."""
    lines = ["", _LINE, "PREDICTION RESULTS", _LINE]
    for head in heads:
        name = metrics.spell(head)
        probability = result[f"{name}_probability"]
        lines.append(
            f"{name.capitalize()}: {result[f'{name}_prediction']} (confidence: {probability:.3f})"
        )
    for head in heads:
        best = result[_top_key(head)]
        lines += ["", f"Top {len(best)} {metrics.spell(head).capitalize()} Predictions:"]
        lines += [f"  {rank}. {name}: {p:.3f}" for rank, (name, p) in enumerate(best, 1)]
    if "frames_extracted" in result:
        lines += ["", f"Frames extracted: {result['frames_extracted']}"]
    return "\n".join(lines) + "\n"


def _top_key(head: str) -> str:
    return f"{metrics.spell(head)}_top{shown(head)}"
