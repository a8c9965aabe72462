"""The one mechanism that maps torch state_dict keys to Flax variables and back.

Every net has its own table (`Net.key_table`): one `KeyEntry` a torch key, in torch's
order. The map is strict in both directions: nothing is guessed, dropped or filled in silently.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing

Array = np.ndarray
# Arrays or trees of them, by the names of modules and parameters: who looks one up knows which.
Tree: TypeAlias = Mapping[str, Any]
Variables: TypeAlias = Mapping[str, Tree]  # Flax's: by collection
_Tree: TypeAlias = dict[str, Any]


def _same(value: Array) -> Array:
    return value


# kind -> (torch value to Flax value, Flax value to torch value)
_KINDS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "same": (_same, _same),
    "linear": (np.transpose, np.transpose),
    "conv1d": (lambda w: w.transpose(2, 1, 0), lambda w: w.transpose(2, 1, 0)),
    "conv2d": (lambda w: w.transpose(2, 3, 1, 0), lambda w: w.transpose(3, 2, 0, 1)),
    "over_map": (
        lambda w: w.reshape(len(w), -1, 7, 7).transpose(2, 3, 1, 0),
        lambda w: w.transpose(3, 2, 0, 1).reshape(w.shape[3], -1),
    ),
    "batch1": (lambda a: a[0], lambda a: a[None]),
    "second1": (lambda a: a[:, 0], lambda a: a[:, None]),
    "conv1x1": (lambda w: w[:, :, 0, 0].T, lambda w: w.T[:, :, None, None]),
    "count": (lambda n: np.asarray(n, np.int32), lambda n: np.asarray(n, np.int64)),
}


@dataclasses.dataclass(frozen=True)
class KeyEntry:
    """One torch key and its place among the Flax variables.

    Attributes:
      key: the torch state_dict key.
      path: the place, collection first, e.g. `('params', 'embedding', 'kernel')`.
      kind: `same`; `linear` ([out, in] <-> [in, out]); `conv1d` (OIW <-> WIO); `conv2d`
        (OIHW <-> HWIO); `conv1x1` (OI11 <-> IO); `over_map` (a Linear's [out, C 7 7]
        over a flattened map <-> [7, 7, C, out]); `count` (int64 scalar <-> int32); `batch1`,
        `second1` (an axis of one in torch, the first or the second).
      shape: the torch shape, for the check and for tools that build tables without a net.
      constant: for a buffer that the constructor computes: makes its torch value.
    """

    key: str
    path: tuple[str, ...]
    kind: str = "same"
    shape: tuple[int, ...] | None = None
    constant: Callable[[], Array] | None = None


def to_variables(
    table: Iterable[KeyEntry], state_dict: Mapping[str, Array], *, where: str = ""
) -> Variables:
    """Torch state_dict -> Flax variables.

    Args:
      table: the net's table.
      state_dict: arrays under the torch keys; exactly the table's keys.
      where: the file's name, for the error message.

    Returns:
      `{'params': ..., 'batch_stats': ...}` (only the collections that the table names).

    Raises:
      UserError: missing or unexpected keys, a shape that is not the table's, or numbers
        of another kind.
    """
    table = list(table)
    known = {entry.key: entry for entry in table}
    problems = [f"missing key {key}" for key in known if key not in state_dict]
    problems += [f"unexpected key {key}" for key in state_dict if key not in known]
    problems += [
        f"{key} has shape {list(np.shape(state_dict[key]))}, expected {list(entry.shape)}"
        for key, entry in known.items()
        if key in state_dict
        and entry.shape is not None
        and tuple(np.shape(state_dict[key])) != entry.shape
    ]
    problems += [
        f"{key} is {np.asarray(state_dict[key]).dtype}, expected floating-point numbers"
        for key, entry in known.items()
        if key in state_dict
        and entry.kind != "count"
        and np.asarray(state_dict[key]).dtype.kind != "f"
    ]
    if problems:
        raise UserError(
            f"{where or 'state_dict'} does not fit this net ({len(problems)} differences):\n"
            f"{listing(problems)}\n"
            "Check that the checkpoint belongs to this net and these constructor fields."
        )
    variables: _Tree = {}
    for entry in table:
        value = _KINDS[entry.kind][0](np.asarray(state_dict[entry.key]))
        _put(variables, entry.path, _contiguous(value))
    return variables


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> _Tree:
    """A copy of a tree with some leaves replaced, in the old leaves' types."""
    result = dict(old)
    for name, value in new.items():
        if isinstance(value, Mapping):
            result[name] = merged(old[name], value)
        else:
            result[name] = value.astype(old[name].dtype, copy=False)
    return result


