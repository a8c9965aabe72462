"""Label sequences that were recognised, as text and as JSON."""

import dataclasses
import math
from collections.abc import Sequence

from rich.text import Text

from jaxsign import screen
from jaxsign.screen import Console
from jaxsign.tasks import answering, naming

_NOTHING = "(nothing)"


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """One way to read a clip.

    Attributes:
      glosses: class numbers, in order; () = nothing was signed.
      log_ctc: log P_ctc(glosses | clip): exact, or in mode 'beam' of the paths in the beam.
      log_att: log P_att of the glosses and the end; None in other modes than 'two_pass', -inf
        where there are more glosses than the decoder takes.
      score: what the hypotheses are ordered by: `log_ctc`, or both weighed.
    """

    glosses: tuple[int, ...]
    log_ctc: float
    log_att: float | None
    score: float


@dataclasses.dataclass(frozen=True)
class SequenceAnswer(answering.Answer):
    """What was recognised in a clip.

    Attributes:
      hypotheses: the best readings, best first; at least one.
      mode: of decoding.
      labels: names of the glosses by class number, as far as they are known.
    """

    hypotheses: tuple[Hypothesis, ...]
    mode: str
    labels: tuple[str, ...] | None

    @property
    def glosses(self) -> tuple[int, ...]:
        """Class numbers of the best reading."""
        return self.hypotheses[0].glosses

    @property
    def score(self) -> float:
        """Score of the best reading."""
        return self.hypotheses[0].score

    @property
    def names(self) -> tuple[str, ...]:
        """Of the best reading's glosses (`gloss_name`)."""
        return tuple(gloss_name(self.labels, number) for number in self.glosses)

    def line(self) -> str:
        return f"{_joined(self.names)}  {math.exp(self.hypotheses[0].log_ctc):.3f}"

    def said(self) -> str:
        return _joined(self.names)

    def choices(self) -> answering.Choices:
        read = [
            (_joined([gloss_name(self.labels, i) for i in one.glosses]), one.log_ctc)
            for one in self.hypotheses
        ]
        return {"glosses": [(text, min(1.0, math.exp(log))) for text, log in read]}

    def text(self, name: str) -> str:
        """A table of all hypotheses, best first."""
        title = Text.assemble(f"{name}: ", (_joined(self.names), "bold"))
        table = screen.table(title)
        table.add_column("", justify="right")
        table.add_column("glosses")
        two = self.mode == "two_pass"
        for column in ("probability", "log CTC", *(("log attention", "score") if two else ())):
            table.add_column(column, justify="right", no_wrap=True)
        for rank, one in enumerate(self.hypotheses, 1):
            values = [one.log_ctc] if one.log_att is None else [one.log_ctc, one.log_att, one.score]
            table.add_row(
                str(rank),
                Text(_joined([gloss_name(self.labels, i) for i in one.glosses])),
                f"{math.exp(one.log_ctc):.3f}",
                *(f"{value:.2f}" for value in values),
            )
        console = Console(highlight=False)
        with console.capture() as captured:
            console.print(table)
        return captured.get().removesuffix("\n")

    def json(self) -> dict[str, object]:
        """Glosses as `LABEL (id)`, their probability, and all hypotheses.

        `gloss_probability` is P_ctc(glosses | clip). A score that is minus infinity is null.
        """
        best = self.hypotheses[0]
        return {
            "gloss_prediction": self._labelled(best),
            "gloss_probability": min(1.0, math.exp(best.log_ctc)),
            "mode": self.mode,
            "score": _finite(best.score),
            "hypotheses": [
                {
                    "glosses": self._labelled(one),
                    "score": _finite(one.score),
                    "log_ctc": _finite(one.log_ctc),
                    "log_att": None if one.log_att is None else _finite(one.log_att),
                }
                for one in self.hypotheses
            ],
        }

    def _labelled(self, one: Hypothesis) -> list[str]:
        """`LABEL (id)` as in other results; only the name where that tells the number."""
        known = len(self.labels or ())
        return [
            naming.label(self.labels, i) if i < known else gloss_name(self.labels, i)
            for i in one.glosses
        ]


def gloss_name(names: Sequence[str] | None, number: int) -> str:
    """The name of a class; `?id` where the names do not reach so far (ids count from 1).

    A run without any names tells numbers.
    """
    known = not names or number < len(names)
    return naming.class_name(names, number) if known else f"?{number + 1}"


def _joined(names: Sequence[str]) -> str:
    space = " | " if any(" " in name for name in names) else " "
    return space.join(names) or _NOTHING


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
