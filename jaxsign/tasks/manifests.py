"""manifest.json of a run folder: what made the run, and how far it came."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jaxsign import reading, run_files
from jaxsign.errors import UserError
from jaxsign.input import traits
from jaxsign.whole import write_json

# Entries of other programs' checkpoints that are kept as they are.
KEPT = ("train_acc", "manifest", "config", "jaxsign", "hyper_parameters")


@dataclasses.dataclass(frozen=True)
class Origin:
    """The file of another program that the weights come from, and what it says of itself.

    Attributes:
      file, sha256: where it lay, and of its bytes.
      epoch, best_metric: that it tells; None = it does not.
      notes: what was said of it.
      backbone_sha256: of the image backbone in it that the run goes without; "" = of none.
      train_acc, manifest, config, jaxsign, hyper_parameters: its own entries of these names, as
        they are; None = absent.
    """

    file: str = ""
    sha256: str = ""
    epoch: int | None = None
    best_metric: float | None = None
    notes: tuple[str, ...] = ()
    backbone_sha256: str = ""
    train_acc: Any = None
    manifest: Any = None
    config: Any = None
    jaxsign: Any = None
    hyper_parameters: Any = None


@dataclasses.dataclass(frozen=True)
class AlsoBest:
    """The best epoch by another number, which has a checkpoint of its own."""

    epoch: int
    metric: float | None


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a run folder tells of its run; each entry may be absent, as of earlier versions.

    Attributes:
      jaxsign, packages, device: the versions that made it, and where.
      system, net: names of its recipe's parts.
      parameters: numbers in all of the net's.
      trainable_arrays: arrays of these that the stage at hand trains.
      epochs_done: of all stages.
      ended: False = it goes on where it is trained further; None = not told.
      best_epoch, best_metric: of the best checkpoint, by `monitor`.
      also_best: by other numbers, which are its keys.
      monitor, monitor_column: the number that chooses, and its column of metrics.csv.
      train_examples, val_examples: how many.
      trained_on: what is usual of the training examples.
      paired, together: as of `jaxsign.input.examples.PairCounts`; None = they have no pairs.
      started, written: ISO 8601.
      imported: set where its weights come from another program.
    """

    jaxsign: str = ""
    system: str = ""
    net: str = ""
    device: str = ""
    packages: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parameters: int | None = None
    trainable_arrays: int | None = None
    epochs_done: int | None = None
    ended: bool | None = None
    best_epoch: int | None = None
    best_metric: float | None = None
    also_best: Mapping[str, AlsoBest] = dataclasses.field(default_factory=dict)
    monitor: str = ""
    monitor_column: str = ""
    train_examples: int | None = None
    val_examples: int | None = None
    trained_on: traits.Usual = dataclasses.field(default_factory=dict)
    paired: Sequence[int] | None = None
    together: Sequence[Sequence[int]] | None = None
    started: str = ""
    written: str = ""
    imported: Origin | None = None


def read(workdir: Path) -> Manifest:
    """What a run's manifest.json tells; nothing where there is none.

    Raises:
      UserError: it is damaged, or was edited.
    """
    path = workdir / run_files.MANIFEST
    if not path.is_file():
        return Manifest()
    try:
        return _manifest(dict(reading.read_json(path)))
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UserError(
            f"{path}: not what a run writes ({error}). Remove it (the run answers without), or let "
            "`jaxsign train` with this --workdir write it anew"
        ) from error


def write(workdir: Path, manifest: Manifest) -> None:
    """Writes manifest.json; what is not known, and what is no number, is left out."""
    told = _known(manifest)
    if manifest.imported is not None:
        told["imported"] = _known(manifest.imported)
    told["also_best"] = {name: _known(best) for name, best in manifest.also_best.items()}
    write_json(workdir / run_files.MANIFEST, told)


def _known(entry: Manifest | Origin | AlsoBest) -> dict[str, Any]:
    return {
        name: value
        for name, value in dataclasses.asdict(entry).items()
        if value not in (None, "", {}, ())
        and not (isinstance(value, float) and not math.isfinite(value))
    }


def _manifest(told: Mapping[str, Any]) -> Manifest:
    imported = told.get("imported")
    return Manifest(
        jaxsign=_text(told, "jaxsign"),
        system=_text(told, "system"),
        net=_text(told, "net"),
        device=_text(told, "device"),
        packages={str(name): str(version) for name, version in told.get("packages", {}).items()},
        parameters=_number(told, "parameters", int),
        trainable_arrays=_number(told, "trainable_arrays", int),
        epochs_done=_number(told, "epochs_done", int),
        ended=None if told.get("ended") is None else bool(told["ended"]),
        best_epoch=_number(told, "best_epoch", int),
        best_metric=_number(told, "best_metric", float),
        also_best={
            str(name): AlsoBest(_number(one, "epoch", int) or 0, _number(one, "metric", float))
            for name, one in told.get("also_best", {}).items()
        },
        # The second names are those of imports by earlier versions.
        monitor=_text(told, "monitor") or _text(told, "metric"),
        monitor_column=_text(told, "monitor_column"),
        train_examples=_number(told, "train_examples", int),
        val_examples=_number(told, "val_examples", int),
        trained_on=_trained_on(told),
        paired=told.get("paired"),
        together=told.get("together"),
        started=_text(told, "started"),
        written=_text(told, "written") or _text(told, "created"),
        imported=None if imported is None else _origin(imported),
    )


def _origin(told: Mapping[str, Any]) -> Origin:
    return Origin(
        file=_text(told, "file"),
        sha256=_text(told, "sha256"),
        epoch=_number(told, "epoch", int),
        best_metric=_number(told, "best_metric", float),
        notes=tuple(map(str, told.get("notes", ()))),
        backbone_sha256=_text(told, "backbone_sha256"),
        **{name: told.get(name) for name in KEPT},
    )


def _trained_on(told: Mapping[str, Any]) -> traits.Usual:
    try:
        return traits.read_usual(told.get("trained_on", {}))
    except ValueError as error:
        raise ValueError(f"trained_on: {error}") from error


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, found {value!r:.40}")
    return value


_Kind = TypeVar("_Kind", int, float)


def _number(told: Mapping[str, Any], name: str, kind: type[_Kind]) -> _Kind | None:
    """A finite number, or None."""
    value = told.get(name)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: expected a number, found {value!r:.40}")
    return kind(value)
