"""How checkpoints lie on disk: Orbax in folders of any name, a digest of all that is stored."""

import contextlib
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxsign import machines, nets
from jaxsign.errors import UserError
from jaxsign.train import digests, patience
from jaxsign.whole import is_full

# The part of a checkpoint that holds the digests of the others.
_DIGESTS = "digests"
# What the library takes for patterns, separators or a cloud's address, and what is no UTF-8.
_SPECIAL = re.compile(r"[][*?\\:\ud800-\udfff]")
_OPEN_FOLDERS = Path("/proc/self/fd")


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
        with explained(folder, writing=True), contextlib.ExitStack() as opened:
            folder.mkdir(parents=True, exist_ok=True)
            place = opened.enter_context(_reachable(folder))
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
        values = {**values, _DIGESTS: {k: v for part in (*found, beside) for k, v in part.items()}}
        items = {name: ocp.args.StandardSave(tree) for name, tree in arrays.items()}
        items |= {name: ocp.args.JsonSave(value) for name, value in values.items()}
        with explained(self._folder, writing=True), patience.patient():
            if number not in self._manager.all_steps():
                self._manager.save(number, args=ocp.args.Composite(**items), force=True)
                self._manager.wait_until_finished()

    def latest(self) -> int | None:
        """The number of the newest complete checkpoint."""
        return latest(self._folder)

    def close(self) -> None:
        """Waits for what is being written."""
        with explained(self._folder), self._open:
            self._manager.close()


def _remove_drafts(folder: Path) -> None:
    """Removes what a killed process left half written.

    The library would do so in a thread of its own, whose lines are shown whenever it comes to them.
    """
    for draft in ocp.utils.tmp_checkpoints(folder):
        shutil.rmtree(draft.get())


def read(
    folder: Path,
    number: int,
    arrays: Mapping[str, object],
    values: Collection[str] = (),
    advice: str = "",
) -> tuple[dict[str, Any], digests.Digests | None]:
    """Parts of a checkpoint, on the host, and its digests; None where it was made without.

    Nothing is changed: another process may be writing there just now.

    Args:
      folder: of the checkpoints.
      number: of the checkpoint.
      arrays: parts that are trees of arrays, with trees of their shapes and types; None = as they
        are stored.
      values: parts that are JSON.
      advice: a sentence on what to do without it.

    Raises:
      UserError: it does not fit the shapes, or is damaged.
    """
    place = folder / str(number)
    signed = (place / _DIGESTS).is_dir()
    texts = [*values, *([_DIGESTS] if signed else [])]
    items: dict[str, ocp.args.CheckpointArgs] = {name: ocp.args.JsonRestore() for name in texts}
    with explained(place, advice=advice), patience.patient(), _reachable(folder) as reachable:
        whole = reachable / place.name
        for name, like in arrays.items():
            items[name] = ocp.args.StandardRestore(_on_host(whole / name, like))
        with _reader() as reader:
            found = dict(reader.restore(whole, ocp.args.Composite(**items)))
        stored = dict(found.pop(_DIGESTS)) if signed else None
        for name in arrays:
            digests.check(place, name, digests.of_arrays(name, found[name]), stored, advice)
        for name in values:
            digests.check(place, name, digests.of_value(name, found[name]), stored, advice)
    return found, stored


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


def _reader() -> ocp.Checkpointer:
    options = _by_itself()
    composite = ocp.CompositeOptions(multiprocessing_options=options)
    handler = ocp.CompositeCheckpointHandler(composite_options=composite)
    return ocp.Checkpointer(handler, multiprocessing_options=options)


def _on_host(place: Path, like: object) -> Any:
    """What has the library read arrays to the host: it would look for the devices that wrote them.

    Args:
      place: of the part.
      like: a tree of their shapes and types; None = as they are stored.
    """
    if like is None:
        handler = ocp.StandardCheckpointHandler(multiprocessing_options=_by_itself())
        like = handler.metadata(place).tree
    return jax.tree.map(lambda a: np.broadcast_to(np.zeros((), a.dtype), a.shape), like)


def latest(folder: Path) -> int | None:
    """The number of the newest complete checkpoint in a folder; None where there is none."""
    return max(numbers(folder), default=None)


def numbers(folder: Path) -> set[int]:
    """The numbers of the checkpoints in a folder."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return {int(name) for name in names if name.isdecimal()}


def save_tree(place: Path, tree: nets.Tree) -> None:
    """Writes a tree of arrays that has no number, in place of what is there."""
    with explained(place, writing=True), patience.patient(), _reachable(place.parent) as parent:
        with ocp.StandardCheckpointer(multiprocessing_options=_by_itself()) as checkpointer:
            checkpointer.save(parent / place.name, tree, force=True)


def read_tree(place: Path) -> nets.Tree:
    """What `save_tree` wrote."""
    with explained(place), patience.patient(), _reachable(place.parent) as parent:
        with ocp.StandardCheckpointer(multiprocessing_options=_by_itself()) as checkpointer:
            whole = parent / place.name
            return checkpointer.restore(whole, _on_host(whole, None))


@contextlib.contextmanager
def _reachable(folder: Path) -> Iterator[Path]:
    """A name of `folder` that the checkpoint library takes for nothing but a name.

    Raises:
      UserError: there is none on this system.
    """
    if not _SPECIAL.search(str(folder)):
        yield folder
        return
    if not _OPEN_FOLDERS.is_dir():
        raise UserError(
            f"{str(folder)!r}: checkpoints cannot be kept under this name on this system. Choose a "
            r"folder whose path has none of [ ] * ? \ :"
        )
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield _OPEN_FOLDERS / str(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def explained(place: Path, *, writing: bool = False, advice: str = "") -> Iterator[None]:
    """Turns what storage raises into one message; the last complete checkpoint stays.

    What the library logs besides is not shown, also where this is a part of another program.
    """
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # Orbax and tensorstore raise many types
        raise UserError(_explanation(place, error, writing, advice).rstrip()) from error
    finally:
        log.setLevel(before)


def _explanation(place: Path, error: Exception, writing: bool, advice: str) -> str:
    text = str(error)
    if is_full(error) or any(word in text for word in ("No space left", "ENOSPC", "Disk quota")):
        free = shutil.disk_usage(_existing(place)).free / 1e6
        return (
            f"{place}: the disk is full ({free:.0f} MB free), so this checkpoint was not written."
            f"{_previous(place)} Free some space and repeat the command."
        )
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return f"{place}: cannot be written or read ({error.strerror or error})"
    reason = text.strip().splitlines()[0][:200] if text.strip() else type(error).__name__
    if writing:
        return f"{place}: the checkpoint could not be written ({reason}).{_previous(place)}"
    return (
        f"{place}: this checkpoint cannot be used ({reason}). It is damaged, or belongs to another "
        f"net than config.json says. {advice}"
    )


def _previous(folder: Path) -> str:
    return "" if latest(folder) is None else " The previous one is complete."


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
