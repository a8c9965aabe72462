"""The compiled train and evaluation steps, for any number of devices.

One pure step, compiled in one of three ways: `jit` on one device; `pmap` with averaged gradients on
several; or `jit` over a mesh with the batch sharded. The task and its net know of none of them.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import jax
import numpy as np
import optax
from flax import jax_utils
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxsign import machines, tasks
from jaxsign.errors import UserError
from jaxsign.train import penalties as penalties_
from jaxsign.train.state import TrainState
from jaxsign.train.step_functions import answer_step, eval_step, look_step, train_step

Array = jax.Array
AXIS = "devices"
OnDevices = Mapping[str, Array | np.ndarray]  # a batch where the steps find it
_Tree = TypeVar("_Tree")
_Train = Callable[..., tuple[TrainState, dict[str, Array]]]  # `train_step`, but for its axis


class Placing(Protocol):
    """Brings a tree of arrays to the devices, or a copy of it from there."""

    def __call__(self, tree: _Tree, /) -> _Tree: ...


class Fetching(Protocol):
    """Brings arrays by name from the devices."""

    def __call__(self, found: Mapping[str, Array], /) -> dict[str, np.ndarray]: ...


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The steps of a stage and how arrays get to and from their devices.

    Attributes:
      train: (state, batch, rates) -> (state, metrics); gives the state's buffers away.
      evaluate: (state, batch, the task's rates) -> what the task tells of it.
      look: (state, batch) -> arrays for the task's `survey` or `renew`.
      answer: (variables, batch) -> arrays for the task's answers.
      place: a host state, or variables -> the form that the steps take.
      fetch: a state on the devices -> one copy.
      put: a host batch (training: [A, B, ...], evaluation: [B, ...]) -> devices; second argument:
        which axis holds the rows.
      scalars: metrics of a step -> numpy on the host.
      rows: arrays [B, ...] of `evaluate` and `look` -> numpy, the rows of all devices and hosts.
    """

    train: jax.stages.Wrapped
    evaluate: jax.stages.Wrapped
    look: jax.stages.Wrapped
    answer: Callable[..., dict[str, Array]]
    place: Placing
    fetch: Callable[[TrainState], TrainState]
    put: Callable[[Mapping[str, np.ndarray], int], OnDevices]
    scalars: Fetching
    rows: Fetching
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
    """Compiles the steps for `devices` of this process (default: all), as many in each."""
    devices = list(devices or jax.local_devices())
    several = machines.here().several
    train = functools.partial(
        train_step,
        task=task,
        optimizer=optimizer,
        trainable=trainable,
        ema_decay=ema_decay,
        penalties=tuple(penalties),
    )
    if len(devices) == 1 and not several:
        return _on_one(task, train, devices)
    found = (_by_pmap if parallel == "pmap" else _by_mesh)(task, train, devices)
    return _of_several(found, parallel) if several else found


def _on_one(task: tasks.Task, train: _Train, devices: Sequence[jax.Device]) -> Compiled:
    evaluate = functools.partial(eval_step, task=task, axis=None)
    return Compiled(
        train=jax.jit(functools.partial(train, axis=None), donate_argnums=0),
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


def _by_pmap(task: tasks.Task, train: _Train, devices: Sequence[jax.Device]) -> Compiled:
    evaluate = functools.partial(eval_step, task=task, axis=AXIS)
    every = _of_all(devices)
    mesh = jax.make_mesh((len(devices),), (AXIS,), (AxisType.Auto,), devices=devices)
    rows = NamedSharding(mesh, PartitionSpec(AXIS))

    def put(batch: Mapping[str, np.ndarray], axis: int) -> OnDevices:
        split = {key: _split(value, axis, len(devices)) for key, value in batch.items()}
        # With several processes pmap takes each one's own rows from the host.
        return split if machines.here().several else jax.device_put(split, rows)

    def place(tree: _Tree) -> _Tree:
        # As the step gives it back: placed otherwise, the second step would compile once more.
        copies = jax.tree.map(lambda a: np.broadcast_to(a, (len(devices), *np.shape(a))), tree)
        return jax.device_put(copies, rows)

    return Compiled(
        train=jax.pmap(
            functools.partial(train, axis=AXIS),
            AXIS,
            in_axes=(0, 0, None),
            donate_argnums=0,
            devices=every,
        ),
        evaluate=jax.pmap(evaluate, AXIS, in_axes=(0, 0, None), devices=every),
        look=jax.pmap(functools.partial(look_step, task=task), AXIS, devices=every),
        answer=jax.pmap(functools.partial(answer_step, task=task), AXIS, devices=every),
        place=place,
        fetch=jax_utils.unreplicate,
        put=put,
        scalars=lambda tree: jax.device_get(jax_utils.unreplicate(tree)),
        rows=lambda found: _joined(jax.device_get(found)),
        devices=devices,
    )


def _joined(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """[devices, B / devices, ...] -> [B, ...]."""
    joined: dict[str, np.ndarray] = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), dict(found))
    return joined


