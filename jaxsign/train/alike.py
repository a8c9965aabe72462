"""What all processes of a training must have alike, and what the first one gives the others."""

import hashlib
import time
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import machines, run_files, runtime
from jaxsign.errors import UserError
from jaxsign.input.examples import Examples
from jaxsign.train import setup

_Tree = TypeVar("_Tree")
_TRIED = 3  # examples whose content is compared, and the first one
_BLOCKS = 16  # of names and sizes: which of them differs is told
_AT_ONCE = 1 << 28  # bytes of a state that are sent at once
# Folders that machines share may show a new file to the others as late as this, in seconds.
_LATE = 90.0


def check(run: setup.TrainingRun, *, goes_on: bool) -> None:
    """Refuses processes that do not train the same run on the same data.

    Raises:
      UserError: names what differs.
    """
    here = run.machines
    if not here.several:
        return
    if run.config.log.profile:
        raise UserError(
            "log.profile: a trace is of one process. Train a few steps in one, or leave it out"
        )
    here.agree({
        "--workdir": str(run.workdir),
        "the run folder": "holds a run" if goes_on else "is new",
        **{f"package {name}": version for name, version in runtime.packages().items()},
        "devices": f"{len(run.devices)} x {run.devices[0].device_kind}",
        **{f"config.{key}": repr(value) for key, value in configs.flatten(run.config).items()},
        **_of_examples("training", run.train, run.config),
        **_of_examples("validation", run.val, run.config),
    })  # fmt: skip


def _of_examples(what: str, examples: Examples, config: ConfigDict) -> dict[str, str]:
    """What tells examples from others: how many, names, sizes, classes; of a few the content."""
    count, names, sizes = len(examples), list(examples.ids), np.asarray(examples.sizes)
    found = {
        f"{what} examples": str(count),
        f"labels of {what} examples": _digest(examples.truths()),
    }
    for head, classes in examples.class_names(config).items():
        found[f"{head} classes of {what} examples"] = _digest(list(classes))
    step = -(-count // _BLOCKS)
    for first in range(0, count, step):
        block = slice(first, first + step)
        key = f"names and sizes of {what} examples {first + 1} to {min(first + step, count)}"
        found[key] = _digest((names[block], sizes[block].tolist()))
    for i in sorted({round(i * (count - 1) / _TRIED) for i in range(_TRIED + 1)}):
        for name, value in examples.example(i).items():
            found[f"{name} of {what} example {names[i]}"] = _summary(value)
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _summary(value: object) -> str:
    """Type, shape and size of an array; not its bits, in which kinds of processors may differ."""
    array = np.asarray(value)
    text = f"{array.dtype} {list(array.shape)}"
    if not np.issubdtype(array.dtype, np.number):
        return f"{text} {_digest(array.tolist())}"
    return f"{text}, sum of sizes {np.nansum(np.abs(array), dtype=np.float64):.4g}"


def check_shared(run: setup.TrainingRun, late: float = _LATE) -> None:
    """Refuses a run folder that the others do not share with the first process.

    Args:
      run: claimed by the first one.
      late: seconds in which they must see that.

    Raises:
      UserError: says who does not see it.
    """
    here = run.machines
    here.gather(None)  # it is written by now
    end = time.monotonic() + late
    while not (seen := run_files.is_run(run.workdir)) and time.monotonic() < end:
        time.sleep(0.5)
    blind = [name for name, sees in zip(here.names, here.gather(seen), strict=True) if not sees]
    if blind:
        raise UserError(
            f"--workdir {run.workdir}: {', '.join(blind)} does not see what process 0 wrote there. "
            "Expected a folder on storage that all machines share"
        )


def as_first(here: machines.Machines, tree: _Tree) -> _Tree:
    """The arrays of the first process, on the host; those of the others give shapes and types."""
    if not here.several:
        return tree
    leaves, structure = jax.tree.flatten(jax.device_get(tree))
    found, waiting, size = [], [], 0
    for leaf in leaves:
        waiting.append(leaf)
        size += np.asarray(leaf).nbytes
        if size >= _AT_ONCE:
            found += multihost_utils.broadcast_one_to_all(waiting)
            waiting, size = [], 0
    found += multihost_utils.broadcast_one_to_all(waiting)
    made: _Tree = jax.tree.unflatten(structure, found)
    return made
