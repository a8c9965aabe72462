"""Pickles that no torch wrote: annotations as plain containers, numbers and numpy's arrays."""

import mmap
from pathlib import Path
from typing import IO, Any, cast

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.nets.torch_files import containers, pickles


def read(path: str | Path, expected: str) -> Any:
    """The value of a pickle, made without running any code that it names.

    Args:
      path: the file.
      expected: what it should hold, a sentence for messages.

    Returns:
      Plain containers, text and numbers; numpy's arrays with numbers in them.

    Raises:
      UserError: the file is absent, damaged, or holds more than that: what and where is named.
    """
    path = Path(path)
    reading.check(path, expected)
    plain = containers.Plain()
    try:
        found, value = _read(path, plain)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else error
        raise UserError(
            f"{path}: not a readable pickle "
            f"({reading.told(path, 'a Python pickle', ValueError(str(reason)))}). {expected} "
            "The file may have been cut short."
        ) from error
    if found.named:
        names = [
            f"{name} at {plain.foreign[name]}" if plain.foreign.get(name) else name
            for name in found.named
        ]
        raise UserError(
            f"{path}: holds {reading.quoted(', '.join(names), 400)}, which is refused: making it "
            f"runs code that the file names. {expected}"
        )
    return value


def _read(path: Path, plain: containers.Plain) -> tuple[pickles.Unpickled, Any]:
    with (
        path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        data = pickles.checked(cast(IO[bytes], mapped))
        if len(data) < len(mapped):
            raise ValueError(f"{len(mapped) - len(data)} bytes behind its end")
    found = pickles.load(data, _no_numbers)
    return found, plain.make(found.value)


def _no_numbers(key: str) -> bytearray:
    raise ValueError("it refers to numbers of another file")
