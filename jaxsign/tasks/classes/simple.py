"""Simple methods on what a view gives: logistic regression and the nearest neighbour.

A clip becomes one row: its view at a few evenly spaced frames, 0 where nothing was found; for the
regression every number is standardised over the training clips. No draw is
made: the same clips give the same numbers.
"""

import hashlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input.folders import progress
from jaxsign.tasks import baselines
from jaxsign.tasks.classes import examples

Array = np.ndarray

FRAMES = 8  # evenly spaced, of every clip
STRENGTH = 1.0  # C, the inverse of the weight decay; the best of 0.003 to 1 on Traduttore's val
MOST = 5000  # training clips that are taken, at even distances
REGRESSION, NEIGHBOUR = "logistic regression", "nearest neighbour"
# Nearer than this share of the usual distance between clips of a class is no coincidence.
_NEAR = 0.1
_MANY = 1000  # clips that are read with a bar


def baseline(
    config: ConfigDict,
    train: examples.ClassExamples,
    others: Mapping[str, examples.ClassExamples],
) -> baselines.Baseline:
    """What simple methods that learn from `train` reach on the other splits.

    Args:
      config: the recipe.
      train: clips as they are, not augmented.
      others: by the split's name.

    Raises:
      UserError: films, or clips of one class alone.
    """
    chosen = np.unique(np.linspace(0, len(train) - 1, min(len(train), MOST)).round().astype(int))
    rows = {"train": _rows(train, chosen)}
    rows |= {name: _rows(clips, range(len(clips))) for name, clips in others.items()}
    ids = {"train": [train.ids[i] for i in chosen]}
    ids |= {name: list(clips.ids) for name, clips in others.items()}
    standard = _standardised(rows)
    right: dict[str, dict[str, dict[str, int]]] = {name: {} for name in others}
    for head in config.task.heads:
        truth = train.source.labels[head][chosen]
        said = _answers(rows, standard, truth, f"{train.name}: {head}")
        for name, clips in others.items():
            answers = {method: rows[name] for method, rows in said.items()}
            right[name][head] = {
                method: int((found == clips.source.labels[head]).sum())
                for method, found in answers.items()
            }
    same, near = _shared(rows, standard, ids, train.source.labels[config.task.heads[0]][chosen])
    splits = {
        name: baselines.Simple(len(clips), right[name], same[name], near[name])
        for name, clips in others.items()
    }
    about = {
        "view": config.view.name,
        "frames": FRAMES,
        "numbers": rows["train"].shape[1],
        "train_clips": len(chosen),
        "logistic_regression_C": STRENGTH,
    }
    return baselines.Baseline(about, splits)


def _rows(clips: examples.ClassExamples, chosen: Sequence[int] | Array) -> Array:
    """float32 [N, FRAMES * D] of some clips."""
    shape = clips.frame_shape
    if len(shape) > 2:
        raise UserError(
            f"{clips.name} holds films ({' x '.join(map(str, shape))} numbers a frame); baselines "
            "are for landmarks and features. Extract landmarks, or choose a recipe with a view "
            "of them"
        )
    reading = progress.over("reading clips", chosen, len(chosen), hidden=len(chosen) < _MANY)
    return np.stack([row(clips.example(int(i))["x"]) for i in reading])


def row(x: Array) -> Array:
    """A clip's numbers float32 [FRAMES * D].

    Args:
      x: [T, D] as it is, or points [T, P, C], which are made relative to their mean and spread in
        the clip: their nets do so too. NaN = not found.
    """
    if x.ndim > 2:
        with warnings.catch_warnings():  # of clips without any point
            warnings.simplefilter("ignore", RuntimeWarning)
            x = x - np.nanmean(x, (0, 1))
            x = x / np.maximum(np.nanstd(x), 1e-6)
    frames = np.linspace(0, len(x) - 1, FRAMES).round().astype(int)
    return np.nan_to_num(x[frames].reshape(-1).astype(np.float32), posinf=0.0, neginf=0.0)


def _standardised(rows: Mapping[str, Array]) -> dict[str, Array]:
    from sklearn import preprocessing

    scale = preprocessing.StandardScaler().fit(rows["train"])
    return {name: scale.transform(found) for name, found in rows.items()}


def _answers(
    rows: Mapping[str, Array], standard: Mapping[str, Array], truth: Array, what: str
) -> dict[str, dict[str, Array]]:
    """Method -> split -> int [N]."""
    import threadpoolctl
    from sklearn import decomposition, linear_model, pipeline

    if len(np.unique(truth)) < 2:
        raise UserError(f"{what}: all training clips are of one class; there is nothing to tell")
    # Turned onto the axes of the training clips nothing changes for the regression, but that it
    # has no more numbers than clips. In float64 it comes so near to its end that the answers do
    # not go by how many threads have summed, and one thread is the fastest on matrices as small.
    regression = pipeline.make_pipeline(
        decomposition.PCA(svd_solver="full"),
        linear_model.LogisticRegression(C=STRENGTH, max_iter=1000),
    )
    exact = {name: found.astype(np.float64) for name, found in standard.items()}
    with threadpoolctl.threadpool_limits(1):
        regression.fit(exact["train"], truth)
    others = [name for name in rows if name != "train"]
    return {
        REGRESSION: {name: regression.predict(exact[name]) for name in others},
        # In the view's own units: standardised, points that hardly move would weigh as hands do.
        NEIGHBOUR: {name: truth[_nearest(rows[name], rows["train"])[0]] for name in others},
    }


def _nearest(queries: Array, known: Array) -> tuple[Array, Array]:
    """Of every query the nearest known row, and its distance."""
    from sklearn import metrics

    index, distance = metrics.pairwise_distances_argmin_min(queries, known)
    return index, distance


def _shared(
    rows: Mapping[str, Array], standard: Mapping[str, Array], ids: Mapping[str, list[str]],
    truth: Array,
) -> tuple[dict[str, baselines.Pairs], dict[str, baselines.Pairs]]:  # fmt: skip
    """By split, its clips that an earlier split holds too: equal ones, and nearly equal ones."""
    bound = _NEAR * _usual(standard["train"], truth)
    digests = {
        name: [hashlib.sha256(one).digest() for one in found] for name, found in rows.items()
    }
    same: dict[str, baselines.Pairs] = {}
    near: dict[str, baselines.Pairs] = {}
    names = list(rows)
    for place, name in enumerate(names[1:], 1):
        equal: dict[int, str] = {}
        alike: dict[int, str] = {}
        for other in names[:place]:
            where = dict(zip(digests[other], ids[other], strict=True))
            equal |= {i: where[d] for i, d in enumerate(digests[name]) if d in where}
            index, distance = _nearest(standard[name], standard[other])
            alike |= {int(i): ids[other][index[i]] for i in np.flatnonzero(distance < bound)}
        same[name] = tuple((ids[name][i], equal[i]) for i in sorted(equal))
        near[name] = tuple((ids[name][i], alike[i]) for i in sorted(alike.keys() - equal.keys()))
    return same, near


def _usual(rows: Array, truth: Array) -> float:
    """The median distance of a training clip to the nearest other one of its class; else 0."""
    from sklearn import neighbors

    found: list[float] = []
    for label in np.unique(truth):
        own = rows[truth == label]
        if len(own) > 1:
            near = neighbors.NearestNeighbors(n_neighbors=2).fit(own)
            found += near.kneighbors(own)[0][:, 1].tolist()
    return float(np.median(found)) if found else 0.0
