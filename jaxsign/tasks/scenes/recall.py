"""Recall of relations among the best K of every frame, over a whole data set at once.

Source: STTran's evaluator (recall) and TEMPURA's (mean recall).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from jaxsign.input.scenes import pairs
from jaxsign.input.scenes.vocabulary import Vocabulary

Array = np.ndarray
Constraint = Literal["with", "semi", "no"]
CONSTRAINTS: tuple[Constraint, ...] = ("with", "semi", "no")
CUTS = (10, 20, 50, 100)
OVERLAP = 0.5  # of a box with the true one
SURE = 0.9  # from where `semi` tells a predicate of a group of several
NEVER = int(np.iinfo(np.int32).max)


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a net told of many frames, flat; frames are numbered over all videos.

    Attributes:
      boxes: float [N, 4], x1, y1, x2, y2.
      labels: int [N].
      scores: float [N], how sure the label is; 1 where it was given.
      pairs: int [P, 2], person and object, rows of `boxes`.
      frames: int [P], the frame of each pair, not decreasing.
      relations: float [P, R], how sure each predicate of all groups is, 0 to 1.
    """

    boxes: Array
    labels: Array
    scores: Array
    pairs: Array
    frames: Array
    relations: Array


@dataclasses.dataclass(frozen=True)
class Truth:
    """What is true of the same frames.

    Attributes:
      boxes: float [N', 4].
      labels: int [N'].
      pairs: int [P', 2].
      frames: int [P'].
      relations: bool [P', R].
      length: how many frames there are.
    """

    boxes: Array
    labels: Array
    pairs: Array
    frames: Array
    relations: Array
    length: int


def ranks(told: Answers, truth: Truth, words: Vocabulary, constraint: Constraint) -> Array:
    """How many candidates of its frame stand before the first that tells each relation.

    Candidates of a pair are, `with` constraint, the best predicate of every group; `semi`, that of
    the groups of which one is true and of the others all that are surer than `SURE`; with `no`
    constraint all. They stand by the product of both boxes' scores and the predicate's; of equal
    ones the later is first: by group, then pair, then predicate. A candidate tells every true
    relation of its predicate and classes whose boxes both overlap its own by `OVERLAP` or more
    (a pixel counts to its end). No one-to-one assignment is made.

    Returns:
      int [P', R], from 0; `NEVER` where none tells it. It is also there for what is not true.
    """
    place = _places(told, words, constraint)
    wanted, guess = pairs.together(truth.frames, told.frames)
    same = _same(told, truth, wanted, guess)
    wanted, guess = wanted[same], guess[same]
    found = np.full(truth.relations.shape, NEVER)
    if len(wanted):
        first = np.flatnonzero(np.diff(wanted, prepend=-1))
        found[wanted[first]] = np.minimum.reduceat(place[guess], first)
    return found


def _places(told: Answers, words: Vocabulary, constraint: Constraint) -> Array:
    """int [P, R]: where each candidate stands in its frame, `NEVER` for what is none."""
    candidates = listed(told.relations, words, constraint)
    # A group is told backwards and before the one in front of it, so that a stable sort leaves the
    # later of equal candidates first.
    rows = [np.nonzero(candidates[:, part]) for part in reversed(words.parts)]
    pair = np.concatenate([r[0][::-1] for r in rows])
    predicate = np.concatenate(
        [r[1][::-1] + part.start for r, part in zip(rows, reversed(words.parts), strict=True)]
    )
    # In float64, as in the original: products of float32 would make ties of near ones.
    both = told.scores.astype(np.float64)[told.pairs].prod(1)
    sure = both[pair] * told.relations[pair, predicate]
    order = np.lexsort((-sure, told.frames[pair]))
    found = np.full(candidates.shape, NEVER)
    found[pair[order], predicate[order]] = pairs.places(told.frames[pair[order]])
    return found


