"""Parameters by their paths, such as layer_0/norm1/scale."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import jax
import numpy as np
from flax import traverse_util

from jaxsign import nets
from jaxsign.errors import UserError, listing

Leaf: TypeAlias = jax.Array | np.ndarray
Flat: TypeAlias = dict[str, Leaf]  # arrays by path: layer_0/norm1/scale


def flat(params: nets.Tree) -> Flat:
    """Nested parameters by their paths."""
    return traverse_util.flatten_dict(dict(params), sep="/")


def nested(params: Mapping[str, Leaf]) -> dict[str, Any]:
    """The inverse of `flat`."""
    return traverse_util.unflatten_dict(dict(params), sep="/")


def matching(paths: Iterable[str], pattern: str, key: str, absent: Iterable[str] = ()) -> set[str]:
    """The paths in which a regular expression is found.

    Raises:
      UserError: it is none, or is found in no path, nor in `absent` ones; `key` begins the message.
    """
    paths = list(paths)
    try:
        found = {path for path in paths if re.search(pattern, path)}
        meant = any(re.search(pattern, path) for path in absent)
    except re.error as error:
        raise UserError(f"{key}: {pattern!r} is not a regular expression: {error}") from error
    if not found and not meant:
        tops = sorted({path.split("/")[0] for path in paths})
        raise UserError(
            f"{key}: the pattern {pattern!r} matches no parameter. The parameters start "
            f"with:\n{listing(tops)}"
        )
    return found


def select(
    paths: Iterable[str],
    trainable: Iterable[str],
    frozen: Iterable[str] = (),
    unused: Iterable[str] = (),
    absent: Iterable[str] = (),
) -> tuple[str, ...]:
    """The parameter paths that train: matched by `trainable`, by none of `frozen` and `unused`.

    Patterns are regular expressions searched in paths like `layer_0/norm1/scale`. `unused` is the
    net's own word on parameters that never get a gradient: they get neither decay nor moments;
    `absent` are paths that a `frozen` pattern may mean although this input does without them.

    Raises:
      UserError: a pattern that is no regular expression or matches nothing, or nothing is left to
        train.
    """
    paths, absent = list(paths), list(absent)
    chosen, out = set[str](), {path for path in paths if any(re.search(p, path) for p in unused)}
    for pattern in trainable:
        chosen |= matching(paths, pattern, "train.trainable")
    for pattern in frozen:
        out |= matching(paths, pattern, "train.frozen", absent)
    chosen -= out
    if not chosen:
        raise UserError("nothing is left to train: every parameter is frozen")
    return tuple(path for path in paths if path in chosen)
