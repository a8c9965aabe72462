"""Accuracy, precision, recall, per-class tables and confusion matrices of a classifier.

The numbers come from scikit-learn; what is made here is the JSON layout of the FSLR validation
tool (source: fslr-transformer-vs-iv3gru, `validate`): heads `gloss` and `cat`, the latter spelled
out as `category` in the files. A system with other heads gets the same keys with its own names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from jaxsign.input import tables
from jaxsign.tasks import chance, confusion, naming

Array = np.ndarray
Labels = Mapping[str, Array]

# How a head is called in files and on screen; a head that is not here keeps its own name.
SPELLED_OUT = {"cat": "category"}
EMPTY = {"error": "No samples to evaluate"}
TOP_K = (1, 3, 5)


def spell(head: str) -> str:
    """The name of `head` in result files: `cat` is written `category`."""
    return SPELLED_OUT.get(head, head)


def overall(truth: Labels, predicted: Labels, rows: Array | None = None) -> dict[str, Any]:
    """Accuracy of every head, support-weighted precision, recall and F1, number of samples.

    Args:
      truth: head -> int [N], the true ids.
      predicted: head -> int [N], the predicted ids.
      rows: bool [N], which samples count; all by default.

    Returns:
      `{gloss_accuracy, category_accuracy, gloss_precision, gloss_recall, gloss_f1_score, ...,
      num_samples}`, or `{"error": ...}` when no sample counts.
    """
    from sklearn import metrics

    rows = np.ones(_count(truth), bool) if rows is None else np.asarray(rows, bool)
    if not rows.any():
        return dict(EMPTY)
    result: dict[str, Any] = {}
    for head in truth:
        result[f"{spell(head)}_accuracy"] = float(
            metrics.accuracy_score(truth[head][rows], predicted[head][rows])
        )
    for head in truth:
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth[head][rows], predicted[head][rows], average="weighted", zero_division=0
        )
        result[f"{spell(head)}_precision"] = float(precision)
        result[f"{spell(head)}_recall"] = float(recall)
        result[f"{spell(head)}_f1_score"] = float(f1)
    return {**result, "num_samples": int(rows.sum())}


def intervals(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """95 % intervals [low, high] of the accuracies of `report`: group -> name -> interval."""
    return {
        group: {
            name: list(chance.of_share(value, found["num_samples"]))
            for name, value in found.items()
            if name.endswith("_accuracy")
        }
        for group, found in groups.items()
        if found.get("num_samples")
    }


def per_class(truth: Labels, predicted: Labels) -> dict[str, Any]:
    """`{gloss_per_class, ...}`: id -> precision, recall, f1-score, support; and the averages."""
    from sklearn import metrics

    return {
        f"{spell(head)}_per_class": metrics.classification_report(
            truth[head], predicted[head], output_dict=True, zero_division=0
        )
        for head in truth
    }


def confusions(truth: Labels, predicted: Labels) -> dict[str, list[list[int]]]:
    """`{gloss_confusion_matrix, ...}`: rows true, ids that occur, sorted."""
    matrices = {head: confusion.matrix(truth[head], predicted[head])[0] for head in truth}
    return {f"{spell(head)}_confusion_matrix": m.tolist() for head, m in matrices.items()}


def top_k(truth: Labels, scores: Labels, ks: Sequence[int] = TOP_K) -> dict[str, dict[str, float]]:
    """Share of samples whose true id is among the k highest scores, for every head and k.

    Ties go to the lower id, as in the prediction itself. A k beyond the number of classes gives 1.

    Args:
      truth: head -> int [N].
      scores: head -> float [N, K], logits or probabilities.
      ks: the values of k.
    """
    result = {}
    for head in truth:
        order = ranking(scores[head])
        hits = order == np.asarray(truth[head])[:, None]
        result[spell(head)] = {
            str(k): float(hits[:, :k].any(1).mean()) if len(hits) else 0.0 for k in ks
        }
    return result


def ranking(scores: Array) -> Array:
    """Ids [..., K] from the highest score to the lowest; equal scores by ascending id."""
    return np.argsort(-np.asarray(scores), axis=-1, kind="stable")


def softmax(logits: Array) -> Array:
    """Probabilities float32 [..., K]; computed in float64, so only the storing rounds."""
    logits = np.asarray(logits, np.float64)
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return (exp / exp.sum(-1, keepdims=True)).astype(np.float32)


def log_mean(logits: Sequence[Array]) -> Array:
    """Float32 [..., K], whose softmax is the mean of those of several logits [..., K]."""
    mean = np.mean([softmax(found) for found in logits], axis=0, dtype=np.float64)
    # A probability that is 0 in all runs stays the least: its logarithm must be a number.
    return np.log(np.maximum(mean, np.finfo(np.float32).tiny)).astype(np.float32)


def report(
    truth: Labels,
    predicted: Labels,
    occluded: Array | None = None,
    languages: Sequence[Array] = (),
) -> dict[str, dict[str, Any]]:
    """All result groups by their file stem; the occlusion groups only where `occluded` is known.

    Args:
      truth, predicted: head -> int [N], ids.
      occluded: bool [N].
      languages: of each of several languages bool [N], its samples.
    """
    groups = {"overall_results": overall(truth, predicted)}
    for number, rows in enumerate(languages):
        groups[language_group(number)] = overall(truth, predicted, rows)
    if occluded is not None:
        flags = np.asarray(occluded).astype(bool)
        groups["occluded_results"] = overall(truth, predicted, flags)
        groups["non_occluded_results"] = overall(truth, predicted, ~flags)
    some = _count(truth) > 0
    groups["per_class_results"] = per_class(truth, predicted) if some else dict(EMPTY)
    groups["confusion_matrices"] = confusions(truth, predicted) if some else dict(EMPTY)
    return groups


def language_group(number: int) -> str:
    """The file stem of a language's results."""
    return f"language_{number}_results"


