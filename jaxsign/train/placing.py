"""How functions are compiled for devices, and how arrays get there and back.

In one of three ways: `jit` on one device; `pmap` on several; or `jit` over a mesh with the batch
sharded. The task and its net know of none of them.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import jax
import numpy as np
from flax import jax_utils
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxsign import machines
from jaxsign.errors import UserError

Array = jax.Array
AXIS = "devices"
OnDevices = Mapping[str, Array | np.ndarray]  # a batch where the programs find it
_Tree = TypeVar("_Tree")


class Placing(Protocol):
    """Brings a tree of arrays to the devices, or a copy of it from there."""

    def __call__(self, tree: _Tree, /) -> _Tree: ...


class Fetching(Protocol):
    """Brings arrays by name from the devices."""

    def __call__(self, found: Mapping[str, Array], /) -> dict[str, np.ndarray]: ...


class Compiling(Protocol):
    """Compiles a function (variables, batch), or (state, batch, rates), for the devices.

    Args:
      rates: it takes them, the same ones on all devices.
      donate: it gives the buffers of its first argument away.
    """

    def __call__(
        self, function: Callable[..., object], /, *, rates: bool = False, donate: bool = False
    ) -> jax.stages.Wrapped: ...


@dataclasses.dataclass(frozen=True)
class Placement:
    """Devices of this process, and as many in every other one.

    Attributes:
      devices: those of this process.
      axis: name of the mapped axis of all of them; None = functions see whole batches.
      compiled: compiles for them.
      place: a host state, or variables -> the form that the programs take.
      fetch: a state on the devices -> one copy.
      put: a host batch (training: [A, B, ...], else: [B, ...]) -> devices; second argument: which
        axis holds the rows.
      scalars: what is the same on all devices -> numpy on the host.
      rows: arrays [B, ...] -> numpy, the rows of all devices and hosts.
    """

    devices: Sequence[jax.Device]
    axis: str | None
    compiled: Compiling
    place: Placing
    fetch: Placing
    put: Callable[[Mapping[str, np.ndarray], int], OnDevices]
    scalars: Fetching
    rows: Fetching

    def put_train(self, batch: Mapping[str, np.ndarray]) -> OnDevices:
        """Sends a training batch [A, B, ...] to the devices."""
        return self.put(batch, 1)

    def put_eval(self, batch: Mapping[str, np.ndarray]) -> OnDevices:
        """Sends an evaluation batch [B, ...] to the devices."""
        return self.put(batch, 0)


def on(devices: Sequence[jax.Device] | None = None, parallel: str = "pmap") -> Placement:
    """The placement on `devices` of this process (default: all)."""
    devices = list(devices or jax.local_devices())
    several = machines.here().several
    if len(devices) == 1 and not several:
        return _on_one(devices)
    found = (_by_pmap if parallel == "pmap" else _by_mesh)(devices)
    return _of_several(found) if several else found


def _on_one(devices: Sequence[jax.Device]) -> Placement:
    return Placement(
        devices=devices,
        axis=None,
        compiled=_jitted,
        place=lambda state: jax.device_put(state, devices[0]),
        fetch=lambda state: state,
        put=lambda batch, _: jax.device_put(dict(batch), devices[0]),
        scalars=jax.device_get,
        rows=jax.device_get,
    )


def _jitted(
    function: Callable[..., object], /, *, rates: bool = False, donate: bool = False
) -> jax.stages.Wrapped:
    return jax.jit(function, donate_argnums=0 if donate else ())


def _by_pmap(devices: Sequence[jax.Device]) -> Placement:
    every = _of_all(devices)
    mesh = jax.make_mesh((len(devices),), (AXIS,), (AxisType.Auto,), devices=devices)
    rows = NamedSharding(mesh, PartitionSpec(AXIS))

    def compiled(
        function: Callable[..., object], /, *, rates: bool = False, donate: bool = False
    ) -> jax.stages.Wrapped:
        axes = (0, 0, None) if rates else 0
        donated = 0 if donate else ()
        return jax.pmap(function, AXIS, in_axes=axes, donate_argnums=donated, devices=every)

    def put(batch: Mapping[str, np.ndarray], axis: int) -> OnDevices:
        split = {key: _split(value, axis, len(devices)) for key, value in batch.items()}
        # With several processes pmap takes each one's own rows from the host.
        return split if machines.here().several else jax.device_put(split, rows)

    def place(tree: _Tree) -> _Tree:
        # As the step gives it back: placed otherwise, the second step would compile once more.
        copies = jax.tree.map(lambda a: np.broadcast_to(a, (len(devices), *np.shape(a))), tree)
        return jax.device_put(copies, rows)

    return Placement(
        devices=devices,
        axis=AXIS,
        compiled=compiled,
        place=place,
        fetch=jax_utils.unreplicate,
        put=put,
        scalars=lambda tree: jax.device_get(jax_utils.unreplicate(tree)),
        rows=lambda found: _joined(jax.device_get(found)),
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


def _by_mesh(devices: Sequence[jax.Device]) -> Placement:
    every = _of_all(devices)
    mesh = jax.make_mesh((len(every),), (AXIS,), (AxisType.Auto,), devices=every)
    same = NamedSharding(mesh, PartitionSpec())

    def compiled(
        function: Callable[..., object], /, *, rates: bool = False, donate: bool = False
    ) -> jax.stages.Wrapped:
        return jax.jit(function, donate_argnums=0 if donate else (), out_shardings=same)

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

    return Placement(
        devices=devices,
        axis=None,
        compiled=compiled,
        place=place,
        fetch=jax.device_get,  # what is written must not hang on these devices
        put=put,
        scalars=jax.device_get,
        rows=jax.device_get,
    )


def _of_several(one: Placement) -> Placement:
    """The same, where arrays lie on the devices of several processes."""

    def own(tree: _Tree) -> _Tree:  # a copy, from a device of this process
        copies = jax.tree.map(lambda a: np.asarray(a.addressable_data(0)), tree)
        return jax.tree.map(lambda a: a[0], copies) if one.axis else copies

    def rows(found: Mapping[str, Array]) -> dict[str, np.ndarray]:
        host = multihost_utils.process_allgather(dict(found), tiled=True)
        return _joined(host) if one.axis else host

    return dataclasses.replace(one, fetch=own, scalars=lambda tree: own(dict(tree)), rows=rows)


def everywhere(index: Array | np.ndarray) -> np.ndarray:
    """Which examples a batch holds, in all processes; -1 = filler."""
    several = machines.here().several
    found = multihost_utils.process_allgather(index, tiled=True) if several else index
    return np.asarray(jax.device_get(found)).reshape(-1)


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
