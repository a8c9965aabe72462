"""Orbax checkpoints of a run: `last` to go on from, `best` to use.

`checkpoints/last` holds the whole state, the input iterator's position and the run's records;
`checkpoints/best` holds the variables that were validated (the moving average where there is one);
`checkpoints/kept/EPOCH` the same of epochs that stay;
`checkpoints/frozen` holds, once, the parameters that no stage trains.
"""

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxsign.errors import UserError
from jaxsign.train import optimizer as optimizers
from jaxsign.train.state import TrainState


class Checkpoints:
    """The checkpoints of one run folder.

    Args:
      workdir: the run folder.
      never_trained: parameter paths that no stage of the run trains.
    """

    def __init__(self, workdir: str | Path, never_trained: tuple[str, ...] = ()):
        self._folder = Path(workdir).resolve() / "checkpoints"
        self._never = frozenset(never_trained)
        with _explained(self._folder):
            self._last = _manager(self._folder / "last")
            self._best = _manager(self._folder / "best")

    def save_last(self, number: int, state: TrainState, records: Mapping[str, Any]) -> None:
        """Saves what the run goes on from; the previous one is deleted when this one is complete.

        Args:
          number: of this save, growing over the run. Not the step: at a stage's boundary two
            different states belong to one step.
          state: one copy of the state.
          records: JSON-able: epoch, history, schedule, early stopping, iterator, sums.

        Raises:
          UserError: it could not be written (disk full, no permission).
        """
        self._save_frozen(state.params)
        state = state.replace(params=self._trained(state.params))
        arguments = ocp.args.Composite(
            state=ocp.args.StandardSave(_tree(state)), records=ocp.args.JsonSave(dict(records))
        )
        with _explained(self._folder, writing=True):
            self._last.save(number, args=arguments, force=True)
            self._last.wait_until_finished()

    def save_best(self, step: int, variables: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Saves the variables that were validated, with `info` (epoch, metric)."""
        self._save_variables(self._best, step, variables, info)

    def save_kept(self, epoch: int, variables: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Saves variables that stay, under their epoch in `checkpoints/kept`."""
        manager = _manager(self._folder / "kept", most=None)
        self._save_variables(manager, epoch, variables, info)
        manager.close()

    def _save_variables(
        self, manager: ocp.CheckpointManager, step: int, variables: Mapping[str, Any],
        info: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._save_frozen(variables["params"])
        kept = {**variables, "params": self._trained(variables["params"])}
        arguments = ocp.args.Composite(
            variables=ocp.args.StandardSave(kept), info=ocp.args.JsonSave(dict(info))
        )
        with _explained(self._folder, writing=True):
            # Written just before a kill: the repeated epoch gave the same numbers.
            if step not in manager.all_steps():
                manager.save(step, args=arguments, force=True)
                manager.wait_until_finished()

    def exists(self) -> bool:
        """Whether there is a complete `last` checkpoint to go on from."""
        return self._last.latest_step() is not None

    def has_best(self) -> bool:
        """Whether there is a complete `best` checkpoint."""
        return self._best.latest_step() is not None

    def records(self) -> dict[str, Any]:
        """The records of `last`."""
        arguments = ocp.args.Composite(records=ocp.args.JsonRestore())
        with _explained(self._folder):
            return self._last.restore(self._last.latest_step(), args=arguments)["records"]

    def restore(self, like: TrainState) -> TrainState:
        """The state of `last`, in the shapes and types of `like`.

        Raises:
          UserError: it belongs to another net or is damaged.
        """
        wanted = _tree(like.replace(params=self._trained(like.params)))
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, wanted)
        arguments = ocp.args.Composite(state=ocp.args.StandardRestore(shapes))
        with _explained(self._folder / "last"):
            found = self._last.restore(self._last.latest_step(), args=arguments)["state"]
        state = like.replace(**found)
        if not self._never:
            return state
        frozen = _restore_tree(self._folder / "frozen")
        params = {**optimizers.flat(state.params), **optimizers.flat(frozen)}
        return state.replace(params=optimizers.nested(params))

    def best_variables(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Variables and info of `best`, as `load_variables` gives them."""
        with _explained(self._folder / "best"):
            variables, info = _read_variables(self._best, self._best.latest_step())
        return _with_frozen(self._folder, variables), info

    def close(self) -> None:
        """Waits for what is being written."""
        with _explained(self._folder):
            self._last.close()
            self._best.close()

    def _trained(self, params: Mapping[str, Any]) -> Any:
        if not self._never:
            return params
        flat = optimizers.flat(params)
        return optimizers.nested({k: v for k, v in flat.items() if k not in self._never})

    def _save_frozen(self, params: Mapping[str, Any]) -> None:
        target = self._folder / "frozen"
        if not self._never or target.exists():
            return
        flat = optimizers.flat(params)
        frozen = optimizers.nested({path: flat[path] for path in sorted(self._never)})
        with _explained(target, writing=True), ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(target, frozen)


def load_variables(
    workdir: str | Path, which: str = "best"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of a run's checkpoint, as numpy arrays, and its info.

    Args:
      workdir: the run folder.
      which: `best`, `last`, or the epoch of one that was kept, such as `30`.

    Raises:
      UserError: no such checkpoint yet, or a damaged one.
    """
    folder = Path(workdir).resolve() / "checkpoints"
    kept = which.isdigit()
    if which not in ("best", "last") and not kept:
        raise UserError(f"checkpoint {which!r} must be 'best', 'last' or an epoch that was kept")
    if not Path(workdir).is_dir():
        raise UserError(f"{workdir}: no such folder. Expected a run folder.")
    place = folder / "kept" / which if kept else folder / which
    if not place.is_dir() or not any(place.iterdir()):
        raise UserError(
            f"{workdir} holds no {which} checkpoint yet. Train it further (repeat its `jaxsign "
            "train` command), take the other one (--which), or give another run folder."
        )
    with _explained(place):
        # Only to read: another process may be writing here just now.
        manager = _manager(place.parent if kept else place, read_only=True)
        step = int(which) if kept else manager.latest_step()
        variables, info = (_read_last if which == "last" else _read_variables)(manager, step)
        manager.close()
    return _with_frozen(folder, variables), info


def _read_variables(
    manager: ocp.CheckpointManager, step: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    items = {"variables": ocp.args.StandardRestore(), "info": ocp.args.JsonRestore()}
    found = manager.restore(step, args=ocp.args.Composite(**items))
    return found["variables"], dict(found["info"])


def _read_last(
    manager: ocp.CheckpointManager, step: int | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    items = {"state": ocp.args.StandardRestore(), "records": ocp.args.JsonRestore()}
    found = manager.restore(step, args=ocp.args.Composite(**items))
    state = found["state"]
    params = {**optimizers.flat(state["params"]), **(state["average"] or {})}
    return {"params": optimizers.nested(params), **state["collections"]}, dict(found["records"])


def _with_frozen(folder: Path, variables: dict[str, Any]) -> dict[str, Any]:
    """The variables with the parameters that no stage trains, as numpy arrays."""
    if (folder / "frozen").is_dir():
        frozen = optimizers.flat(_restore_tree(folder / "frozen"))
        params = {**optimizers.flat(variables["params"]), **frozen}
        variables = {**variables, "params": optimizers.nested(params)}
    return jax.tree.map(np.asarray, variables)


def save_variables(
    workdir: str | Path, variables: Mapping[str, Any], *, epoch: int, metric: float
) -> None:
    """Makes a `best` checkpoint of variables that come from elsewhere (an import)."""
    checkpoints = Checkpoints(workdir)
    checkpoints.save_best(max(epoch, 1), variables, {"epoch": epoch, "metric": metric})
    checkpoints.close()


def _manager(
    folder: Path, *, read_only: bool = False, most: int | None = 1
) -> ocp.CheckpointManager:
    if read_only:
        options = ocp.CheckpointManagerOptions(read_only=True)
    else:
        options = ocp.CheckpointManagerOptions(
            max_to_keep=most, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
    return ocp.CheckpointManager(folder, options=options)


def _tree(state: TrainState) -> dict[str, Any]:
    """The state's fields by name, which is how they are found again."""
    return {
        "step": state.step,
        "params": state.params,
        "collections": state.collections,
        "opt_state": state.opt_state,
        "average": state.average,
        "rng": state.rng,
        "loss_scale": state.loss_scale,
    }


def _restore_tree(folder: Path) -> Any:
    with _explained(folder), ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(folder)


@contextmanager
def _explained(folder: Path, *, writing: bool = False) -> Iterator[None]:
    """Turns what storage raises into one message; the last complete checkpoint stays."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # Orbax and tensorstore raise many types
        text = str(error)
        full = getattr(error, "errno", None) == errno.ENOSPC
        if full or any(word in text for word in ("No space left", "ENOSPC", "Disk quota")):
            free = shutil.disk_usage(_existing(folder)).free / 1e6
            raise UserError(
                f"{folder}: the disk is full ({free:.0f} MB free), so this checkpoint was not "
                f"written.{_previous(folder)} Free some space and repeat the command."
            ) from error
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise UserError(f"{folder}: cannot be written or read ({error})") from error
        reason = text.strip().splitlines()[0][:200] if text.strip() else type(error).__name__
        if writing:
            raise UserError(
                f"{folder}: the checkpoint could not be written ({reason}).{_previous(folder)}"
            ) from error
        raise UserError(
            f"{folder}: this checkpoint cannot be used ({reason}). It belongs to another net or is "
            "damaged: choose another run folder, or delete its checkpoints/last to start again."
        ) from error


def _previous(folder: Path) -> str:
    complete = any(place.name.isdigit() for place in (folder / "last").glob("*"))
    return " The previous one is complete." if complete else ""


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
