"""Plain containers and harmless classes in torch files, and the plain values they become."""

import pathlib
from collections.abc import Callable
from typing import Any

from jaxsign.nets.torch_files import late


def _default_dict(factory: Any = None, items: Any = ()) -> Any:
    """Without its factory; a class as factory that is not admitted is told in its place."""
    return late.Dict(items) if factory is None or isinstance(factory, late.Name) else factory()


def _device(kind: str, number: int | None = None) -> str:
    return kind if number is None else f"{kind}:{number}"


def _path(*parts: str) -> str:
    return str(pathlib.PurePosixPath(*parts))


def _windows_path(*parts: str) -> str:
    return str(pathlib.PureWindowsPath(*parts))


def _text(value: Any) -> str:
    return str(value)


def _plain_bytes(*args: Any) -> bytes:
    return bytes(*args) if args and isinstance(args[0], bytes | bytearray | list) else b""


_MAKERS: dict[str, Callable[..., Any]] = {
    **{f"builtins.{kind.__name__}": kind for kind in (set, frozenset, complex)},
    "builtins.bytearray": _plain_bytes,
    "builtins.bytes": _plain_bytes,
    "collections.defaultdict": _default_dict,
    "torch.Size": tuple,
    "torch.device": _device,
    "torch.serialization._get_layout": _text,
    **{
        f"{module}.{kind}": _windows_path if "Windows" in kind else _path
        for module in ("pathlib", "pathlib._local")
        for kind in ("Path", "PosixPath", "PurePath", "PurePosixPath", "WindowsPath",
                     "PureWindowsPath")
    },
}  # fmt: skip
# What a defaultdict makes.
_FACTORIES = ("list", "dict", "int", "float", "str", "tuple", "bool")
_LIGHTNING = (
    "pytorch_lightning.utilities.parsing",
    "lightning.pytorch.utilities.parsing",
    "lightning_fabric.utilities.data",
    "lightning.fabric.utilities.data",
)
ADMITTED: dict[str, late.Name | type] = {
    **{name: late.Name(name, make) for name, make in _MAKERS.items()},
    **{f"builtins.{name}": late.Name(name) for name in _FACTORIES},
    # Classes, since objects of theirs are made without being called.
    "collections.OrderedDict": late.Dict,
    "collections.Counter": late.Dict,
    **{f"{module}.AttributeDict": late.Dict for module in _LIGHTNING},
    "argparse.Namespace": late.Attributes,
    "types.SimpleNamespace": late.Attributes,
}

_OPEN = object()


class Plain:
    """Makes plain values of what was unpickled: each once, so that shared ones stay shared.

    Attributes:
      foreign: names that are not admitted, and the place of the first of each.
    """

    def __init__(self) -> None:
        self.foreign: dict[str, str] = {}
        self._made: dict[int, Any] = {}

    def make(self, value: Any, place: str = "") -> Any:
        """The plain value.

        Args:
          value: of an unpickled file; it must outlive this object.
          place: the dotted path to it.

        Raises:
          ValueError: it holds itself, or makes no sense; the message begins with the place.
        """
        if value is None or isinstance(value, str | bytes | int | float | complex):
            return value
        found = self._made.get(id(value))
        if found is _OPEN:
            raise ValueError(f"{place} holds itself")
        if found is None:
            self._made[id(value)] = _OPEN
            found = self._made[id(value)] = self._new(value, place)
        return found

    def _new(self, value: Any, place: str) -> Any:
        if isinstance(value, late.Foreign | type):
            label = value.label if isinstance(value, late.Foreign) else _label(value)
            self.foreign.setdefault(label, place)
            return ""
        if isinstance(value, late.Name):
            return value.name
        if isinstance(value, late.Late):
            return _made(value, place)
        if isinstance(value, late.Attributes):
            value = value.values
        if isinstance(value, dict):
            return {
                self.make(key, place): self.make(item, f"{place}.{key}".lstrip("."))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            items = [self.make(item, f"{place}[{n}]") for n, item in enumerate(value)]
            return type(value)(items)
        raise ValueError(f"{place or 'it'}: a {type(value).__name__}")


def _made(value: late.Late, place: str) -> Any:
    try:
        return value.made()
    except (MemoryError, ValueError) as error:
        raise ValueError(f"{place or 'it'}: {error or 'too large'}") from error
    except Exception as error:  # parts of the wrong types
        raise ValueError(f"{place or 'it'} makes no sense") from error


def _label(kind: type) -> str:
    return kind.label if issubclass(kind, late.Foreign) else kind.__name__
