"""How Orbax writes checkpoints: in folders of any name, with a digest of all that is stored."""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxsign import machines, nets
from jaxsign.train import digests, patience, stored


class Store:
    """The numbered checkpoints in one folder.

    Args:
      folder: which is made.
      most: how many are kept; None = all.
    """

    def __init__(self, folder: Path, *, most: int | None = 1):
        self._folder = folder
        options = ocp.CheckpointManagerOptions(
            enable_async_checkpointing=False,
            max_to_keep=most,
            create=False,
            multiprocessing_options=_by_itself(),
        )
        with stored.explained(folder, writing=True), contextlib.ExitStack() as opened:
            folder.mkdir(parents=True, exist_ok=True)
            place = opened.enter_context(stored.reachable(folder))
            _remove_drafts(place)
            self._manager = ocp.CheckpointManager(place, options=options)
            self._open = opened.pop_all()

    def save(
        self,
        number: int,
        arrays: Mapping[str, object],
        values: Mapping[str, object],
        beside: digests.Digests,
    ) -> None:
        """Writes a checkpoint; one that is there already stays.

        Args:
          number: of the checkpoint.
          arrays: parts that are trees of arrays.
          values: parts that are JSON-able.
          beside: digests of what lies elsewhere and is used with this one.

        Raises:
          UserError: it could not be written.
        """
        found = [digests.of_arrays(name, tree) for name, tree in arrays.items()]
        found += [digests.of_value(name, value) for name, value in values.items()]
        every = {key: value for part in (*found, beside) for key, value in part.items()}
        values = {**values, digests.PART: every}
        items = {name: ocp.args.StandardSave(tree) for name, tree in arrays.items()}
        items |= {name: ocp.args.JsonSave(value) for name, value in values.items()}
        with stored.explained(self._folder, writing=True), patience.patient():
            if number not in self._manager.all_steps():
                self._manager.save(number, args=ocp.args.Composite(**items), force=True)
                self._manager.wait_until_finished()

    def latest(self) -> int | None:
        """The number of the newest complete checkpoint."""
        return stored.latest(self._folder)

    def close(self) -> None:
        """Waits for what is being written."""
        with stored.explained(self._folder), self._open:
            self._manager.close()


def _remove_drafts(folder: Path) -> None:
    """Removes what a killed process left half written.

    The library would do so in a thread of its own, whose lines are shown whenever it comes to them.
    """
    for draft in ocp.utils.tmp_checkpoints(folder):
        shutil.rmtree(draft.get())


def restore(
    folder: Path, number: int, name: str, like: nets.Tree, advice: str = ""
) -> tuple[nets.Tree, digests.Digests | None]:
    """A part of a checkpoint in the types of `like`, on the host, and the checkpoint's digests.

    Args:
      folder, number, advice: as of `stored.read`.
      name: of the part.
      like: a tree of its shapes and types.

    Raises:
      UserError: it does not fit the shapes, or is damaged.
    """
    place = folder / str(number)
    # The library reads to the host what is on it: else it looks for the devices that wrote it.
    on_host = jax.tree.map(lambda a: np.broadcast_to(np.zeros((), a.dtype), a.shape), like)
    explained = stored.explained(place, advice=advice)
    with explained, patience.patient(), stored.reachable(folder) as opened:
        whole = opened / place.name
        with ocp.StandardCheckpointer(multiprocessing_options=_by_itself()) as checkpointer:
            found = checkpointer.restore(whole / name, on_host)
        wanted = stored.digests_of(whole)
        digests.check(place, name, digests.of_arrays(name, found), wanted, advice)
    return found, wanted


def save_tree(place: Path, tree: nets.Tree) -> None:
    """Writes a tree of arrays that has no number, in place of what is there."""
    explained = stored.explained(place, writing=True)
    with explained, patience.patient(), stored.reachable(place.parent) as parent:
        with ocp.StandardCheckpointer(multiprocessing_options=_by_itself()) as checkpointer:
            checkpointer.save(parent / place.name, tree, force=True)


def _by_itself() -> ocp.options.MultiprocessingOptions:
    """Where several processes train, each one that reads or writes does so without the others."""
    here = machines.here()
    if not here.several:
        return ocp.options.MultiprocessingOptions()
    return ocp.options.MultiprocessingOptions(
        primary_host=here.index,
        active_processes={here.index},
        barrier_sync_key_prefix=f"process-{here.index}",
    )
