"""The weights of a run, from its checkpoints: all that who asks it needs of them."""

from pathlib import Path

import jax
import numpy as np

from jaxsign import nets, run_files, shipped
from jaxsign.errors import UserError
from jaxsign.tasks.answering import CheckpointInfo
from jaxsign.train import by_path, digests, stored

FROZEN = "frozen"
_ALSO = "best-"  # before the name of a number


def load_variables(
    workdir: str | Path, which: str = "best", advice: str = ""
) -> tuple[nets.Variables, CheckpointInfo]:
    """The variables of a run's checkpoint, as numpy arrays, and its info.

    Another process may be training the run.

    Args:
      workdir: the run folder.
      which: `best`, `last`, the epoch of one that was kept, such as `30`, or `best-NUMBER`, the
        best epoch by a number of `checkpoint.also_best`.
      advice: what to do about a damaged one; "" = take the other one.

    Raises:
      UserError: no such checkpoint yet, or a damaged one.
    """
    if not Path(workdir).is_dir():
        raise UserError(f"{workdir}: no such folder. Expected a run folder.")
    known = _known(Path(workdir).resolve() / run_files.CHECKPOINTS)
    if which not in ("best", "last", *known) and not which.isdecimal():
        raise UserError(
            f"checkpoint {which!r}: {workdir} has none of that name. Expected best, last"
            + "".join(f", {name}" for name in known)
        )
    folder = _folder(Path(workdir).resolve(), which)
    while True:
        before = stored.numbers(folder)
        number = present(_number(folder, which), workdir, which)
        try:
            return _load(folder, number, which, advice)
        except UserError:
            # A training deletes one as the next is complete.
            if stored.numbers(folder) == before:
                raise


def _known(folder: Path) -> list[str]:
    """Checkpoints beside `best` and `last`."""
    kept = [str(number) for number in sorted(stored.numbers(folder / "kept"))]
    return [*sorted(path.name for path in folder.glob(f"{_ALSO}*")), *kept]


def _number(folder: Path, which: str) -> int | None:
    if which.isdecimal():
        return int(which) if (folder / which).is_dir() else None
    return stored.latest(folder)


def present(number: int | None, workdir: str | Path, which: str) -> int:
    """The number of a checkpoint.

    Raises:
      UserError: there is none.
    """
    if number is None:
        if shipped.is_one(workdir):
            raise UserError(
                f"{workdir}: comes with jaxsign, with its best checkpoint alone. Leave --which out"
            )
        raise UserError(
            f"{workdir} holds no {which} checkpoint yet. Train it further (repeat its `jaxsign "
            "train` command), take the other one (--which), or give another run folder."
        )
    return number


def _load(
    folder: Path, number: int, which: str, advice: str
) -> tuple[nets.Variables, CheckpointInfo]:
    other = "best" if which == "last" else "last"
    if not advice and stored.latest(folder.parent / other) is not None:
        advice = f"Or take the other one: --which {other}."
    parts = ("state", "records") if which == "last" else ("variables", "info")
    found, wanted = stored.read(folder, number, parts[:1], parts[1:], advice)
    variables, told = found[parts[0]], found[parts[1]]
    if which == "last":
        params = {**by_path.flat(variables["params"]), **variables["average"]}
        variables = {"params": by_path.nested(params), **variables["collections"]}
    info = CheckpointInfo(epoch=told["epoch"])
    if "metric" in told:
        info["metric"] = told["metric"]
    whole = with_frozen(folder.parent, variables["params"], wanted)
    return jax.tree.map(_widened, {**variables, "params": whole}), info


def _widened(array: np.ndarray) -> np.ndarray:
    """An array as nets keep it: in float16 only models that come with the package are stored."""
    found = np.asarray(array)
    return found.astype(np.float32) if found.dtype == np.float16 else found


def with_frozen(folder: Path, params: nets.Tree, wanted: digests.Digests | None) -> nets.Tree:
    """The parameters with those that no stage trains, as the digests `wanted` tell them."""
    place = folder / FROZEN
    if not place.is_dir():
        digests.check(place, FROZEN, {}, wanted)
        return params
    frozen = stored.read_tree(place)
    digests.check(place, FROZEN, digests.of_arrays(FROZEN, frozen), wanted)
    return by_path.nested({**by_path.flat(params), **by_path.flat(frozen)})


def also_best(name: str) -> str:
    """What the checkpoint of the best epoch by the number `name` is called."""
    return f"{_ALSO}{name}"


def place(workdir: Path, which: str) -> Path:
    """The folder of a run's checkpoint, `which` as of `load_variables`."""
    folder = _folder(workdir, which)
    return folder / which if which.isdecimal() else folder


def _folder(workdir: Path, which: str) -> Path:
    return workdir / run_files.CHECKPOINTS / ("kept" if which.isdecimal() else which)
