"""The formats of deployed files: one file each, found by its name, ends with `FORMAT`."""

import importlib
import pkgutil

from jaxsign.infer.deploy.formats._format import FileFormat as FileFormat
from jaxsign.infer.deploy.formats._format import Need as Need
from jaxsign.infer.deploy.formats._format import Opened as Opened
from jaxsign.infer.deploy.formats._format import Unwritable as Unwritable


def names() -> list[str]:
    """Names of the formats."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def get(name: str) -> FileFormat:
    """The format of this name, one of `names()`."""
    found: FileFormat = importlib.import_module(f"{__name__}.{name}").FORMAT
    return found
