"""What a step does, as pure functions: of training, evaluation and looks between epochs.

They are written for one device's share of a batch; `axis` names the mapped axis of all devices.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import optax

from jaxsign import nets, tasks
from jaxsign.train import by_path
from jaxsign.train import penalties as penalties_
from jaxsign.train.state import TrainState

Array = jax.Array
# Gradients, the collections behind, sums over real rows.
_Found = tuple[by_path.Flat, nets.Variables, dict[str, Array]]
_Loss = Callable[
    [by_path.Flat, nets.Variables, Mapping[str, Array], Array],
    tuple[Array, tuple[nets.Variables, dict[str, Array]]],
]
_MicroStep = Callable[[nets.Variables, Mapping[str, Array], Array | int], _Found]


def train_step(
    state: TrainState,
    batch: Mapping[str, Array],
    rates: Mapping[str, Array],
    *,
    task: tasks.Task,
    optimizer: optax.GradientTransformation,
    trainable: tuple[str, ...],
    ema_decay: float,
    axis: str | None,
    penalties: Sequence[penalties_.Penalty] = (),
) -> tuple[TrainState, dict[str, Array]]:
    """One optimizer step over `A` micro-batches.

    Args:
      state: the run's state.
      batch: arrays [A, B, ...]; `weight` float32 [A, B] is 0 in rows that only fill the batch.
      rates: `lr` float32 of this step; `epoch` float32, epochs done, for what changes over a run
        (0 where it is left out); what the task's `rates` gave for the epoch.
      task, optimizer, trainable, ema_decay: fixed for the stage.
      axis: name of the mapped device axis, or None.
      penalties: on parameters; their sum over the real rows is `penalty`.

    Returns:
      The next state and metrics: the task's sums over real rows, `grad_norm`, and `finite`
      (False: float16 overflowed and the step changed nothing but the loss scale).
    """
    flat = by_path.flat(state.params)
    chosen = {path: flat[path] for path in trainable}
    rest = {path: value for path, value in flat.items() if path not in chosen}
    scale = 1.0 if state.loss_scale is None else state.loss_scale.scale
    part, now = scale / batch["weight"].shape[0], _now(state, rates)

    def scaled_loss(
        chosen: by_path.Flat, collections: nets.Variables, micro: Mapping[str, Array], key: Array
    ) -> tuple[Array, tuple[nets.Variables, dict[str, Array]]]:
        flat = {**rest, **chosen}
        variables = {**collections, "params": by_path.nested(flat)}
        found = task.loss(variables, micro, key, now)
        loss, sums = penalties_.added(penalties, flat, found.loss, found.sums)
        return loss * part, ({**collections, **found.changed}, sums)

    grads, collections, sums = _gradients(scaled_loss, chosen, state, batch, task, axis)
    grads = jax.tree.map(lambda g: g / scale, grads)
    grad_norm = optax.tree.norm(grads)
    new_state = _update(state, grads, chosen, rest, optimizer, rates["lr"], ema_decay)
    new_state = new_state.replace(collections=collections)
    finite = jnp.isfinite(grad_norm)
    if state.loss_scale is not None:
        new_state = _skip_unless(finite, new_state, state)
    return new_state, {**sums, "grad_norm": grad_norm, "finite": finite}


def _gradients(
    loss: _Loss,
    chosen: by_path.Flat,
    state: TrainState,
    batch: Mapping[str, Array],
    task: tasks.Task,
    axis: str | None,
) -> _Found:
    """Gradients of `loss(chosen, collections, micro-batch, key)`, added up over micro-batches.

    Returns:
      Their mean over devices, the collections behind the last micro-batch, and all its sums.
    """
    rng = _key(state, axis)

    def micro_step(
        collections: nets.Variables, micro: Mapping[str, Array], index: Array | int
    ) -> _Found:
        micro, real = _with_shares(micro, axis, task)
        key = jax.random.fold_in(rng, index)
        grads, (new, sums) = jax.grad(loss, has_aux=True)(chosen, collections, micro, key)
        new = jax.tree.map(lambda a, b: jnp.where(real, a, b), new, collections)
        return grads, new, sums

    count = batch["weight"].shape[0]
    grads, collections, sums = _accumulate(micro_step, state.collections, batch, count)
    if axis is None:
        return grads, collections, sums
    means = jax.lax.pmean(grads, axis), _mean_statistics(collections, axis)
    return *means, jax.lax.psum(sums, axis)


def _key(state: TrainState, axis: str | None) -> Array:
    """The step's key, on every device another one."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)
    return key if axis is None else jax.random.fold_in(key, jax.lax.axis_index(axis))


