"""The one mechanism that maps torch state_dict keys to Flax variables and back.

Every net has its own table (`Net.key_table`): one `KeyEntry` a torch key, in torch's
order. The map is strict in both directions: nothing is guessed, dropped or filled in silently.
"""

import dataclasses
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.nets import numpy_values

Array = np.ndarray
# Bytes that a tensor may take that is an expanded view of fewer.
_MOST_REPEATED = 1 << 24
Variables = dict[str, Any]


def _same(value: Array) -> Array:
    return value


# kind -> (torch value to Flax value, Flax value to torch value)
_KINDS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "same": (_same, _same),
    "linear": (np.transpose, np.transpose),
    "conv1d": (lambda w: w.transpose(2, 1, 0), lambda w: w.transpose(2, 1, 0)),
    "conv2d": (lambda w: w.transpose(2, 3, 1, 0), lambda w: w.transpose(3, 2, 0, 1)),
    "batch1": (lambda a: a[0], lambda a: a[None]),
    "count": (lambda n: np.asarray(n, np.int32), lambda n: np.asarray(n, np.int64)),
}


@dataclasses.dataclass(frozen=True)
class KeyEntry:
    """One torch key and its place among the Flax variables.

    Attributes:
      key: the torch state_dict key.
      path: the place, collection first, e.g. `('params', 'embedding', 'kernel')`.
      kind: `same`; `linear` ([out, in] <-> [in, out]); `conv1d` (OIW <-> WIO); `conv2d`
        (OIHW <-> HWIO); `count` (int64 scalar <-> int32); `batch1` (leading axis of one in torch).
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
    variables: Variables = {}
    for entry in table:
        value = _KINDS[entry.kind][0](np.asarray(state_dict[entry.key]))
        _put(variables, entry.path, _contiguous(value))
    return variables


def shapes(table: Iterable[KeyEntry]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Place -> shape of the Flax variables that a table with shapes tells."""
    empty = {e.path: (e.kind, np.broadcast_to(np.float32(0), e.shape or ())) for e in table}
    return {path: np.shape(_KINDS[kind][0](value)) for path, (kind, value) in empty.items()}


def to_state_dict(table: Iterable[KeyEntry], variables: Mapping[str, Any]) -> dict[str, Array]:
    """Flax variables -> torch state_dict in the table's order; the exact inverse of `to_variables`.

    Raises:
      UserError: `variables` lacks a path of the table.
    """
    result = {}
    for entry in table:
        value = _KINDS[entry.kind][1](np.asarray(_get(variables, entry.path)))
        result[entry.key] = _contiguous(value)
    return result


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


def read_torch(path: str | Path) -> Any:
    """Reads a torch file without running any code in it; tensors become numpy arrays.

    Raises:
      UserError: torch is not installed, or the file is missing, damaged or holds more than
        tensors and plain containers.
    """
    path = Path(path)
    torch = import_torch(f"to read {path}")
    reading.check(path, "Expected a torch checkpoint (.pt or .pth).")
    try:
        _check_whole(path)
        with torch.serialization.safe_globals(numpy_values.STAND_INS):
            return _to_numpy(torch.load(path, map_location="cpu", weights_only=True), torch)
    except Exception as error:  # torch raises many types for a damaged or unsafe file
        refused = _refused(path, error, torch)
        if refused:
            raise UserError(
                f"{path}: holds {refused} beside its tensors, which is refused: making it runs "
                "code that the file names. Only tensors, numpy's numbers and plain containers are "
                "loaded. Save the weights alone, in the program that trained the net: "
                "torch.save(model.state_dict(), 'weights.pt')"
            ) from error
        raise UserError(
            f"{path}: not a readable torch checkpoint "
            f"({reading.told(path, 'a zip archive', error)}). Expected what "
            "torch.save(model.state_dict(), PATH) writes; the file may also have been cut short."
        ) from error


def _check_whole(path: Path) -> None:
    """Compares the checksums of a file in torch's present form, which torch itself does not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"it is damaged: its part {damaged} is not as it was written")


def _refused(path: Path, error: Exception, torch: Any) -> str:
    """The types of a checkpoint that are not loaded, "" where that is not what is wrong."""
    named = re.search(r"Unsupported global: GLOBAL ([\w.]+)", str(error))
    try:
        with torch.serialization.safe_globals(numpy_values.STAND_INS):
            found = set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # not in torch's present form
        found = set()
    names = sorted(found | ({named[1]} if named else set()))
    return reading.quoted(", ".join(name for name in names if name.isascii()))


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


def _to_numpy(value: Any, torch: Any) -> Any:
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        size, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
        if size > max(held, _MOST_REPEATED):
            raise ValueError(
                f"a tensor {list(tensor.shape)} repeats the {held} bytes that are stored; save a "
                "copy of it: tensor.contiguous()"
            )
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    if isinstance(value, numpy_values.NumpyArray):
        return value.value
    if isinstance(value, Mapping):
        return {key: _to_numpy(item, torch) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_to_numpy(item, torch) for item in value)
    return value


def _put(tree: Variables, path: tuple[str, ...], value: Array) -> None:
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
