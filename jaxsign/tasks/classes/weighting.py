"""How the heads' losses are weighed against each other, epoch by epoch.

Sources: the strategies of fslr-transformer-vs-iv3gru (curriculum, grid search); uncertainty
weighting after Kendall et al. 2018.
"""

import math

from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean

STRATEGIES = ("static", "grid-search", "uncertainty")
CURRICULA = ("gloss-first", "category-first", "dynamic")
PACES = ("linear", "cosine", "exponential")


def check(loss: ConfigDict, heads: int) -> None:
    """Refuses a `config.loss` that cannot be trained with.

    Raises:
      UserError: says which key, what it holds and what it may hold.
    """
    if loss.weighting == "gradnorm":
        raise UserError(
            "loss.weighting='gradnorm' is not offered: in the original its update always failed "
            "and its weights stayed (1, 1). Use 'uncertainty' for learned weights, or "
            "loss.weights=(1.0, 1.0) for what the original computed."
        )
    for key, known in (("weighting", STRATEGIES), ("curriculum_schedule", PACES)):
        if loss[key] not in known:
            near = did_you_mean(loss[key], known)
            raise UserError(f"loss.{key}={loss[key]!r} is none of {', '.join(known)}.{near}")
    if loss.curriculum and loss.curriculum not in CURRICULA:
        near = did_you_mean(loss.curriculum, CURRICULA)
        raise UserError(f"loss.curriculum={loss.curriculum!r} is none of {CURRICULA}.{near}")
    if len(loss.weights) != heads:
        raise UserError(f"loss.weights={loss.weights} must hold {heads} numbers, one a head")
    if (loss.curriculum or loss.weighting == "grid-search") and heads != 2:
        raise UserError("curricula and the grid search are defined for two heads")
    if loss.weighting == "grid-search":
        pairs(loss.grid)


def of_classes(loss: ConfigDict) -> tuple[tuple[float, ...], ...]:
    """Of every head the factor of each class in the training loss; () = all count alike.

    `balanced` gives n / (K * n_c), as scikit-learn does, K being the classes that occur: their
    mean over the clips is 1. A class without a clip has 0.

    Raises:
      UserError: labels are smoothed, which takes from a class what its factor gives.
    """
    if not loss.class_weights:
        return ()
    if loss.name == "label_smoothing":
        raise UserError(
            f"loss.class_weights={loss.class_weights!r} is for losses without label smoothing. "
            "Set loss.name=ce (or focal), or loss.class_weights=''."
        )
    rows = []
    for counts in loss.class_counts:
        occurring = sum(count > 0 for count in counts)
        rows.append(tuple(sum(counts) / (occurring * n) if n else 0.0 for n in counts))
    return tuple(rows)


def pairs(text: str) -> list[tuple[float, float]]:
    """'0.5,0.5;0.7,0.3' -> [(0.5, 0.5), (0.7, 0.3)]."""
    try:
        rows = [tuple(float(n) for n in row.split(",")) for row in text.split(";") if row.strip()]
    except ValueError:
        rows = []
    if not rows or any(len(row) != 2 for row in rows):
        raise UserError(f"loss.grid={text!r}: expected pairs like '0.5,0.5;0.7,0.3'")
    return [(row[0], row[1]) for row in rows]


def weights(loss: ConfigDict, epoch: int, epochs: int) -> tuple[tuple[float, ...], str]:
    """The heads' weights in `epoch` (0-based) of `epochs`, and a phrase for the log.

    A curriculum comes before the weighting strategy. With `uncertainty` the weights are learned
    inside the step; ones are returned.
    """
    if loss.curriculum:
        return curriculum(loss, epoch)
    if loss.weighting == "grid-search":
        grid = pairs(loss.grid)
        each = max(1, epochs // len(grid))
        return grid[min(epoch // each, len(grid) - 1)], loss.weighting
    if loss.weighting == "uncertainty":
        return tuple(1.0 for _ in loss.weights), loss.weighting
    return tuple(loss.weights), loss.weighting


def curriculum(loss: ConfigDict, epoch: int) -> tuple[tuple[float, float], str]:
    """Weights (first head, second head) of a curriculum and the name of its phase."""
    length, warmup = loss.curriculum_epochs, loss.curriculum_warmup
    if loss.curriculum == "dynamic":
        if epoch < warmup:
            return (0.5, 0.5), f"Warmup phase (epoch {epoch + 1}/{warmup})"
        epoch -= warmup
    if epoch >= length:
        return (0.5, 0.5), "Balanced phase"
    low = loss.curriculum_min_weight
    secondary = low + (0.5 - low) * _pace(loss.curriculum_schedule, epoch / length)
    name = f"{loss.curriculum.capitalize()} curriculum phase (epoch {epoch + 1}/{length})"
    if loss.curriculum == "gloss-first":
        return (1 - secondary, secondary), name
    return (secondary, 1 - secondary), name


def _pace(schedule: str, share: float) -> float:
    if schedule == "cosine":
        return (1 - math.cos(math.pi * share)) / 2
    if schedule == "exponential":
        return (math.exp(2 * share) - 1) / (math.exp(2) - 1)
    return share
