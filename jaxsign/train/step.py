"""The compiled train and evaluation steps, for any number of devices.

One pure step, compiled in one of three ways: `jit` on one device; `pmap` with averaged gradients on
several; or `jit` over a mesh with the batch sharded. The task and its net know of none of them.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import jax_utils
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxsign import tasks
from jaxsign.errors import UserError
from jaxsign.train import optimizer as optimizers
from jaxsign.train import penalties as penalties_
from jaxsign.train.state import TrainState

Array = jax.Array
AXIS = "devices"


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
    flat = optimizers.flat(state.params)
    chosen = {path: flat[path] for path in trainable}
    rest = {path: value for path, value in flat.items() if path not in chosen}
    rng = _key(state, axis)
    scale = 1.0 if state.loss_scale is None else state.loss_scale.scale
    count = batch["weight"].shape[0]
    now = _now(state, rates)

    def scaled_loss(chosen, collections, micro, index):
        flat = {**rest, **chosen}
        key = jax.random.fold_in(rng, index)
        variables = {**collections, "params": optimizers.nested(flat)}
        found = task.loss(variables, micro, key, now)
        loss, sums = penalties_.added(penalties, flat, found.loss, found.sums)
        return loss * (scale / count), ({**collections, **found.changed}, sums)

    def micro_step(collections, micro, index):
        micro, real = _with_shares(micro, axis, task)
        grads, (new, sums) = jax.grad(scaled_loss, has_aux=True)(chosen, collections, micro, index)
        new = jax.tree.map(lambda a, b: jnp.where(real, a, b), new, collections)
        return grads, new, sums

    grads, collections, sums = _accumulate(micro_step, state.collections, batch, count)
    if axis is not None:
        grads = jax.lax.pmean(grads, axis)
        collections = _mean_statistics(collections, axis)
        sums = jax.lax.psum(sums, axis)
    grads = jax.tree.map(lambda g: g / scale, grads)
    grad_norm = optax.tree.norm(grads)
    new_state = _update(state, grads, chosen, rest, optimizer, rates["lr"], ema_decay)
    new_state = new_state.replace(collections=collections)
    finite = jnp.isfinite(grad_norm)
    if state.loss_scale is not None:
        new_state = _skip_unless(finite, new_state, state)
    return new_state, {**sums, "grad_norm": grad_norm, "finite": finite}


def _key(state: TrainState, axis: str | None) -> Array:
    """The step's key, on every device another one."""
    key = jax.random.fold_in(jax.random.wrap_key_data(state.rng), state.step)
    return key if axis is None else jax.random.fold_in(key, jax.lax.axis_index(axis))


def _now(state: TrainState, rates: Mapping[str, Array]) -> dict[str, Array]:
    """What a task is told of the step: its own rates, epochs and steps done."""
    own = {name: value for name, value in rates.items() if name != "lr"}
    return {"epoch": jnp.float32(0), **own, "step": state.step}


def _update(state, grads, chosen, rest, optimizer, lr, ema_decay) -> TrainState:
    """The state after the optimizer's step on the `chosen` parameters."""
    updates, opt_state = optimizer.update(grads, state.opt_state, chosen)
    after = jax.tree.map(lambda p, u: p - lr.astype(p.dtype) * u, chosen, updates)
    average = state.average
    if average is not None:
        average = jax.tree.map(lambda a, p: a * ema_decay + p * (1 - ema_decay), average, after)
    return state.replace(
        step=state.step + 1,
        params=optimizers.nested({**rest, **after}),
        opt_state=opt_state,
        average=average,
    )


def _mean_statistics(collections: Any, axis: str) -> Any:
    """Batch statistics averaged over devices; counters and tables are the same on all of them."""

    def mean(leaf: Array) -> Array:
        return jax.lax.pmean(leaf, axis) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    statistics = {k: v for k, v in collections.items() if k == "batch_stats"}
    return {**collections, **jax.tree.map(mean, statistics)}


