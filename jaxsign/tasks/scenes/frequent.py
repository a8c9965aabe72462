"""The best answer without a look at pixels: the relations that each object most often has."""

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks import answering
from jaxsign.tasks.scenes import recall

Array = np.ndarray


def shares(truth: recall.Truth, words: Vocabulary) -> Array:
    """float64 [C, R]: the share of an object's pairs that have a relation.

    A class that is no pair's object has the shares of all pairs.
    """
    objects = truth.labels[truth.pairs[:, 1]]
    pairs = np.bincount(objects, minlength=len(words.objects))
    found = np.zeros((len(pairs), truth.relations.shape[1]))
    np.add.at(found, objects, truth.relations)
    return of_counts(pairs, found)


def of_counts(pairs: Array, together: Array) -> Array:
    """The same of counts: int [C], pairs with each object; int [C, R], those with each relation."""
    every = together.sum(0) / max(pairs.sum(), 1)
    return np.where(pairs[:, None] > 0, together / np.maximum(pairs, 1)[:, None], every)


def counts_of(run: answering.Trained, words: Vocabulary) -> tuple[Array, Array] | None:
    """The counts that `of_counts` takes, of a run's training scenes; None where it kept none.

    Raises:
      UserError: a damaged manifest.
    """
    told = run.manifest.paired, run.manifest.together
    if None in told:
        return None
    shape = len(words.objects), len(words.predicates)
    try:
        pairs, together = (np.asarray(value, np.float64) for value in told)
    except (TypeError, ValueError):
        pairs = together = np.zeros(0)
    if pairs.shape != shape[:1] or together.shape != shape or min(pairs.min(), together.min()) < 0:
        raise UserError(
            f"{run.workdir / 'manifest.json'}: paired and together are no counts of {shape[0]} "
            f"classes and {shape[1]} predicates; the file was edited or damaged. Remove both"
        )
    return pairs, together


def answers(truth: recall.Truth, table: Array) -> recall.Answers:
    """What `shares` tell of pairs whose boxes and classes are given.

    Args:
      truth: whose relations are not looked at; its frames do not decrease.
      table: of `shares`, from training examples.
    """
    relations = table[truth.labels[truth.pairs[:, 1]]]
    sure = np.ones(len(truth.labels))
    return recall.Answers(truth.boxes, truth.labels, sure, truth.pairs, truth.frames, relations)
