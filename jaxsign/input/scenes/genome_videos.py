"""The videos of Action Genome that a recipe takes for a split, and files of their features."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input.scenes import action_genome, features
from jaxsign.input.scenes.features import FeatureFile
from jaxsign.input.scenes.scene import Scene

_SEED = 42
_VAL = 1  # beside the seed: of the videos that are held back


@dataclasses.dataclass(frozen=True)
class Videos:
    """The videos of a split.

    Attributes:
      folder: of the set.
      ids: their names.
      scenes: theirs, without features.
      remarks: what is to be said of them, a sentence each.
    """

    folder: Path
    ids: list[str]
    scenes: list[Scene]
    remarks: tuple[str, ...]


def of_split(data: ConfigDict, split: str, mode: str) -> Videos:
    """The videos of a split.

    Args:
      data: a recipe's `config.data`.
      split: 'train', 'val' or 'test'.
      mode: the net's; small objects may depend on it.

    Raises:
      UserError: everything that is wrong with the annotations, at once; no videos.
    """
    folder, settings = _folder(data, split), data.action_genome
    held_back = settings.val == "train" and split != "test"
    theirs: action_genome.Split = "train" if split == "train" or held_back else "test"
    without = settings.small_objects == "leave_out"
    without |= settings.small_objects == "auto" and mode != "predcls"
    found = _read(folder, _state(folder), action_genome.Options(theirs, settings.size, without))
    chosen = _drawn(len(found.scenes), data.fraction)
    if held_back:
        advice = "--config.data.action_genome.val=test"
        chosen = share_of(chosen, data.val_share, split, str(folder), advice)
    scenes = [found.scenes[i] for i in chosen]
    if not scenes:
        raise UserError(f"{folder}: holds no {theirs} video of more than two frames with a person")
    return Videos(folder, [_name(one) for one in scenes], scenes, found.remarks)


def files(videos: Videos, data: ConfigDict) -> list[FeatureFile] | None:
    """The files of the videos' features; None: there is no folder of them.

    Raises:
      UserError: everything that is wrong with them, at once.
    """
    given = data.action_genome.features
    place = Path(given or videos.folder / features.FOLDER)
    there = given or place.is_dir()
    return features.of_videos(place, videos.ids, videos.scenes) if there else None


def _folder(data: ConfigDict, split: str) -> Path:
    given = data[split].path or data.train.path
    if not given:
        raise UserError(
            "data.train.path is empty: set --config.data.train.path to the folder of Action "
            "Genome, which holds annotations/"
        )
    folder = Path(given)
    if not action_genome.recognises(folder):
        raise UserError(
            f"{folder}: is no folder of Action Genome. Expected {action_genome.PERSONS} and "
            f"{action_genome.OBJECTS} in it"
        )
    return folder


def _state(folder: Path) -> tuple[int, ...]:
    """Changes when the annotations do."""
    places = [folder / action_genome.PERSONS, folder / action_genome.OBJECTS]
    return tuple(number for one in places for number in _times(one))


def _times(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=1)  # training and the videos that it holds back come from one reading
def _read(
    folder: Path, state: tuple[int, ...], options: action_genome.Options
) -> action_genome.Read:
    return action_genome.read(folder, options)


def _drawn(count: int, fraction: int) -> np.ndarray:
    """int [n]: places of one in `fraction` of `count` videos, at least of one, in order."""
    if fraction == 1 or not count:
        return np.arange(count)
    rng = np.random.default_rng(_SEED)
    return np.sort(rng.choice(count, max(count // fraction, 1), replace=False))


def share_of(videos: np.ndarray, share: float, split: str, name: str, advice: str) -> np.ndarray:
    """Those of the videos that are held back for 'val', or for 'train' the others.

    Args:
      videos: int [n].
      share: of them, that is held back; one at least.
      split: 'train' or 'val'.
      name, advice: of the set, and what to do where none can be held back, for messages.

    Raises:
      UserError: there are too few, or the share is 0.
    """
    if not share or len(videos) < 2:
        raise UserError(
            f"{name}: data.val_share={share:g} of {len(videos)} training videos leaves none to "
            f"validate on. Set it above 0, or {advice}"
        )
    count = min(max(round(share * len(videos)), 1), len(videos) - 1)
    back = np.zeros(len(videos), bool)
    back[np.random.default_rng([_SEED, _VAL]).choice(len(videos), count, replace=False)] = True
    return videos[back if split == "val" else ~back]


def _name(scene: Scene) -> str:
    return scene.frames[0].split("/")[0]
