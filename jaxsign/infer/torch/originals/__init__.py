"""How the original systems write their checkpoints: one file a system that has a form of its own.

A file has `checkpoint(run, tensors) -> dict`, what `torch.save` gets, and may have
  `beside(run, path)`: writes the files that lie beside a checkpoint `path` and returns them;
  `notes(run)`: what the reader of an exported file should know;
  `fields(extras, found, weights, path, notes)`: constructor fields, where a file tells more than
    its shapes do;
  `settings(extras, notes)`: changes of the recipe that a file asks for;
  `METRIC`: the name of a checkpoint's metric; `FIRST_ID`: the id of the first gloss.
"""

import importlib
import pkgutil
from types import ModuleType


def find(net: str) -> ModuleType | None:
    """The form that belongs to a net, None where it has the common one."""
    if net not in [module.name for module in pkgutil.iter_modules(__path__)]:
        return None
    return importlib.import_module(f"{__name__}.{net}")