def listed(relations: Array, words: Vocabulary, constraint: Constraint) -> Array:
    """bool [P, R]: which predicates of each pair are candidates.

    Args:
      relations: float [P, R], how sure each is.
      words: that name them.
      constraint: see `ranks`.
    """
    if constraint == "no":
        return np.ones(relations.shape, bool)
    found = np.zeros(relations.shape, bool)
    every = np.arange(len(relations))
    for group, part in zip(words.groups, words.parts, strict=True):
        if constraint == "semi" and group.kind == "several":
            found[:, part] = relations[:, part] > SURE
        else:
            found[every, part.start + relations[:, part].argmax(1)] = True
    return found


def _same(told: Answers, truth: Truth, wanted: Array, guess: Array) -> Array:
    """bool: whether true pairs and told ones have the same classes at about the same places."""
    true, ours = truth.pairs[wanted], told.pairs[guess]
    same = (truth.labels[true] == told.labels[ours]).all(1)
    rows = np.flatnonzero(same)
    first = truth.boxes[true[rows]].astype(np.float64)
    second = told.boxes[ours[rows]].astype(np.float64)
    same[rows] = (pairs.iou(first, second) >= OVERLAP).all(1)
    return same


def per_frame(found: Array, truth: Truth, cut: int) -> Array:
    """float64 [F]: the share of a frame's relations that its first candidates tell.

    Args:
      found: of `ranks`.
      truth: the same.
      cut: how many candidates of a frame count.

    Returns:
      NaN of a frame without a true relation.
    """
    hits = _of_frames(truth, truth.relations & (found < cut))
    true = _of_frames(truth, truth.relations)
    return np.divide(hits, true, out=np.full(truth.length, np.nan), where=true > 0)


def _of_frames(truth: Truth, which: Array) -> Array:
    return np.bincount(truth.frames, which.sum(1), truth.length)


def count(
    found: Array, truth: Truth, words: Vocabulary, cuts: Sequence[int] = CUTS
) -> dict[str, Array]:
    """Sums that add up over parts of a data set, for the functions below.

    Args:
      found: of `ranks`.
      truth: the same.
      words: of both.
      cuts: how many candidates of a frame count: K of them.

    Returns:
      frames (with a true relation) and recall [K], the sum of theirs; hits [K, R] and true [R] of
      predicates; object_hits [K, C] and object_true [C], by the object's class.
    """
    objects = truth.labels[truth.pairs[:, 1]]

    def by_object(which: Array) -> Array:
        return np.bincount(objects, which.sum(1), len(words.objects)).astype(np.int64)

    told = [truth.relations & (found < cut) for cut in cuts]
    return {
        "frames": np.asarray((_of_frames(truth, truth.relations) > 0).sum()),
        "recall": np.array([np.nansum(per_frame(found, truth, cut)) for cut in cuts]),
        "hits": np.stack([which.sum(0) for which in told]),
        "true": truth.relations.sum(0),
        "object_hits": np.stack([by_object(which) for which in told]),
        "object_true": by_object(truth.relations),
    }


def recall(sums: Mapping[str, Array]) -> Array:
    """float64 [K]: the mean over frames that have a true relation; NaN without any."""
    frames = float(sums["frames"])
    return sums["recall"] / frames if frames else np.full(len(sums["recall"]), np.nan)


def mean_recall(sums: Mapping[str, Array]) -> Array:
    """float64 [K]: the mean over all predicates; one that is never true counts as 0."""
    share: Array = sums["hits"] / (sums["true"] + 1e-10)
    return share.mean(1)


def per_predicate(sums: Mapping[str, Array]) -> Array:
    """float64 [K, R]: the share of each predicate's relations; NaN where it is never true."""
    return _shares(sums["hits"], sums["true"])


def per_object(sums: Mapping[str, Array]) -> Array:
    """float64 [K, C]: the share of relations with an object of each class; NaN without any."""
    return _shares(sums["object_hits"], sums["object_true"])


def _shares(hits: Array, true: Array) -> Array:
    return np.divide(hits, true, out=np.full(hits.shape, np.nan), where=true > 0)