class ClassRow(TypedDict):
    """How a class of a head is recognised.

    Attributes:
      support, correct: its clips, and those that are answered rightly.
      mistaken_for, times: the class that it is most often taken for, and how often; "" = none.
    """

    head: str
    id: int
    label: str
    support: int
    correct: int
    precision: float
    recall: float
    f1_score: float
    mistaken_for: str
    times: int


def class_table(
    truth: Labels, predicted: Labels, names: Mapping[str, Sequence[str]]
) -> list[ClassRow]:
    """One row a class that occurs, in the order of heads and ids."""
    rows: list[ClassRow] = []
    for head in truth:
        scores = per_class({head: truth[head]}, {head: predicted[head]})[f"{spell(head)}_per_class"]
        counts, ids = confusion.matrix(truth[head], predicted[head])
        for row, label_id in enumerate(ids):
            score = scores[str(label_id)]
            wrong = counts[row].copy()
            wrong[row] = 0
            worst = int(wrong.argmax())
            rows.append(
                {
                    "head": spell(head),
                    "id": int(label_id),
                    "label": naming.class_name(names.get(head), int(label_id)),
                    "support": int(score["support"]),
                    "correct": int(counts[row, row]),
                    "precision": round(score["precision"], 6),
                    "recall": round(score["recall"], 6),
                    "f1_score": round(score["f1-score"], 6),
                    "mistaken_for": naming.class_name(names.get(head), int(ids[worst]))
                    if wrong[worst]
                    else "",
                    "times": int(wrong[worst]),
                }
            )
    return rows


def write_class_table(path: Path, rows: Sequence[ClassRow]) -> None:
    """Writes `class_table` as CSV (UTF-8)."""
    tables.write(path, rows, list(ClassRow.__annotations__))


def _count(truth: Labels) -> int:
    return len(next(iter(truth.values())))