def _now(state: TrainState, rates: Mapping[str, Array]) -> dict[str, Array]:
    """What a task is told of the step: its own rates, epochs and steps done."""
    own = {name: value for name, value in rates.items() if name != "lr"}
    return {"epoch": jnp.float32(0), **own, "step": state.step}


@jax.named_scope("optimizer")
def _update(
    state: TrainState,
    grads: by_path.Flat,
    chosen: by_path.Flat,
    rest: by_path.Flat,
    optimizer: optax.GradientTransformation,
    lr: Array,
    ema_decay: float,
) -> TrainState:
    """The state after the optimizer's step on the `chosen` parameters."""
    updates, opt_state = optimizer.update(grads, state.opt_state, chosen)
    after = jax.tree.map(lambda p, u: p - lr.astype(p.dtype) * u, chosen, updates)
    average = state.average
    if average is not None:
        average = jax.tree.map(lambda a, p: a * ema_decay + p * (1 - ema_decay), average, after)
    return state.replace(
        step=state.step + 1,
        params=by_path.nested({**rest, **after}),
        opt_state=opt_state,
        average=average,
    )


def _mean_statistics(collections: nets.Variables, axis: str) -> nets.Variables:
    """Batch statistics averaged over devices; counters and tables are the same on all of them."""

    def mean(leaf: Array) -> Array:
        return jax.lax.pmean(leaf, axis) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    statistics = {k: v for k, v in collections.items() if k == "batch_stats"}
    return {**collections, **jax.tree.map(mean, statistics)}


def _accumulate(
    micro_step: _MicroStep, collections: nets.Variables, batch: Mapping[str, Array], count: int
) -> _Found:
    if count == 1:
        return micro_step(collections, jax.tree.map(lambda a: a[0], batch), 0)

    def body(
        carry: tuple[by_path.Flat, nets.Variables], inputs: tuple[Mapping[str, Array], Array]
    ) -> tuple[tuple[by_path.Flat, nets.Variables], dict[str, Array]]:
        total, collections = carry
        grads, collections, sums = micro_step(collections, *inputs)
        return (jax.tree.map(jnp.add, total, grads), collections), sums

    first = jax.tree.map(lambda a: a[0], batch)
    shapes = jax.eval_shape(micro_step, collections, first, 0)[0]
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    inputs = (batch, jnp.arange(count))
    (grads, collections), sums = jax.lax.scan(body, (zeros, collections), inputs)
    return grads, collections, jax.tree.map(lambda a: a.sum(0), sums)


def _with_shares(
    batch: Mapping[str, Array], axis: str | None, task: tasks.Task
) -> tuple[dict[str, Array], Array]:
    """Adds `share`: each row's part in the mean over the real rows of all devices.

    A task that averages over other things too (its `shares`: name -> how many a row has) gets the
    part of one of these. Times the number of devices, because gradients are averaged over them.
    """
    amounts = {"share": jnp.ones_like(batch["weight"])}
    amounts |= task.shares(batch)
    totals = {name: (batch["weight"] * amount).sum() for name, amount in amounts.items()}
    devices = 1
    if axis is not None:
        totals, devices = jax.lax.psum(totals, axis), jax.lax.axis_size(axis)
    shares = {
        name: batch["weight"] * devices / jnp.where(total > 0, total, 1.0)
        for name, total in totals.items()
    }
    return {**batch, **shares}, totals["share"] > 0


def _skip_unless(finite: Array, new: TrainState, old: TrainState) -> TrainState:
    kept = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, old)
    assert old.loss_scale is not None
    return kept.replace(step=new.step, loss_scale=old.loss_scale.update(finite))


def eval_step(
    state: TrainState,
    batch: Mapping[str, Array],
    now: Mapping[str, Array],
    *,
    task: tasks.Task,
    axis: str | None,
) -> tasks.Evaluated:
    """What the task tells of one batch [B, ...]: sums over all devices, rows of each its own."""
    found = task.evaluate(state.variables, batch, now)
    if axis is not None:
        found = found._replace(sums=jax.lax.psum(found.sums, axis))
    return found


def look_step(
    state: TrainState, batch: Mapping[str, Array], *, task: tasks.Task
) -> dict[str, Array]:
    """Arrays [B, ...] that the task needs of a batch between epochs, and whose (`index`)."""
    return {**task.look(state.variables, batch), "index": batch["index"]}
