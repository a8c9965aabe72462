"""How the original systems write their checkpoints: one file a system that has a form of its own.

A file has `checkpoint(run, tensors) -> dict`, what `torch.save` gets, and `beside(run, path)`,
which writes the files that lie beside a checkpoint `path` and returns them.
"""

import importlib
import pkgutil
from types import ModuleType


def find(net: str) -> ModuleType | None:
    """The form that belongs to a net, None where it has the common one."""
    if net not in [module.name for module in pkgutil.iter_modules(__path__)]:
        return None
    return importlib.import_module(f"{__name__}.{net}")
