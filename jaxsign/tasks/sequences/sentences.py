"""What was recognised against what was signed: errors in all, of each gloss, by length."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from jaxsign.input import tables
from jaxsign.tasks.sequences import word_errors
from jaxsign.tasks.sequences.answers import SequenceAnswer
from jaxsign.tasks.sequences.word_errors import Counts


class GlossRow(TypedDict):
    """How a gloss is recognised.

    Attributes:
      support: times signed.
      recall: None if it was never signed.
      substituted, deleted, inserted: times that it was taken for another, missed, and recognised
        where nothing was.
      mistaken_for, times: the other gloss that stood there most often, and how often.
    """

    gloss: str
    support: int
    correct: int
    recall: float | None
    substituted: int
    deleted: int
    inserted: int
    mistaken_for: str
    times: int


@dataclasses.dataclass(frozen=True)
class Sentence:
    """One clip's reference and what was recognised.

    Attributes:
      id: the clip's name.
      reference, hypothesis: glosses after the clean-up rules.
      alignment: pairs (signed, recognised), None = nothing stands there.
      counts: its errors.
      answer: with scores and all hypotheses.
      seconds: the clip's length.
    """

    id: str
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    alignment: word_errors.Alignment[str]
    counts: Counts
    answer: SequenceAnswer
    seconds: float


def sentence(
    name: str,
    reference: Sequence[str],
    answer: SequenceAnswer,
    *,
    costs: word_errors.Costs,
    rule: Callable[[Sequence[str]], tuple[str, ...]],
    seconds: float,
) -> Sentence:
    """Aligns a clip's glosses, after the clean-up `rule`, with those of its reference."""
    truth, said = rule(reference), rule(answer.names)
    pairs = word_errors.align(truth, said, costs)
    counts = word_errors.counted(pairs)
    return Sentence(name, truth, said, pairs, counts, answer, seconds)


def total(sentences: Sequence[Sentence]) -> Counts:
    """The errors of all sentences together."""
    return sum((one.counts for one in sentences), Counts())


def by_length(sentences: Sequence[Sentence]) -> dict[int, Counts]:
    """Glosses of the reference -> errors of the sentences that are so long, shortest first."""
    found: dict[int, Counts] = collections.defaultdict(Counts)
    for one in sentences:
        found[len(one.reference)] += one.counts
    return dict(sorted(found.items()))


def per_gloss(sentences: Sequence[Sentence]) -> list[GlossRow]:
    """One row a gloss that was signed or recognised, by name."""
    pairs = collections.Counter(pair for one in sentences for pair in one.alignment)
    taken: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for (truth, said), times in pairs.items():
        if truth is not None and said is not None and truth != said:
            taken[truth][said] += times
    names = sorted({name for pair in pairs for name in pair if name is not None})
    rows = []
    for name in names:
        correct, deleted = pairs[name, name], pairs[name, None]
        substituted = taken[name].total()
        support = correct + deleted + substituted
        # Of other glosses that were taken equally often the first by name.
        other, times = min(taken[name].items(), key=lambda p: (-p[1], p[0]), default=("", 0))
        rows.append(
            GlossRow(
                gloss=name,
                support=support,
                correct=correct,
                recall=round(correct / support, 6) if support else None,
                substituted=substituted,
                deleted=deleted,
                inserted=pairs[None, name],
                mistaken_for=other,
                times=times,
            )
        )
    return rows


def write_per_gloss(path: Path, rows: Sequence[GlossRow]) -> None:
    """Writes `per_gloss` as CSV (UTF-8)."""
    tables.write(path, rows, list(GlossRow.__annotations__))


def write_predictions(path: Path, sentences: Sequence[Sentence], separator: str = " ") -> None:
    """Writes a CSV of the sentences: reference, hypothesis, alignment, errors, scores (UTF-8).

    In the alignment `[A>B]` is A taken for B, `[A>]` A missed and `[>B]` B added.
    """
    columns = (
        "id", "reference", "hypothesis", "alignment", "words", "deletions", "insertions",
        "substitutions", "score", "log_ctc", "log_att", "seconds",
    )  # fmt: skip
    rows = []
    for one in sentences:
        best = one.answer.hypotheses[0]
        rows.append(
            {
                "id": one.id,
                "reference": separator.join(one.reference),
                "hypothesis": separator.join(one.hypothesis),
                "alignment": separator.join(map(_marked, one.alignment)),
                "words": one.counts.words,
                "deletions": one.counts.deletions,
                "insertions": one.counts.insertions,
                "substitutions": one.counts.substitutions,
                "score": f"{best.score:.6g}",
                "log_ctc": f"{best.log_ctc:.6g}",
                "log_att": "" if best.log_att is None else f"{best.log_att:.6g}",
                "seconds": f"{one.seconds:.3f}",
            }
        )
    tables.write(path, rows, columns)


def separator(names: Sequence[str]) -> str:
    """What stands between the glosses of a line: a space where none of the names holds one."""
    return " | " if any(" " in name for name in names) else " "


def _marked(pair: tuple[str | None, str | None]) -> str:
    truth, said = pair
    return str(truth) if truth == said else f"[{truth or ''}>{said or ''}]"
