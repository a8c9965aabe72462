"""safetensors files as they are given away: one file, or a folder whose index tells its shards.

What a file holds is known from its header; an array is read when it is asked for, so that weights
of many gigabytes need no more room than one of them.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing

INDEX, ALONE = "model.safetensors.index.json", "model.safetensors"


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """An array of a file: where it lies, its shape, and its type as safetensors calls it."""

    file: Path
    shape: tuple[int, ...]
    kind: str


class TensorFiles:
    """The arrays of a safetensors file or of a folder of them.

    Attributes:
      path: that was given.
      found: name -> where it lies.
    """

    def __init__(self, path: str | Path):
        """Reads what there is, and no array.

        Args:
          path: a .safetensors file, a model.safetensors.index.json, or a folder with either.

        Raises:
          UserError: there is no such file, a shard is absent, or a file is damaged.
        """
        self.path = Path(path)
        index = self.path / INDEX if self.path.is_dir() else self.path
        if index.suffix == ".json" and index.is_file():
            self.found = _of_index(index)
        else:
            alone = self.path / ALONE if self.path.is_dir() else self.path
            if alone != self.path and not alone.is_file():
                raise UserError(f"{self.path} holds neither {INDEX} nor {ALONE}.")
            self.found = _of_file(alone)

    def read(self, name: str) -> np.ndarray:
        """One of `found`; those of bfloat16 become float32.

        Raises:
          UserError: it cannot be read.
        """
        import ml_dtypes
        import safetensors

        file = self.found[name].file
        try:
            with safetensors.safe_open(file, "numpy") as opened:
                value: np.ndarray = opened.get_tensor(name)
        except (safetensors.SafetensorError, OSError, TypeError, ValueError) as error:
            raise UserError(f"{file}: {name} cannot be read ({_reason(file, error)})") from error
        return value.astype(np.float32) if value.dtype == ml_dtypes.bfloat16 else value


def _reason(file: Path, error: BaseException) -> str:
    return reading.told(file, "", error)


def _of_file(file: Path) -> dict[str, StoredTensor]:
    import safetensors

    reading.check(file, f"Expected a .safetensors file, or a folder with {INDEX} or {ALONE}.")
    try:
        with safetensors.safe_open(file, "numpy") as opened:
            slices = {name: opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
            return {
                name: StoredTensor(file, tuple(one.get_shape()), one.get_dtype())
                for name, one in slices.items()
            }
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{file}: not a readable safetensors file ({_reason(file, error)}). "
            "It may have been cut short: fetch it again."
        ) from error


def _of_index(index: Path) -> dict[str, StoredTensor]:
    try:
        table = reading.read_json(index)["weight_map"]
        if not isinstance(table, Mapping) or not all(isinstance(v, str) for v in table.values()):
            raise TypeError("weight_map is no table of file names")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{index}: not an index of shards ({error}). Expected weight_map: array -> file."
        ) from error
    shards = sorted(set(table.values()))
    outside = [name for name in shards if Path(name).name != name]
    if outside:
        raise UserError(f"{index}: names {outside[0]!r}, expected files of its own folder.")
    absent = [name for name in shards if not (index.parent / name).is_file()]
    if absent:
        raise UserError(
            f"{index}: {len(absent)} of its {len(shards)} shards are not in the folder:\n"
            f"{listing(absent)}\nFetch them; nothing is downloaded here."
        )
    found = {name: _of_file(index.parent / name) for name in shards}
    wrong = [f"{name}: not in {shard}" for name, shard in table.items() if name not in found[shard]]
    if wrong:
        raise UserError(f"{index} tells arrays that its shards lack:\n{listing(wrong)}")
    return {name: found[shard][name] for name, shard in table.items()}
