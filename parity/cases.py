"""Golden cases: one `.npz` each, what the original systems took in and gave back (schema 1).

A case holds `param/<key>`, `input/<name>`, `output/<name>`, `grad/<key>`, `after/<key>` and `meta`.
Weights and inputs too large to store are made here from their names, so that every machine makes
the same ones.
"""

import dataclasses
import functools
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from parity import entries

SCHEMA = 1
_EXPECTED = ("output/", "grad/", "after/")
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Case:
    """One golden case.

    Attributes:
      path: the file.
      meta: the case's own description; see `tests/golden/README.md`.
      arrays: everything stored but `meta`, under its full name.
    """

    path: Path
    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def system(self) -> str:
        return self.meta["system"]

    @property
    def target(self) -> str:
        return self.meta["target"]

    @functools.cached_property
    def args(self) -> entries.Entries:
        """The constructor's arguments."""
        return entries.Entries(self.meta["args"], "args")

    @functools.cached_property
    def call(self) -> entries.Entries:
        """Every other argument that is not an array."""
        return entries.Entries(self.meta["call"], "call")

    @property
    def salt(self) -> str | None:
        """The salt of recipe weights; None where weights are stored or there are none."""
        kind, _, salt = self.meta["weights"].partition(":")
        return salt if kind == "recipe" else None

    @property
    def inputs(self) -> Arrays:
        """Arguments by name: the stored ones and those of `call.input_recipe`."""
        stored = self.under("input/")
        recipes = self.call.whole("input_recipe", {}).items()
        return stored | {
            name: input_recipe(self.salt or "", name, *recipe) for name, recipe in recipes
        }

    @property
    def expected(self) -> Arrays:
        """What the original gave back: `output/`, `grad/` and `after/` under their full names.

        The checksum of recipe weights leaves out the entries that the constructor computes where
        the case says what it then is: a table of sines differs in the last bit between processors.
        """
        found = {k: v for k, v in self.arrays.items() if k.startswith(_EXPECTED)}
        if "weights_crc32_without_kept" in self.call:
            found["output/weights_crc32"] = np.asarray(self.call["weights_crc32_without_kept"])
        return found

    def under(self, prefix: str) -> Arrays:
        """The stored arrays whose names start with `prefix`, without it."""
        return {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(prefix)}

    def check_read(self) -> None:
        """Raises UserError if a target that has run left an entry unread."""
        left = [*self.args.unread(), *self.call.unread()]
        if left:
            raise UserError("\n".join(f"{name} is not read" for name in left))

    def wants(self, prefix: str) -> bool:
        """Whether the original recorded anything whose name starts with `prefix`."""
        return any(name.startswith(prefix) for name in self.expected)


def load(path: Path) -> Case:
    """Reads a case.

    Raises:
      UserError: not a readable case of schema 1.
    """
    try:
        arrays = files.read_npz(path)
        meta = json.loads(str(arrays.pop("meta")))
    except (UserError, KeyError, ValueError) as error:
        raise UserError(f"{path}: not a readable golden case ({error!r}).") from error
    missing = [f for f in ("system", "target", "kind", "args", "call", "weights") if f not in meta]
    if meta.get("schema") != SCHEMA or missing:
        raise UserError(
            f"{path}: golden case of schema {meta.get('schema')!r} without {missing or 'gaps'}; "
            f"expected schema {SCHEMA} with all fields."
        )
    return Case(Path(path), meta, arrays)


def uniform(label: str, shape: Iterable[int]) -> np.ndarray:
    """Float64 numbers in [0, 1) that depend on `label` alone."""
    shape = tuple(shape)
    generator = np.random.PCG64(zlib.crc32(label.encode("utf-8")))
    raw = generator.random_raw(int(np.prod(shape, dtype=np.int64)))
    return ((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)


def weight_recipe(
    salt: str, key: str, shape: tuple[int, ...], norm: bool, gain: Mapping[str, float] | None = None
) -> np.ndarray:
    """The recipe's value of state_dict entry `key`.

    Args:
      salt: the case's salt.
      key: state_dict key.
      shape: its shape in torch.
      norm: whether the entry belongs to a normalisation.
      gain: factor by key suffix (`call.weight_gain`).
    """
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.full(shape, 7, np.int64)
    u = uniform(f"{salt}:{key}", shape)
    if norm and leaf in ("weight", "gamma", "running_var"):
        value = 0.5 + u
    elif norm and leaf in ("bias", "beta", "running_mean"):
        value = 0.3 * (2 * u - 1)
    elif len(shape) >= 2:
        value = (2 * u - 1) * np.sqrt(3.0 / np.prod(shape[1:]))
    else:
        value = 0.1 * (2 * u - 1)
    factor = next((f for end, f in (gain or {}).items() if key.endswith(end)), 1)
    return (value * factor).astype(np.float32)


def input_recipe(salt: str, name: str, shape: list[int], kind: str, scale: float) -> np.ndarray:
    """The recipe's value of argument `name`; `kind` is 'uniform' or 'relu'."""
    value = 2 * uniform(f"{salt}:input/{name}", shape) - 1
    return (scale * {"uniform": value, "relu": np.maximum(value, 0)}[kind]).astype(np.float32)


def recipe_state_dict(
    case: Case,
    shapes: Mapping[str, tuple[int, ...]],
    is_norm: Callable[[str], bool],
    kept: Mapping[str, np.ndarray],
) -> Arrays:
    """A whole state_dict by the recipe, in the order of `shapes`.

    Args:
      case: a case with recipe weights.
      shapes: torch shape by key.
      is_norm: whether a key belongs to a normalisation.
      kept: the constructor's values of the entries that the recipe leaves alone (`call.kept`).
    """
    assert case.salt is not None
    names = case.call.get("kept", [])
    gain = case.call.whole("weight_gain")
    return {
        key: kept[key] if key in names else weight_recipe(case.salt, key, shape, is_norm(key), gain)
        for key, shape in shapes.items()
    }


def weights_crc32(case: Case, state_dict: Mapping[str, np.ndarray]) -> np.ndarray:
    """The crc32 of all bytes in order: the produced side of `output/weights_crc32`."""
    kept = case.call.get("kept", []) if "weights_crc32_without_kept" in case.call else []
    value = crc32(array for key, array in state_dict.items() if key not in kept)
    return np.asarray(value, np.int64)


def crc32(arrays: Iterable[np.ndarray]) -> int:
    """The crc32 of the arrays' bytes, one after the other."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array).tobytes(), value)
    return value
