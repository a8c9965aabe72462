"""A chain in its folder: each run trained to its end, from the best weights of the one before.

The folder's manifest.json tells its runs, in order, which of them have ended, and with which
recipe: one that has is not opened again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import chains
from jaxsign import config as configs
from jaxsign.errors import UserError, listing
from jaxsign.train import commands, log, setup


def train(config: ConfigDict, workdir: str, display: log.TrainingDisplay, going_on: str) -> int:
    """Trains the runs of a recipe's chain, or goes on with them.

    Args:
      config: the recipe.
      workdir: folder of the chain.
      display: shows how far it is.
      going_on: the command that goes on.

    Returns:
      The exit status.

    Raises:
      UserError: the folder holds another thing, or a run cannot be trained, also one to come.
    """
    links, folder = chains.resolve(config), Path(workdir)
    ended = {one.run: one.recipe for one in chains.begun(folder, links) if one.ended}
    _check(links, folder, ended)
    if not commands.train_all(_rows(links, folder, {*ended}, display), display, going_on):
        return 130
    display.say(f"next: jaxsign evaluate --workdir {folder / links[-1].folder}")
    return 0


def _check(
    links: Sequence[chains.Link], folder: Path, ended: Mapping[str, Mapping[str, object]]
) -> None:
    """Refuses another recipe of a run that has ended, and mistakes in one that has not begun."""
    for link in links:
        place = folder / link.folder
        if link.folder in ended:
            _check_unchanged(_flat(link), ended[link.folder], place)
        elif link.number > 1 and not place.exists():
            setup.try_out(link.config, place)


def _rows(
    links: Sequence[chains.Link], folder: Path, ended: set[str], display: log.TrainingDisplay
) -> "Iterator[commands.Row]":
    """What is left to train. A run has ended when the next row is asked for."""
    before = None
    for link in links:
        what, place = f"run {link.number} of {len(links)}: {link.name}", folder / link.folder
        if link.folder in ended:
            display.say(f"{what} has ended, in {place}")
        else:
            _record(links, folder, ended)
            yield what, place, link.behind(before) if before else link.config
            ended.add(link.folder)
        before = place
    _record(links, folder, ended)


def _record(links: Sequence[chains.Link], folder: Path, ended: set[str]) -> None:
    rows = [chains.Recorded(link.folder, link.folder in ended, _flat(link)) for link in links]
    chains.record(folder, rows)


def _flat(link: chains.Link) -> dict[str, object]:
    """The recipe as JSON holds it."""
    found: dict[str, object] = json.loads(json.dumps(configs.flatten(link.config)))
    return found


def _check_unchanged(now: Mapping[str, object], then: Mapping[str, object], place: Path) -> None:
    """Keys that came in a later version, and those that are no matter once it has ended, pass."""
    different = [
        f"{key}: {then[key]!r} there, {now[key]!r} now"
        for key in sorted({*now} & {*then})
        if now[key] != then[key] and (key.startswith("train.") or not configs.changeable(key))
    ]
    if different:
        raise UserError(
            f"{place} has ended, and the runs behind it start from it; these keys differ:\n"
            f"{listing(different)}\nRepeat that run's settings, or choose another --workdir."
        )
