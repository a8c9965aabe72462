"""Models that come with the package: run folders that every verb takes by name, `model:NAME`."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean, listing

PREFIX = "model:"
FOLDER = Path(__file__).resolve().parent / "models"
ABOUT = "model.json"  # in a model's run folder
_MEND = "In a clone: git checkout {}. Else install jaxsign again from where it came from"


@dataclasses.dataclass(frozen=True)
class MeasuredAccuracy:
    """How often a model was right.

    Attributes:
      on: the clips that it was asked about, and what of them it had not seen.
      right, count: of the clips.
    """

    on: str
    right: int
    count: int


@dataclasses.dataclass(frozen=True)
class ShippedModel:
    """What a model says of itself, in its `model.json`.

    Attributes:
      folder: its run folder, called by its name.
      knows: what it tells.
      takes: what it is asked about.
      recipe: that made it.
      licence: of the weights and of the data; its README.md says more.
      parameters: numbers in its net.
      measured: on clips that it has not learnt.
      files: path in its folder -> sha256, of all files but this one.
    """

    folder: Path
    knows: str
    takes: str
    recipe: str
    licence: str
    parameters: int
    measured: tuple[MeasuredAccuracy, ...]
    files: Mapping[str, str]

    @property
    def word(self) -> str:
        """What a command line calls it."""
        return PREFIX + self.folder.name

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum((self.folder / file).stat().st_size for file in self.files)


def names(among: Path = FOLDER) -> list[str]:
    """The names of all models, the folders in `among`."""
    return sorted(path.name for path in among.glob("*") if path.is_dir())


def read(name: str, among: Path = FOLDER) -> ShippedModel:
    """What a model says of itself, once its files are found whole.

    Args:
      name: behind `model:`.
      among: the folder of all models.

    Raises:
      UserError: there is no such model, or a file of it is damaged.
    """
    if name not in (known := names(among)):
        raise UserError(
            f"{PREFIX}{name}: no model of this name comes with jaxsign.{did_you_mean(name, known)} "
            f"Known: {', '.join(PREFIX + one for one in known) or 'none'} (`jaxsign models`)"
        )
    path = among / name / ABOUT
    mend = _MEND.format(path.parent)
    reading.check(path, mend)
    try:
        model = _parsed(path.parent, reading.read_json(path))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path}: this file of {PREFIX}{name} is damaged ({error!r}). {mend}"
        ) from error
    if wrong := [
        f"{model.folder / file}: {found}"
        for file, digest in model.files.items()
        if (found := _problem(model.folder / file, digest))
    ]:
        raise UserError(f"{model.word} is damaged:\n{listing(wrong, 5)}\n{mend}")
    return model


def _parsed(folder: Path, value: Mapping[str, Any]) -> ShippedModel:
    measured = tuple(MeasuredAccuracy(**one) for one in value["measured"])
    files = {str(file): str(digest) for file, digest in value["files"].items()}
    return ShippedModel(folder, **{**value, "measured": measured, "files": files})


def _problem(path: Path, digest: str) -> str:
    """What is wrong with a file; "" = nothing."""
    if told := reading.problem(path):
        return told
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found == digest:
        return ""
    return f"{len(content):,} bytes of sha256 {found[:12]}..., expected sha256 {digest[:12]}..."


def digests(folder: Path) -> dict[str, str]:
    """Path -> sha256 of all files of a model's folder but its `model.json`."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ABOUT)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def resolved(workdir: str) -> str:
    """The run folder of a model that is called by its name; any other word as it is.

    Raises:
      UserError: as `read`.
    """
    if not is_name(workdir):
        return workdir
    return str(read(workdir.removeprefix(PREFIX)).folder)


def is_name(word: str) -> bool:
    """Whether a word calls a model, one that there is or not."""
    return word.startswith(PREFIX)


def is_one(workdir: str | Path) -> bool:
    """Whether a run folder, or the name of one, is a model of the package."""
    return is_name(str(workdir)) or FOLDER in Path(workdir).resolve().parents


def refuse_writing(workdir: str | Path, advice: str) -> None:
    """Refuses a model as a place to write to.

    Args:
      workdir: a run folder, or the name of a model.
      advice: a sentence on what to give instead.

    Raises:
      UserError: it is a model.
    """
    if is_one(workdir):
        raise UserError(f"{workdir}: comes with jaxsign and is only read. {advice}")
