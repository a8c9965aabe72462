"""Word errors of recognised sequences: deletions, insertions, substitutions, and their rates.

Numbers are added up over sentences before anything is divided, as in the public tools of
continuous sign language recognition: the rate is that of the whole set, not a mean of rates.
"""

import dataclasses
import itertools
import operator
from collections.abc import Hashable, Sequence
from typing import TypeVar

from rapidfuzz.distance import Levenshtein

from jaxsign.tasks import chance

Costs = tuple[float, float, float]
_Word = TypeVar("_Word", bound=Hashable)
# One pair a place of the alignment; None = nothing stands there.
Alignment = list[tuple[_Word | None, _Word | None]]

# Costs of a deletion, an insertion and a substitution while aligning; NIST sclite and the
# evaluation scripts of PHOENIX14 have (3, 3, 4).
UNIT: Costs = (1, 1, 1)


@dataclasses.dataclass(frozen=True)
class Counts:
    """Errors of one or many sentences; `a + b` is both together.

    Attributes:
      words: of the references.
      deletions, insertions, substitutions: words missing, added, exchanged.
      sentences: how many; wrong_sentences: those with any error.
    """

    words: int = 0
    deletions: int = 0
    insertions: int = 0
    substitutions: int = 0
    sentences: int = 0
    wrong_sentences: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(operator.add, dataclasses.astuple(self), dataclasses.astuple(other)))

    @property
    def errors(self) -> int:
        """Deletions, insertions and substitutions together."""
        return self.deletions + self.insertions + self.substitutions

    @property
    def wer(self) -> float:
        """Errors by words of the references; NaN without words. May exceed 1."""
        return self.errors / self.words if self.words else float("nan")

    @property
    def sequence_accuracy(self) -> float:
        """Share of sentences without an error; NaN without sentences."""
        right = self.sentences - self.wrong_sentences
        return right / self.sentences if self.sentences else float("nan")

    @property
    def interval(self) -> chance.Interval:
        """The 95 % interval of `sequence_accuracy`; there must be sentences."""
        return chance.interval(self.sentences - self.wrong_sentences, self.sentences)

    def to_json(self) -> dict[str, object]:
        """Counts and rates; a rate is None where there is nothing to divide by."""
        rates = {
            "wer": self.errors,
            "deletion_rate": self.deletions,
            "insertion_rate": self.insertions,
            "substitution_rate": self.substitutions,
        }
        return {
            **{name: count / self.words if self.words else None for name, count in rates.items()},
            "sequence_accuracy": self.sequence_accuracy if self.sentences else None,
            "sequence_accuracy_interval": list(self.interval) if self.sentences else None,
            **dataclasses.asdict(self),
            "errors": self.errors,
        }


def count(reference: Sequence[_Word], hypothesis: Sequence[_Word], costs: Costs = UNIT) -> Counts:
    """The errors of one sentence.

    Args:
      reference: what was signed: ids or names.
      hypothesis: what was recognised.
      costs: of a deletion, an insertion and a substitution while aligning; errors then count 1
        each. With unit costs the errors are as few as possible.
    """
    return counted(align(reference, hypothesis, costs))


def counted(alignment: Alignment[_Word]) -> Counts:
    """The errors of an alignment of one sentence."""
    deletions = sum(said is None for _, said in alignment)
    insertions = sum(truth is None for truth, _ in alignment)
    differing = sum(truth != said for truth, said in alignment)
    return Counts(
        words=len(alignment) - insertions,
        deletions=deletions,
        insertions=insertions,
        substitutions=differing - deletions - insertions,
        sentences=1,
        wrong_sentences=int(differing > 0),
    )


def align(
    reference: Sequence[_Word], hypothesis: Sequence[_Word], costs: Costs = UNIT
) -> Alignment[_Word]:
    """Pairs (word of the reference, word of the hypothesis) of a cheapest alignment, in order.

    Args:
      reference, hypothesis: ids or names; never None.
      costs: see `count`.
    """
    if len(set(costs)) == 1:
        return _by_operations(reference, hypothesis)
    return _by_table(reference, hypothesis, costs)


def _by_operations(reference: Sequence[_Word], hypothesis: Sequence[_Word]) -> Alignment[_Word]:
    pairs: Alignment[_Word] = []
    for step in Levenshtein.opcodes(reference, hypothesis):
        truth = reference[step.src_start : step.src_end]
        said = hypothesis[step.dest_start : step.dest_end]
        # Equal and replaced parts are of one length; in the others one side is empty.
        pairs += itertools.zip_longest(truth, said)
    return pairs


def _by_table(
    reference: Sequence[_Word], hypothesis: Sequence[_Word], costs: Costs
) -> Alignment[_Word]:
    """Dynamic programming; of equally cheap ways the diagonal one is taken, then the deletion."""
    delete, insert, substitute = costs
    table = [[insert * j for j in range(len(hypothesis) + 1)]]
    for i, word in enumerate(reference, 1):
        above, row = table[-1], [delete * i]
        for j, said in enumerate(hypothesis, 1):
            diagonal = above[j - 1] + (substitute if word != said else 0)
            row.append(min(diagonal, above[j] + delete, row[j - 1] + insert))
        table.append(row)
    pairs: Alignment[_Word] = []
    i, j = len(reference), len(hypothesis)
    while i or j:
        here = table[i][j]
        same = bool(i and j) and reference[i - 1] == hypothesis[j - 1]
        if i and j and here == table[i - 1][j - 1] + (0 if same else substitute):
            i, j = i - 1, j - 1
            pairs.append((reference[i], hypothesis[j]))
        elif i and (not j or here == table[i - 1][j] + delete):
            i -= 1
            pairs.append((reference[i], None))
        else:
            j -= 1
            pairs.append((None, hypothesis[j]))
    return pairs[::-1]
