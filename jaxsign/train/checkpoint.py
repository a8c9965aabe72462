"""The checkpoints of a run: `last` to go on from, `best` to use.

`checkpoints/last` holds the whole state, the input iterator's position and the run's records;
`checkpoints/best` holds the variables that were validated (the moving average where there is one);
`checkpoints/best-NUMBER` the same of the best epoch by another number;
`checkpoints/kept/EPOCH` the same of epochs that stay;
`checkpoints/frozen` holds, once, the parameters that no stage trains.
Each but the last holds digests of all that is used with it; those of runs made before there were
any are used unchecked.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import nets, run_files
from jaxsign.tasks.answering import CheckpointInfo
from jaxsign.train import by_path, digests, storage, stored, weights
from jaxsign.train.state import TrainState


class Checkpoints:
    """The checkpoints of one run folder.

    Args:
      workdir: the run folder.
      never_trained: parameter paths that no stage of the run trains.

    Raises:
      UserError: the folder cannot be written.
    """

    def __init__(self, workdir: str | Path, never_trained: tuple[str, ...] = ()):
        self._workdir = Path(workdir).resolve()
        self._folder = self._workdir / run_files.CHECKPOINTS
        self._never = frozenset(never_trained)
        with contextlib.ExitStack() as opened:
            self._last = storage.Store(self._folder / "last")
            opened.callback(self._last.close)
            self._best = storage.Store(self._folder / "best")
            opened.pop_all()
        self._frozen: digests.Digests | None = None

    def save_last(self, number: int, state: TrainState, records: Mapping[str, object]) -> None:
        """Saves what the run goes on from; the previous one is deleted when this one is complete.

        Args:
          number: of this save, growing over the run. Not the step: at a stage's boundary two
            different states belong to one step.
          state: one copy of the state.
          records: JSON-able: epoch, history, schedule, early stopping, iterator, sums.

        Raises:
          UserError: it could not be written (disk full, no permission).
        """
        frozen = self._save_frozen(state.params)
        state = state.replace(params=self._trained(state.params))
        self._last.save(number, {"state": _tree(state)}, {"records": dict(records)}, frozen)

    def save_best(self, step: int, variables: nets.Variables, info: CheckpointInfo) -> None:
        """Saves the variables that were validated, with `info`."""
        self._save_variables(self._best, step, variables, info)

    def save_also_best(
        self, name: str, step: int, variables: nets.Variables, info: CheckpointInfo
    ) -> None:
        """As `save_best`, of the best epoch by the number `name`."""
        with contextlib.closing(storage.Store(self._folder / weights.also_best(name))) as store:
            self._save_variables(store, step, variables, info)

    def save_kept(self, epoch: int, variables: nets.Variables, info: CheckpointInfo) -> None:
        """Saves variables that stay, under their epoch in `checkpoints/kept`."""
        store = storage.Store(self._folder / "kept", most=None)
        with contextlib.closing(store):
            self._save_variables(store, epoch, variables, info)

    def _save_variables(
        self, store: storage.Store, step: int, variables: nets.Variables,
        info: CheckpointInfo,
    ) -> None:  # fmt: skip
        frozen = self._save_frozen(variables["params"])
        kept = {**variables, "params": self._trained(variables["params"])}
        # One that was written just before a kill stays: the repeated epoch gave the same numbers.
        store.save(step, {"variables": kept}, {"info": dict(info)}, frozen)

    def exists(self) -> bool:
        """Whether there is a complete `last` checkpoint to go on from."""
        return self._last.latest() is not None

    def has_best(self) -> bool:
        """Whether there is a complete `best` checkpoint."""
        return self._best.latest() is not None

    def has_also_best(self, name: str) -> bool:
        """Whether there is a complete one of the best epoch by the number `name`."""
        return stored.latest(self._folder / weights.also_best(name)) is not None

    def records(self) -> dict[str, Any]:
        """The records of `last`.

        Raises:
          UserError: there is none, or it is damaged.
        """
        number = weights.present(self._last.latest(), self._workdir, "last")
        found, _ = stored.read(self._folder / "last", number, (), ("records",), self._advice())
        return found["records"]

    def restore(self, like: TrainState) -> TrainState:
        """The state of `last`, in the shapes and types of `like`.

        Raises:
          UserError: it belongs to another net or is damaged.
        """
        wanted = _tree(like.replace(params=self._trained(like.params)))
        number = weights.present(self._last.latest(), self._workdir, "last")
        place = self._folder / "last"
        found, told = storage.restore(place, number, "state", wanted, self._advice())
        state = like.replace(**found)
        return state.replace(params=weights.with_frozen(self._folder, state.params, told))

    def best_variables(self) -> nets.Variables:
        """Those of `best`, as numpy arrays."""
        return weights.load_variables(self._workdir, "best")[0]

    def close(self) -> None:
        """Waits for what is being written."""
        with contextlib.closing(self._best):
            self._last.close()

    def _advice(self) -> str:
        anew = "Or train anew in another --workdir"
        if not self.has_best():
            return f"{anew}."
        return f"{anew}, from this run's best: --config.train.init_from={self._workdir}"

    def _trained(self, params: nets.Tree) -> nets.Tree:
        if not self._never:
            return params
        flat = by_path.flat(params)
        return by_path.nested({k: v for k, v in flat.items() if k not in self._never})

    def _save_frozen(self, params: nets.Tree) -> digests.Digests:
        """Saves what is never trained, once in a run; its digests."""
        if self._never and self._frozen is None:
            flat = by_path.flat(params)
            frozen = by_path.nested({path: flat[path] for path in sorted(self._never)})
            if not self.exists():  # what is there is of a run that was killed at its start
                storage.save_tree(self._folder / weights.FROZEN, frozen)
            self._frozen = digests.of_arrays(weights.FROZEN, frozen)
        return self._frozen or {}


def save_variables(
    workdir: str | Path, variables: nets.Variables, *, epoch: int, metric: float
) -> None:
    """Makes a `best` checkpoint of variables that come from elsewhere (an import)."""
    checkpoints = Checkpoints(workdir)
    try:
        checkpoints.save_best(max(epoch, 1), variables, {"epoch": epoch, "metric": metric})
    finally:
        checkpoints.close()


def _tree(state: TrainState) -> dict[str, object]:
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
