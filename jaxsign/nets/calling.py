"""How a net is asked: its start values, and what it says of a batch."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, overload

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jax.interpreters import partial_eval

from jaxsign.nets import state_dict
from jaxsign.nets.contract import Net
from jaxsign.nets.layers import batch_norm, regularisers

Array = jax.Array
# By name; but `logits` is a dict of arrays by head: see `logits_of`.
Outputs: TypeAlias = dict[str, Array]
# Arrays by name, in a batch or as a method's arguments, and functions of arrays that it calls.
Batch: TypeAlias = Mapping[str, Array | np.ndarray | None]
Argument: TypeAlias = Array | np.ndarray | Callable[..., tuple[Array, ...]] | None
Progress = regularisers.Progress


def logits_of(outputs: Outputs) -> Mapping[str, Array]:
    """{head: float32 [B, K]} of a net that tells one label a clip."""
    found: Any = outputs["logits"]
    return found


def init(net: Net, rng: Array, batch: Batch) -> state_dict.Variables:
    """Fresh variables for batches like `batch` [B, ...] (one row of it is looked at).

    What the net says of the row is not computed, and arrays are drawn one by one by programs that
    are hardly optimised: those of one shape share one, and it runs for some milliseconds, where one
    program of all would be compiled for half a minute.
    """
    given = [batch.get(name) for name in net.inputs]
    row = [None if values is None else jnp.asarray(values[:1]) for values in given]

    def make(rng: Array) -> state_dict.Variables:
        variables = net.init({"params": rng, "dropout": rng}, *row)
        return {name: tree for name, tree in variables.items() if name != "intermediates"}

    whole, shapes = jax.make_jaxpr(make, return_shape=True)(rng)
    needed, _ = partial_eval.dce_jaxpr(
        whole.jaxpr, [True] * len(whole.jaxpr.outvars), instantiate=True
    )
    with _compiled_quickly():
        leaves = jax.core.eval_jaxpr(needed, whole.consts, rng)
    return jax.tree.unflatten(jax.tree.structure(shapes), leaves)


@contextlib.contextmanager
def _compiled_quickly() -> Iterator[None]:
    settings = {
        "jax_disable_most_optimizations": True,
        "jax_persistent_cache_min_compile_time_secs": 0.0,  # keep them all for the next run
    }
    before = {name: jax.config.values[name] for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


@overload
def call(
    net: Net,
    variables: state_dict.Variables,
    batch: Batch,
    *,
    train: bool = ...,
    rng: Array | None = ...,
    now: Progress | None = ...,
    mutable: Literal[False] = ...,
    method: str = ...,
    **named: Argument,
) -> Outputs: ...


@overload
def call(
    net: Net,
    variables: state_dict.Variables,
    batch: Batch,
    *,
    train: bool = ...,
    rng: Array | None = ...,
    now: Progress | None = ...,
    mutable: Sequence[str],
    method: str = ...,
    **named: Argument,
) -> tuple[Outputs, state_dict.Variables]: ...


def call(
    net: Net,
    variables: state_dict.Variables,
    batch: Batch,
    *,
    train: bool = False,
    rng: Array | None = None,
    now: Progress | None = None,
    mutable: Sequence[str] | Literal[False] = False,
    method: str = "__call__",
    **named: Argument,
) -> Any:
    """What a net says of a batch.

    Args:
      net, variables: of the same fields.
      batch: holds `net.inputs`, as far as there are any; the rest is not looked at.
      train: use dropout and batch statistics.
      rng: for dropout; needed in training.
      now: how far the run is, for a net that uses it; None = at its start.
      mutable: collections that may change, e.g. `batch_stats` in training, or `intermediates`.
      method: of the net that is asked; another one than `__call__` gets `named` alone.
      **named: its arguments.

    Returns:
      The named outputs; with `mutable` also these collections as they are afterwards.
    """
    more: dict[str, Any] = {**named}
    if rng is not None:
        more["rngs"] = {"dropout": rng}
    if net.uses_progress and now is not None:
        more["progress"] = now
    arrays = [batch.get(name) for name in net.inputs] if method == "__call__" else []
    with nn.intercept_methods(_standing_still(frozenset(net.still))):
        return net.apply(variables, *arrays, train=train, mutable=mutable, method=method, **more)


def _standing_still(paths: Collection[str]) -> Callable[..., Any]:
    """Runs the batch norms at `paths` in eval mode."""

    def intercept(
        run: Callable[..., Any],
        words: tuple[Any, ...],
        named: dict[str, Any],
        context: nn.module.InterceptorContext,
    ) -> Any:
        module = context.module
        if isinstance(module, batch_norm.BatchNorm) and "/".join(module.path) in paths:
            named = {**named, "train": False}
        return run(*words, **named)

    return intercept