def _of_all(devices: Sequence[jax.Device]) -> list[jax.Device]:
    """As many devices of every process as there are in `devices`, which are this one's."""
    if not machines.here().several:
        return list(devices)
    own: dict[int, list[jax.Device]] = {}
    for device in jax.devices():
        own.setdefault(device.process_index, []).append(device)
    return [device for process in sorted(own) for device in own[process][: len(devices)]]


def _of_several(compiled: Compiled, parallel: str) -> Compiled:
    """The same steps, whose arrays lie on the devices of several processes."""

    def own(tree: _Tree) -> _Tree:  # a copy, from a device of this process
        copies = jax.tree.map(lambda a: np.asarray(a.addressable_data(0)), tree)
        return jax.tree.map(lambda a: a[0], copies) if parallel == "pmap" else copies

    def rows(found: Mapping[str, Array]) -> dict[str, np.ndarray]:
        host = multihost_utils.process_allgather(dict(found), tiled=True)
        return _joined(host) if parallel == "pmap" else host

    return dataclasses.replace(compiled, fetch=own, scalars=lambda tree: own(dict(tree)), rows=rows)


def everywhere(index: Array | np.ndarray) -> np.ndarray:
    """Which examples a batch holds, in all processes; -1 = filler."""
    several = machines.here().several
    found = multihost_utils.process_allgather(index, tiled=True) if several else index
    return np.asarray(jax.device_get(found)).reshape(-1)


def _by_mesh(task: tasks.Task, train: _Train, devices: Sequence[jax.Device]) -> Compiled:
    evaluate = functools.partial(eval_step, task=task, axis=None)
    every = _of_all(devices)
    mesh = jax.make_mesh((len(every),), (AXIS,), (AxisType.Auto,), devices=every)
    same = NamedSharding(mesh, PartitionSpec())

    def put(batch: Mapping[str, np.ndarray], axis: int) -> OnDevices:
        rows = NamedSharding(mesh, PartitionSpec(*[None] * axis, AXIS))
        for value in batch.values():
            check_rows(value.shape[axis], len(devices))
        return {
            key: jax.make_array_from_process_local_data(rows, value) for key, value in batch.items()
        }

    def place(tree: _Tree) -> _Tree:
        if machines.here().several:
            copy = functools.partial(jax.make_array_from_process_local_data, same)
            return jax.tree.map(lambda a: copy(np.asarray(a), np.shape(a)), tree)
        return jax.device_put(tree, same)

    return Compiled(
        train=jax.jit(functools.partial(train, axis=None), donate_argnums=0, out_shardings=same),
        evaluate=jax.jit(evaluate, out_shardings=same),
        look=jax.jit(functools.partial(look_step, task=task), out_shardings=same),
        answer=jax.jit(functools.partial(answer_step, task=task), out_shardings=same),
        place=place,
        fetch=jax.device_get,  # what is written must not hang on these devices
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