def shapes(table: Iterable[KeyEntry]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Place -> shape of the Flax variables that a table with shapes tells."""
    empty = {e.path: (e.kind, np.broadcast_to(np.float32(0), e.shape or ())) for e in table}
    return {path: np.shape(_KINDS[kind][0](value)) for path, (kind, value) in empty.items()}


def to_state_dict(table: Iterable[KeyEntry], variables: Variables) -> dict[str, Array]:
    """Flax variables -> torch state_dict in the table's order; the exact inverse of `to_variables`.

    Raises:
      UserError: `variables` lacks a path of the table.
    """
    result = {}
    for entry in table:
        value = _KINDS[entry.kind][1](np.asarray(_get(variables, entry.path)))
        result[entry.key] = _contiguous(value)
    return result


def with_counters(table: Iterable[KeyEntry], state_dict: Mapping[str, Array]) -> dict[str, Array]:
    """A torch state_dict with the counters of batch norms, which files before 2018 lack."""
    made = {row.key: np.zeros((), np.int64) for row in table if row.kind == "count"}
    return made | dict(state_dict)


def _contiguous(value: Array) -> Array:
    # ascontiguousarray makes a scalar one-dimensional, so its shape is put back.
    return np.ascontiguousarray(value).reshape(np.shape(value))


# Where training scripts keep a net's weights among other things.
_NESTED = ("model_state_dict", "state_dict", "model", "model_state", "net", "weights")


def unwrap(checkpoint: Any, *, where: str = "") -> dict[str, Array]:
    """The bare state_dict inside what a training script saved.

    Looks under the names of `_NESTED` in that order, and takes a bare state_dict as it is. Strips
    the prefixes `module.` (DataParallel) and `_orig_mod.` (torch.compile), in any order and number,
    and Lightning's `model.` or `net.` where every key has it.

    Raises:
      UserError: there is no state_dict inside.
    """
    if isinstance(checkpoint, Mapping):
        for name in _NESTED:
            if isinstance(checkpoint.get(name), Mapping):
                checkpoint = checkpoint[name]
                break
    if (
        not isinstance(checkpoint, Mapping)
        or not checkpoint
        or not all(isinstance(value, np.ndarray) for value in checkpoint.values())
    ):
        found = (
            f"the keys {reading.quoted(repr(sorted(map(str, checkpoint))[:8]))}"
            if isinstance(checkpoint, Mapping)
            else f"a {type(checkpoint).__name__}"
        )
        raise UserError(
            f"{where or 'checkpoint'}: no state_dict found: it holds {found}. Expected a "
            f"state_dict, bare or under one of {', '.join(map(repr, _NESTED))}."
        )
    bare: dict[str, Array] = {}
    names = {key: _strip(str(key)) for key in checkpoint}
    for prefix in ("model.", "net."):
        if all(name.startswith(prefix) for name in names.values()):
            names = {key: _strip(name.removeprefix(prefix)) for key, name in names.items()}
    for key, value in checkpoint.items():
        name = names[key]
        if name in bare:
            raise UserError(f"{where or 'checkpoint'}: holds {name} twice, under several prefixes")
        bare[name] = value
    return bare


def _strip(key: str) -> str:
    while key.startswith(("module.", "_orig_mod.")):
        key = key.partition(".")[2]
    return key


class TorchMissing(UserError):
    """torch is needed and not installed."""


def import_torch(purpose: str) -> Any:
    """The torch module.

    Raises:
      TorchMissing: it is not installed; says how to get it.
    """
    try:
        import torch
    except ImportError as error:
        raise TorchMissing(
            f"torch is needed {purpose}. Install it, in the project's folder: "
            "pip install -c constraints.txt -e '.[parity]'"
        ) from error
    return torch


def _put(tree: _Tree, path: tuple[str, ...], value: Array) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def _get(tree: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    node: Any = tree
    for name in path:
        if not isinstance(node, Mapping) or name not in node:
            raise UserError(f"these variables lack {'/'.join(path)}: they belong to another net")
        node = node[name]
    return node
