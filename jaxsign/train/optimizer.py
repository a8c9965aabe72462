"""Optimizers without a learning rate: the step multiplies by the schedule's."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from jaxsign.train import by_path


def build(
    options: ConfigDict, factors: Mapping[str, float] | None = None, *, apart: bool = False
) -> optax.GradientTransformation:
    """Clipping, weight decay and scaling of `config.optim`, in torch's order.

    `adam` and `sgd` add the decay to the gradient (L2), `adamw` and `radam` to the update.

    Args:
      factors: of the learning rate (and so of the decay), of the paths that have one.
      apart: every parameter has a state of its own, so that it may begin later than others.
    """
    decay = [optax.add_decayed_weights(options.weight_decay)] if options.weight_decay else []
    moments = {"b1": options.b1, "b2": options.b2, "eps": options.eps}
    scale = {
        "adam": lambda: scale_by_adam(**moments, eps_corrected=options.eps_corrected),
        "adamw": lambda: scale_by_adam(**moments, eps_corrected=options.eps_corrected),
        "radam": lambda: optax.scale_by_radam(**moments),
        "sgd": lambda: optax.trace(options.momentum),
    }[options.name]()
    scale = _apart(scale) if apart else scale
    clip_by = {"norm": clip_by_global_norm, "value": optax.clip}[options.clip_by]
    clip = [clip_by(options.grad_clip)] if options.grad_clip else []
    decoupled = options.name in ("adamw", "radam")
    slower = [_times(factors)] if factors else []
    return optax.chain(*clip, *([scale, *decay] if decoupled else [*decay, scale]), *slower)


def _apart(one: optax.GradientTransformation) -> optax.GradientTransformation:
    """`one` for every parameter alone: its state is a dict path -> state."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        found = {path: one.update(update, state[path]) for path, update in updates.items()}
        return {k: u for k, (u, _) in found.items()}, {k: s for k, (_, s) in found.items()}

    return optax.GradientTransformation(
        lambda params: {path: one.init(value) for path, value in params.items()}, update
    )


def _times(factors: Mapping[str, float]) -> optax.GradientTransformation:
    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return {k: u * factors.get(k, 1.0) for k, u in updates.items()}, state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def with_moments(state: optax.OptState, before: optax.OptState) -> optax.OptState:
    """The fresh `state` of an optimizer with the moments of the parameters that `before` had.

    Where both train the same parameters all of it goes on; else `state` must be of an optimizer
    that was built `apart`.
    """
    (old,) = (part for part in before if not isinstance(part, optax.EmptyState))

    def carried(new: Any) -> Any:
        return {**new, **_by_path(old, new)} if isinstance(new, dict) else old

    return tuple(part if isinstance(part, optax.EmptyState) else carried(part) for part in state)


def mean_gradients(state: optax.OptState) -> by_path.Flat:
    """The running mean of gradients by path, as an optimizer keeps it: clipped, decayed."""
    (one,) = (part for part in state if not isinstance(part, optax.EmptyState))

    def mean(part: Any) -> Any:
        return part.trace if isinstance(part, optax.TraceState) else part.mu

    return {k: mean(part) for k, part in one.items()} if isinstance(one, dict) else mean(one)


def _by_path(state: Any, paths: Iterable[str]) -> dict[str, Any]:
    """The states of those `paths` that `state` has, be it of all together or apart."""
    if isinstance(state, dict):
        return {path: state[path] for path in paths if path in state}
    tables = [part for part in state if isinstance(part, dict)]

    def of(path: str) -> Any:
        # A copy of the count for each, because the step gives its input buffers away.
        parts = (part[path] if isinstance(part, dict) else jnp.array(part) for part in state)
        return type(state)(*parts)

    return {path: of(path) for path in paths if path in tables[0]}


def lr_factors(paths: Iterable[str], patterns: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Factors of the learning rate by path; of several patterns that match the first one holds.

    Raises:
      UserError: a pattern that is no regular expression or matches nothing.
    """
    paths, found = list(paths), dict[str, float]()
    for pattern, factor in patterns:
        for path in by_path.matching(paths, pattern, "optim.lr_factors"):
            found.setdefault(path, float(factor))
    return found


def scale_by_adam(
    b1: float, b2: float, eps: float, eps_corrected: bool = True
) -> optax.GradientTransformation:
    """Adam's scaling (Kingma & Ba 2015) with its bias correction in full precision.

    Without `eps_corrected`, eps is added to the root before the correction, which then divides it
    too: old optimizers that public systems have copied.

    optax's own takes 1 - b2**count in float32: 5e-5 off in the first steps, and all of a run
    inherits it. The state is optax's.
    """
    log1, log2 = (math.log(b) if b else -math.inf for b in (b1, b2))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count = state.count + 1
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, updates)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * jnp.square(g), state.nu, updates)
        share1, share2 = -jnp.expm1(count * log1), -jnp.expm1(count * log2)
        added = eps if eps_corrected else eps / jnp.sqrt(share2)
        scaled = jax.tree.map(lambda m, v: m / share1 / (jnp.sqrt(v / share2) + added), mu, nu)
        return scaled, optax.ScaleByAdamState(count=count, mu=mu, nu=nu)

    return optax.GradientTransformation(optax.scale_by_adam(b1, b2, eps).init, update)


def clip_by_global_norm(limit: float) -> optax.GradientTransformation:
    """Scales by min(1, limit / (norm + 1e-6)) as torch does; optax's own lacks the 1e-6."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        factor = jnp.minimum(1.0, limit / (optax.tree.norm(updates) + 1e-6))
        return jax.tree.map(lambda g: g * factor.astype(g.dtype), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
