"""Optimizers without a learning rate: the step multiplies by the schedule's."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean, listing

OPTIMIZERS = ("adam", "adamw", "radam", "sgd")


def build(options: ConfigDict) -> optax.GradientTransformation:
    """Clipping, weight decay and scaling of `config.optim`, in torch's order.

    `adam` and `sgd` add the decay to the gradient (L2), `adamw` and `radam` to the update.

    Raises:
      UserError: unknown name.
    """
    if options.name not in OPTIMIZERS:
        near = did_you_mean(options.name, OPTIMIZERS)
        raise UserError(f"optim.name={options.name!r} is none of {', '.join(OPTIMIZERS)}.{near}")
    decay = [optax.add_decayed_weights(options.weight_decay)] if options.weight_decay else []
    moments = {"b1": options.b1, "b2": options.b2, "eps": options.eps}
    scale = {
        "adam": lambda: scale_by_adam(**moments),
        "adamw": lambda: scale_by_adam(**moments),
        "radam": lambda: optax.scale_by_radam(**moments),
        "sgd": lambda: optax.trace(options.momentum),
    }[options.name]()
    clip = [clip_by_global_norm(options.grad_clip)] if options.grad_clip else []
    decoupled = options.name in ("adamw", "radam")
    return optax.chain(*clip, *([scale, *decay] if decoupled else [*decay, scale]))


def scale_by_adam(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam's scaling (Kingma & Ba 2015) with its bias correction in full precision.

    optax's own takes 1 - b2**count in float32: 5e-5 off in the first steps, and all of a run
    inherits it. The state is optax's.
    """
    log1, log2 = (math.log(b) if b else -math.inf for b in (b1, b2))

    def update(updates, state, params=None):
        count = state.count + 1
        mu = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, updates)
        nu = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * jnp.square(g), state.nu, updates)
        share1, share2 = -jnp.expm1(count * log1), -jnp.expm1(count * log2)
        scaled = jax.tree.map(lambda m, v: m / share1 / (jnp.sqrt(v / share2) + eps), mu, nu)
        return scaled, optax.ScaleByAdamState(count=count, mu=mu, nu=nu)

    return optax.GradientTransformation(optax.scale_by_adam(b1, b2, eps).init, update)


def clip_by_global_norm(limit: float) -> optax.GradientTransformation:
    """Scales by min(1, limit / (norm + 1e-6)) as torch does; optax's own lacks the 1e-6."""

    def update(updates, state, params=None):
        factor = jnp.minimum(1.0, limit / (optax.tree.norm(updates) + 1e-6))
        return jax.tree.map(lambda g: g * factor.astype(g.dtype), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Nested parameters -> {'layer_0/norm1/scale': array, ...}."""
    return traverse_util.flatten_dict(dict(params), sep="/")


def nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    return traverse_util.unflatten_dict(dict(params), sep="/")


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
    paths = list(paths)
    matched = {}
    for pattern in (*trainable, *frozen, *unused):
        try:
            matched[pattern] = {path for path in paths if re.search(pattern, path)}
        except re.error as error:
            raise UserError(f"{pattern!r} is not a regular expression: {error}") from error
    for name, patterns in (("trainable", trainable), ("frozen", frozen)):
        for pattern in patterns:
            meant = name == "frozen" and any(re.search(pattern, path) for path in absent)
            if matched[pattern] or meant:
                continue
            tops = sorted({path.split("/")[0] for path in paths})
            raise UserError(
                f"train.{name}: the pattern {pattern!r} matches no parameter. The parameters start "
                f"with:\n{listing(tops)}"
            )
    out = set().union(*(matched[p] for p in (*frozen, *unused)), set())
    chosen = set().union(*(matched[p] for p in trainable), set()) - out
    if not chosen:
        raise UserError("nothing is left to train: every parameter is frozen")
    return tuple(path for path in paths if path in chosen)
