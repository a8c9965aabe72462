"""A case's weights as Flax variables, through jaxsign's own key map and back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.nets import state_dict
from parity import cases

Arrays = dict[str, np.ndarray]


def present(case: cases.Case, table: Sequence[state_dict.KeyEntry]) -> list[state_dict.KeyEntry]:
    """The table without the entries that the case leaves out because they take no part."""
    absent = tuple(case.call.get("absent", ()))
    return [entry for entry in table if not (absent and entry.key.startswith(absent))]


def load(
    case: cases.Case,
    table: Sequence[state_dict.KeyEntry],
    is_norm: Callable[[str], bool] = lambda key: False,
) -> tuple[state_dict.Variables, Arrays]:
    """The case's weights, stored or by the recipe, imported and exported again.

    Args:
      case: a case with weights.
      table: the key table of what the case holds (see `present`).
      is_norm: whether a key belongs to a normalisation, for the recipe.

    Returns:
      Flax variables and, for recipe weights, `output/weights_crc32` of what was exported.

    Raises:
      UserError: the weights do not fit the table, or do not come back as they went in.
    """
    if case.salt is None:
        given = case.under("param/")
    else:
        shapes = {entry.key: entry.shape or () for entry in table}
        kept = {entry.key: entry.constant() for entry in table if entry.constant is not None}
        given = cases.recipe_state_dict(case, shapes, is_norm, kept)
    variables = state_dict.to_variables(table, given, where=case.name)
    exported = state_dict.to_state_dict(table, variables)
    check_round_trip(given, exported, where=case.name)
    if case.salt is None:
        return variables, {}
    return variables, {"output/weights_crc32": cases.weights_crc32(case, exported)}


def check_round_trip(
    given: Mapping[str, np.ndarray], exported: Mapping[str, np.ndarray], *, where: str
) -> None:
    """Raises UserError unless both hold the same keys and the same bits."""
    problems = [f"{key} is lost" for key in given if key not in exported]
    problems += [f"{key} is new" for key in exported if key not in given]
    problems += [
        f"{key}: {value.dtype} {list(value.shape)} came back as "
        f"{exported[key].dtype} {list(exported[key].shape)} or with other values"
        for key, value in given.items()
        if key in exported and not _same_bits(value, exported[key])
    ]
    if problems:
        raise UserError(
            f"{where}: imported weights are not exported as they were:\n{listing(problems)}"
        )


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def gradients(
    table: Sequence[state_dict.KeyEntry], variables: Mapping[str, Any], grads: Any
) -> Arrays:
    """Gradients of `variables['params']` under `grad/<torch key>`, in torch's layout."""
    rows = [entry for entry in table if entry.path[0] == "params"]
    exported = state_dict.to_state_dict(rows, {**variables, "params": grads})
    return {f"grad/{key}": value for key, value in exported.items()}
