"""Chains: runs that one command trains one behind the other, each from what the one before learnt.

What holds for a whole run, and so in all its stages, may change from run to run: its data, and with
them classes and widths. `config.chain` names entries of `config.link` in order. An entry changes
any key of the recipe in its own run, for example

    config.chain = "genome,easg"
    config.link = {"genome": {"data": {"train": {"path": "data/action_genome"}}},
                   "easg": {"data": {"source": "easg", "train": {"path": "data/EASG"}},
                            "train": {"epochs": 20}}}

Each run but the first starts from the best weights of the one before: of these it takes what fits
(`train.init_match=matching`, unless the entry says another thing).
"""

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxsign import reading, run_files
from jaxsign.config import flatten, merged, names
from jaxsign.errors import UserError, did_you_mean
from jaxsign.whole import write_text

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # it becomes part of a folder's


@dataclasses.dataclass(frozen=True)
class Link:
    """One run of a chain: its name, its place from 1, and its whole recipe but for the start."""

    name: str
    number: int
    config: ConfigDict

    @property
    def folder(self) -> str:
        """Name of its run folder in that of the chain."""
        return f"{self.number}-{self.name}"

    def behind(self, before: Path) -> ConfigDict:
        """The recipe that starts from the run in `before`."""
        config = ConfigDict(self.config.to_dict())
        config.train.init_from = str(before)
        return config


def resolve(config: ConfigDict) -> tuple[Link, ...]:
    """The runs of a recipe's chain; none where it has no chain.

    Raises:
      UserError: an unknown entry or key, or one that a run of a chain cannot have.
    """
    return tuple(_resolve_one(config, name, n) for n, name in enumerate(names(config.chain), 1))


def refuse(config: ConfigDict) -> None:
    """Refuses a recipe of several runs where one is asked for.

    Raises:
      UserError: it has a chain.
    """
    if config.chain:
        raise UserError(
            f"chain={config.chain!r}: this recipe is several runs. Train it with `jaxsign train`, "
            "or set chain='' for one run without the changes of `link`"
        )


@dataclasses.dataclass(frozen=True)
class Recorded:
    """What the manifest of a chain's folder tells of a run: its folder, whether it has ended.

    `recipe` is its recipe, flat.
    """

    run: str
    ended: bool
    recipe: dict[str, Any]


def record(workdir: Path, entries: Sequence[Recorded]) -> None:
    """Writes the manifest of a chain's folder."""
    workdir.mkdir(parents=True, exist_ok=True)
    value = {"chain": [dataclasses.asdict(entry) for entry in entries]}
    write_text(workdir / run_files.MANIFEST, json.dumps(value, indent=2, default=list) + "\n")


def recorded(workdir: Path) -> list[Recorded]:
    """The runs of the chain that lies in a folder, in order; none where there is no chain.

    Raises:
      UserError: its manifest is damaged.
    """
    path = workdir / run_files.MANIFEST
    if run_files.is_run(workdir) or not path.is_file():
        return []
    try:
        told = reading.read_json(path)
        if "chain" not in told:  # of a run
            return []
        return [Recorded(**entry) for entry in told["chain"]]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}: no manifest of a chain ({type(error).__name__}: {error}); it was edited or "
            "damaged. The runs beside it are whole: give one of them"
        ) from error


def check_alone(workdir: Path) -> None:
    """Refuses a folder of a chain as that of one run, or of folds.

    Raises:
      UserError: a chain lies there.
    """
    if found := recorded(workdir):
        raise UserError(
            f"--workdir {workdir} holds a chain of runs ({', '.join(one.run for one in found)}), "
            "which goes on with its own recipe. Choose another folder"
        )


def begun(workdir: Path, links: Sequence[Link]) -> list[Recorded]:
    """What is recorded in the folder where a chain shall be trained.

    Raises:
      UserError: another run lies there, or a chain whose runs that have begun are others.
    """
    if run_files.is_run(workdir):
        raise UserError(
            f"--workdir {workdir} holds a run of its own. Choose another folder for the chain"
        )
    found = recorded(workdir)
    there = [one.run for one in found if run_files.is_run(workdir / one.run)]
    wanted = [link.folder for link in links]
    if there != wanted[: len(there)]:
        raise UserError(
            f"--workdir {workdir} holds the runs {', '.join(there)}; the recipe's chain is "
            f"{', '.join(wanted)}. Choose another folder, or a chain that begins as the one there"
        )
    return found


def left(links: Sequence[Link], workdir: Path) -> list[Link]:
    """Those that have not ended in a folder."""
    ended = {one.run for one in recorded(workdir) if one.ended}
    return [link for link in links if link.folder not in ended]


def _resolve_one(config: ConfigDict, name: str, number: int) -> Link:
    if name not in config.link:
        known = list(config.link)
        raise UserError(
            f"config.chain names {name!r}, which config.link does not define."
            f"{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}"
        )
    if not _NAME.fullmatch(name):
        raise UserError(f"link.{name}: its run folder is named so: letters, digits, '_', '-', '.'")
    changes: dict[str, Any] = config.link[name].to_dict()
    for key in flatten(changes):
        if key.partition(".")[0] in ("chain", "link") or key == "train.init_from":
            raise UserError(
                f"link.{name}.{key}: a run of a chain starts from the one before it, and has no "
                "chain of its own. Leave it out"
                + ("; the first run takes train.init_from of the recipe" if number == 1 else "")
            )
    try:
        found = merged(config, changes, where=f"link.{name}")
    except TypeError as error:
        raise UserError(
            f"link.{name}: a value of another type than the recipe's: {error}"
        ) from error
    found.chain, found.link = "", ConfigDict()
    if number > 1 and "init_match" not in changes.get("train", {}):
        found.train.init_match = "matching"
    return Link(name, number, found)
