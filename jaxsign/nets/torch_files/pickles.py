"""The list of tensors in a torch file, unpickled without running anything that it names."""

import dataclasses
import io
import pickle
import pickletools
from collections.abc import Callable
from typing import IO, Any

from jaxsign.nets.torch_files import containers, late, numpy_values, tensors

ADMITTED: dict[str, late.Name | type] = {
    **numpy_values.ADMITTED,
    **tensors.ADMITTED,
    **containers.ADMITTED,
}
# Codes of pickles that no torch file needs: tables of this process, buffers from outside.
_REFUSED = ("EXT1", "EXT2", "EXT4", "INST", "OBJ", "NEWOBJ_EX", "PERSID", "BYTEARRAY8",
            "NEXT_BUFFER", "READONLY_BUFFER")  # fmt: skip
OLD_VERSION = 1001
_MEMO = ("PUT", "BINPUT", "LONG_BINPUT")


@dataclasses.dataclass(frozen=True)
class Unpickled:
    """What a pickle held.

    Attributes:
      value: its value, with stand-ins for all but Python's plain types.
      named: the names it has that are not admitted.
      storages: what its tensors lie in, by key.
    """

    value: Any
    named: tuple[str, ...]
    storages: dict[str, tensors.Storage]


def checked(file: IO[bytes]) -> bytes:
    """The pickle that begins here in a file; the file stands behind it then.

    Its codes and the lengths that they tell have been looked through: the unpickler itself takes
    memory for whatever number it reads.

    Args:
      file: in memory or mapped into it; others make room for whatever they are asked to read.

    Raises:
      ValueError: it is cut short, garbled, or no pickle of torch's.
    """
    start = file.tell()
    try:
        for code, argument, position in pickletools.genops(file):
            if code.name in _REFUSED:
                raise ValueError(code.name)
            if code.name in _MEMO and int(argument or 0) > (position or 0) - start:
                raise ValueError("a number beyond its length")
    except ValueError as error:
        raise ValueError("it is cut short or garbled") from error
    length = file.tell() - start
    file.seek(start)
    return file.read(length)


def load(data: bytes, read: Callable[[str], bytearray], order: str = "<") -> Unpickled:
    """Unpickles what `checked` gave.

    Args:
      data: the pickle.
      read: gives the bytes of the storage of a key, whenever they are wanted.
      order: of the bytes of their numbers.

    Raises:
      ValueError: the data make no sense.
    """
    unpickler = _Unpickler(data, read, order)
    try:
        return Unpickled(unpickler.load(), tuple(unpickler.named), unpickler.storages)
    except ValueError:
        raise
    except Exception as error:  # an unpickler raises whatever its data make it do
        raise ValueError("what it lists makes no sense") from error


def load_old(file: IO[bytes], size: int) -> Unpickled:
    """Of torch's form before 2020: pickles of facts, of the list of tensors, of keys; then numbers.

    Args:
      file: in memory or mapped into it.
      size: its bytes.

    Raises:
      ValueError: it is of another version, cut short or garbled.
    """
    storages: dict[str, bytearray] = {}
    _, version, _ = (_plain_value(checked(file)) for _ in range(3))
    if version != OLD_VERSION:
        raise ValueError(f"it is of version {version}, expected {OLD_VERSION}")
    found = load(checked(file), storages.__getitem__)
    for key in _plain_value(checked(file)):
        if key not in found.storages:
            raise ValueError("it holds numbers that no tensor has")
        count = int.from_bytes(file.read(8), "little") * found.storages[key].dtype.itemsize
        storages[key] = bytearray(file.read(min(count, size)))  # less where the file ends
    return found


def _plain_value(data: bytes) -> Any:
    """Of a pickle without tensors."""
    return load(data, lambda key: bytearray()).value


def _of_bytes(data: Any) -> tensors.Storage:
    """Stored numbers as pickles have them that torch did not write: a file of torch's inside."""
    found = load_old(io.BytesIO(data), len(data))
    if found.named:
        raise ValueError(f"its numbers hold {found.named[0]}, which is refused")
    if not isinstance(found.value, tensors.Storage):
        raise ValueError("a file of torch's in it holds no stored numbers")
    return found.value


_INSIDE = "torch.storage._load_from_bytes"


class _Unpickler(pickle.Unpickler):
    """Gives a stand-in for every name, and never imports anything."""

    def __init__(self, data: bytes, read: Callable[[str], bytearray], order: str):
        super().__init__(io.BytesIO(data), encoding="utf-8")
        self._read, self._order = read, order
        self.named: dict[str, type[late.Foreign]] = {}
        self.storages: dict[str, tensors.Storage] = {}

    def find_class(self, module: str, name: str, /) -> Any:
        # Python 2 called it so, and so do the pickles that it can read.
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if full == _INSIDE:
            return late.Name(full, _of_bytes)
        if full in ADMITTED:
            return ADMITTED[full]
        return self.named.setdefault(full, late.foreign(full))

    def persistent_load(self, pid: Any) -> tensors.Storage | late.Foreign:
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise ValueError("it refers to something that is no stored numbers")
        _, kind, key, _, count = pid[:5]
        if isinstance(kind, type) and issubclass(kind, late.Foreign):
            return kind()  # such as quantised numbers
        if pid[5:] not in ((), (None,)):
            raise ValueError("its stored numbers are parts of others")
        if type(key) is not str or type(count) is not int or count < 0:
            raise ValueError("stored numbers without key and count")
        found = tensors.Storage(tensors.dtype(kind), count, lambda: self._read(key), self._order)
        return self.storages.setdefault(key, found)
