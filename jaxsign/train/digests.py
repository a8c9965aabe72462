"""Digests of the parts of a checkpoint, which tell whether it is as it was written."""

import hashlib
import json
from pathlib import Path

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxsign.errors import UserError, listing

# The part of a checkpoint that holds the digests of the others.
PART = "digests"
# name -> sha256 with type and shape; names begin with the part that they belong to.
Digests = dict[str, str]


def of_arrays(name: str, tree: object) -> Digests:
    """The digest of every array of a part `name`, a tree of them."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    paths = (jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves)
    return {f"{name}/{path}": _digest(a) for path, (_, a) in zip(paths, leaves, strict=True)}


def _digest(array: ArrayLike) -> str:
    whole = np.asarray(array)
    content = np.ascontiguousarray(whole).reshape(-1).view(np.uint8)
    return f"{whole.dtype} {list(whole.shape)} {hashlib.sha256(content.data).hexdigest()}"


def of_value(name: str, value: object) -> Digests:
    """The digest of a part `name` that is JSON."""
    text = json.dumps(value, sort_keys=True)
    return {name: hashlib.sha256(text.encode()).hexdigest()}


def check(place: Path, name: str, found: Digests, stored: Digests | None, advice: str = "") -> None:
    """Refuses a part `name` that is not as it was written.

    Args:
      place: where it lies.
      name: of the part.
      found: its digests now.
      stored: those of the whole checkpoint; None where it was made without.
      advice: a sentence on what to do without it.

    Raises:
      UserError: it is damaged.
    """
    if stored is None:
        return
    wanted = {key: value for key, value in stored.items() if key.partition("/")[0] == name}
    wrong = sorted(key for key in {*wanted, *found} if wanted.get(key) != found.get(key))
    if wrong:
        raise UserError(
            f"{place}: this checkpoint is damaged: {len(wrong)} of its parts are not as they were "
            f"written.\n{listing(wrong, 5)}\nPut a copy in its place. {advice}".rstrip()
        )