def _accumulate(micro_step, collections, batch, count):
    if count == 1:
        return micro_step(collections, jax.tree.map(lambda a: a[0], batch), 0)

    def body(carry, inputs):
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
) -> dict[str, Any]:
    """The task's sums over the real rows of one batch [B, ...].

    What it gives under `rows`, arrays [B, ...], stays with the rows: see `Compiled.rows`.
    """
    found = dict(task.evaluate(state.variables, batch, now))
    rows = found.pop("rows", {})
    if axis is not None:
        found = jax.lax.psum(found, axis)
    return {**found, "rows": rows} if rows else found


def look_step(
    state: TrainState, batch: Mapping[str, Array], *, task: tasks.Task
) -> dict[str, Array]:
    """Arrays [B, ...] that the task needs of a batch between epochs, and whose (`index`)."""
    return {**task.look(state.variables, batch), "index": batch["index"]}


def answer_step(
    variables: Mapping[str, Any], batch: Mapping[str, Array], *, task: tasks.Task
) -> dict[str, Array]:
    """Arrays [B, ...] that the task needs of a batch to answer."""
    return task.outputs(variables, batch)


OnDevices = dict[str, Array]  # a batch where the steps find it


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The steps of a stage and how arrays get to and from their devices.

    Attributes:
      train: (state, batch, rates) -> (state, metrics); gives the state's buffers away.
      evaluate: (state, batch, the task's rates) -> sums, and arrays under `rows`.
      look: (state, batch) -> arrays for the task's `survey` or `renew`.
      answer: (variables, batch) -> arrays for the task's answers.
      place: a host state, or variables -> the form that the steps take.
      fetch: a state on the devices -> one copy.
      put: a host batch (training: [A, B, ...], evaluation: [B, ...]) -> devices; second argument:
        which axis holds the rows.
      scalars: metrics of a step -> plain numpy values on the host.
      rows: arrays [B, ...] of `evaluate` and `look` -> numpy, the rows of all devices and hosts.
    """

    train: jax.stages.Wrapped
    evaluate: Callable[..., dict[str, Any]]
    look: Callable[..., dict[str, Array]]
    answer: Callable[..., dict[str, Array]]
    place: Callable[[Any], Any]
    fetch: Callable[[TrainState], TrainState]
    put: Callable[[Mapping[str, np.ndarray], int], OnDevices]
    scalars: Callable[[Any], Any]
    rows: Callable[[Any], dict[str, np.ndarray]]
    devices: Sequence[jax.Device]

    def put_train(self, batch: Mapping[str, np.ndarray]) -> OnDevices:
        """Sends a training batch [A, B, ...] to the devices."""
        return self.put(batch, 1)

    def put_eval(self, batch: Mapping[str, np.ndarray]) -> OnDevices:
        """Sends an evaluation batch [B, ...] to the devices."""
        return self.put(batch, 0)


def build(
    task: tasks.Task,
    optimizer: optax.GradientTransformation,
    trainable: tuple[str, ...],
    *,
    ema_decay: float = 0.0,
    penalties: Sequence[penalties_.Penalty] = (),
    devices: Sequence[jax.Device] | None = None,
    parallel: str = "pmap",
) -> Compiled:
    """Compiles the steps for `devices` (default: all local ones)."""
    devices = list(devices or jax.local_devices())
    fixed: dict[str, Any] = {
        "task": task,
        "optimizer": optimizer,
        "trainable": trainable,
        "ema_decay": ema_decay,
        "penalties": tuple(penalties),
    }
    if len(devices) == 1 and jax.process_count() == 1:
        return _on_one(task, fixed, devices)
    return (_by_pmap if parallel == "pmap" else _by_mesh)(task, fixed, devices)


def _on_one(task, fixed, devices) -> Compiled:
    train = functools.partial(train_step, **fixed, axis=None)
    evaluate = functools.partial(eval_step, task=task, axis=None)
    return Compiled(
        train=jax.jit(train, donate_argnums=0),
        evaluate=jax.jit(evaluate),
        look=jax.jit(functools.partial(look_step, task=task)),
        answer=jax.jit(functools.partial(answer_step, task=task)),
        place=lambda state: jax.device_put(state, devices[0]),
        fetch=lambda state: state,
        put=lambda batch, _: jax.device_put(dict(batch), devices[0]),
        scalars=jax.device_get,
        rows=jax.device_get,
        devices=devices,
    )


def _by_pmap(task, fixed, devices) -> Compiled:
    train = functools.partial(train_step, **fixed, axis=AXIS)
    evaluate = functools.partial(eval_step, task=task, axis=AXIS)
    mesh = jax.make_mesh((len(devices),), (AXIS,), (AxisType.Auto,), devices=devices)
    rows = NamedSharding(mesh, PartitionSpec(AXIS))

    def put(batch, axis):
        split = {key: _split(value, axis, len(devices)) for key, value in batch.items()}
        # With several processes pmap takes each one's own rows from the host.
        return split if jax.process_count() > 1 else jax.device_put(split, rows)

    return Compiled(
        train=jax.pmap(
            train, AXIS, in_axes=(0, 0, None), donate_argnums=0, devices=_if_local(devices)
        ),
        evaluate=jax.pmap(evaluate, AXIS, in_axes=(0, 0, None), devices=_if_local(devices)),
        look=jax.pmap(functools.partial(look_step, task=task), AXIS, devices=_if_local(devices)),
        answer=jax.pmap(
            functools.partial(answer_step, task=task), AXIS, devices=_if_local(devices)
        ),
        place=lambda state: jax_utils.replicate(state, devices),
        fetch=jax_utils.unreplicate,
        put=put,
        scalars=lambda tree: jax.device_get(jax_utils.unreplicate(tree)),
        rows=_rows_of_all,
        devices=devices,
    )


def _rows_of_all(tree: Any) -> Any:
    """[devices, B / devices, ...] -> [B, ...], those of other hosts behind our own."""
    local = jax.tree.map(lambda a: np.asarray(a).reshape(-1, *a.shape[2:]), jax.device_get(tree))
    if jax.process_count() == 1:
        return local
    return multihost_utils.process_allgather(local, tiled=True)


def _if_local(devices):
    return devices if jax.process_count() == 1 else None


def _by_mesh(task, fixed, devices) -> Compiled:
    train = functools.partial(train_step, **fixed, axis=None)
    evaluate = functools.partial(eval_step, task=task, axis=None)
    every = devices if jax.process_count() == 1 else jax.devices()
    mesh = jax.make_mesh((len(every),), (AXIS,), (AxisType.Auto,), devices=every)
    same = NamedSharding(mesh, PartitionSpec())

    def put(batch, axis):
        rows = NamedSharding(mesh, PartitionSpec(*[None] * axis, AXIS))
        for value in batch.values():
            check_rows(value.shape[axis], len(devices))
        return {
            key: jax.make_array_from_process_local_data(rows, value) for key, value in batch.items()
        }

    return Compiled(
        train=jax.jit(train, donate_argnums=0, out_shardings=same),
        evaluate=jax.jit(evaluate, out_shardings=same),
        look=jax.jit(functools.partial(look_step, task=task), out_shardings=same),
        answer=jax.jit(functools.partial(answer_step, task=task), out_shardings=same),
        place=lambda state: jax.device_put(state, same),
        fetch=lambda state: state,
        put=put,
        scalars=jax.device_get,
        rows=jax.device_get,
        devices=devices,
    )


def _split(value: np.ndarray, axis: int, devices: int) -> np.ndarray:
    """[..., B, ...] -> [devices, ..., B / devices, ...], rows in order."""
    check_rows(value.shape[axis], devices)
    shape = (*value.shape[:axis], devices, value.shape[axis] // devices, *value.shape[axis + 1 :])
    return np.moveaxis(value.reshape(shape), axis, 0)


def check_rows(rows: int, devices: int, where: str = "") -> None:
    """Refuses a batch that devices cannot share; `where` begins the message."""
    if rows % devices:
        raise UserError(
            f"{where}input.batch_size: {rows} rows cannot be shared by {devices} devices; "
            f"take a multiple of {devices}, or fewer devices (config.devices)"
        )
