"""jaxsign as a library: train a recogniser, load it, ask it; what docs/api.md shows.

The command line does the same and more; everything here works on the same run folders.
"""

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import stages
from jaxsign.errors import UserError
from jaxsign.infer import asking, clip_items, files
from jaxsign.infer import run as runs
from jaxsign.infer.embed import kinds
from jaxsign.infer.graphs import looker, sliding, teller
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import films, landmarkers, models
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.tasks.answering import Answer, Setting
from jaxsign.train import log, loop

# What a recogniser can be asked about: a recorded clip; numbers [T, ...] as its view makes them or
# its files hold them; or the path of a clip file or a film.
Question = Clip | np.ndarray | str | Path
T = TypeVar("T")


def train(
    recipe: str | ConfigDict, workdir: str | Path, *, quiet: bool = False, **keys: Any
) -> loop.TrainingResult:
    """Trains in `workdir`, or goes on with the run that it holds.

    Args:
      recipe: name of a shipped recipe or path of a file, with `:VARIANT`; or a config.
      workdir: the run folder.
      quiet: print nothing.
      **keys: numbers of the recipe by their keys: `**{"optim.lr": 3e-4}`.

    Raises:
      UserError: a mistake in the recipe or the data.
    """
    config = configs.load(recipe) if isinstance(recipe, str) else recipe
    try:
        config = configs.merged(config, keys)
    except TypeError as error:
        raise UserError(f"a value of another type than the recipe's: {error}") from error
    stages.check_taken(config, configs.flatten(keys))
    display = None
    if quiet:
        from jaxsign.screen import Console

        display = log.TrainingDisplay(live=False, console=Console(quiet=True))
    return loop.train(config, workdir, display)


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Ends a training that no more gets better; the fields are keys of the recipe's `train`.

    Attributes:
      patience: end after so many validations without a better number; from 1.
      min_delta: by how much a number must be better to count.
      monitor: one of the task's numbers, such as 'loss'; "" = the recipe's `task.monitor`.
    """

    patience: int
    min_delta: float = 0.0
    monitor: str = ""

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise UserError(f"EarlyStopping: patience={self.patience}: expected 1 or more")

    def keys(self) -> dict[str, Any]:
        """As keys of a recipe."""
        return {
            "train.early_stop": self.patience,
            "train.min_delta": self.min_delta,
            "train.stop_monitor": self.monitor,
        }


def train_model(
    recipe: str | ConfigDict,
    *,
    workdir: str | Path | None = None,
    early_stopping: EarlyStopping | None = None,
    quiet: bool = True,
    **keys: Any,
) -> float:
    """Trains a recipe; gives the best value of its monitor: an objective for a search of one's own.

    Args:
      recipe: as for `train`.
      workdir: the run folder; None = one that is removed at the end.
      early_stopping: ends the training early; None = as the recipe says.
      quiet: print nothing.
      **keys: numbers of the recipe by their keys; they hold before `early_stopping`.

    Returns:
      The best value of the recipe's `task.monitor`; NaN where no validation gave a finite one.

    Raises:
      UserError: a mistake in the recipe or the data, or a loss that is not finite.
    """
    stopping = early_stopping.keys() if early_stopping else {}
    with tempfile.TemporaryDirectory() as passing:
        result = train(recipe, workdir or passing, quiet=quiet, **{**stopping, **keys})
    return result.best


def finder(
    model: str | Path | None = None,
    *,
    hand: str | Path | None = None,
    pose: str | Path | None = None,
    face: str | Path | None = None,
    settings: ExtractionSettings | None = None,
) -> films.Finder:
    """What finds landmarks in films: MediaPipe with model files that lie on this machine.

    Args:
      model: the holistic landmarker's .task file, or else those of single parts:
      hand: of hands.
      pose: of the body.
      face: of the face.
      settings: which frames are kept, and how they are shown; None = all of them.

    Raises:
      UserError: files that cannot be used, or none.
    """
    paths = {"holistic": model, "hand": hand, "pose": pose, "face": face}
    given = models.check({kind: str(path) if path else None for kind, path in paths.items()})
    chosen = settings or ExtractionSettings()
    return films.Finder(functools.partial(landmarkers.create, given, chosen), chosen)


def extract(film: str | Path, find: films.Finder) -> Clip:
    """The landmarks of a film.

    Raises:
      UserError: it cannot be read.
    """
    return find(Path(film))


def load(
    workdir: str | Path,
    which: str = "best",
    find: films.Finder | None = None,
    *,
    language: int | None = None,
) -> "TrainedModel":
    """A trained run, ready to be asked.

    Args:
      workdir: what `train`, `jaxsign train` or `jaxsign import` made, or `model:NAME` (`jaxsign
        models` lists those that come with the package).
      which: 'best' or 'last', the checkpoint.
      find: finds landmarks in films, for those who ask about films.
      language: number of the language of all clips, for a run that is told it.

    Raises:
      UserError: not a run folder, no checkpoint yet, a recipe of another version, or a language
        that its net does not know.
    """
    return TrainedModel(runs.load_run(workdir, which, language), find)


def load_graphs(
    workdir: str | Path,
    detector: str | Path | None = None,
    *,
    which: str = "best",
    window: int = 2,
    constraint: str | None = None,
    live: bool = False,
) -> teller.GraphTeller:
    """A trained run of relations, ready to tell of films frame by frame.

    Args:
      workdir: its folder.
      detector: the run folder or the file of the detector that finds boxes; None = it is asked
        about stored scenes.
      which: 'best' or 'last', the checkpoint.
      window: frames that relations are told from, the last of them the frame itself.
      constraint: which relations of a pair are told: with, semi, no; None = with.
      live: a frame is told as soon as it comes (the first one with the second, where `window` is
        above 1), as of a camera; else several are looked at together, which is faster.

    Raises:
      UserError: a run that tells no relations, or a detector of other classes than it has learnt.
    """
    run = runs.load_run(workdir, which)
    batch, chunk = (1, 1) if live else (8, 4)
    asked = {"constraint": constraint}
    follower = sliding.FrameFollower(run, window=window, batch=batch, asked=asked)
    looks = None if detector is None else looker.opened(run, Path(detector), chunk=chunk)
    return teller.GraphTeller(follower, looks)


class TrainedModel:
    """A trained run; made by `load`.

    Attributes:
      run: its recipe, net, variables and labels.
    """

    def __init__(self, run: runs.Run, find: films.Finder | None = None):
        self.run, self._find = run, find
        self._asker = asking.Asker(run)

    @overload
    def predict(self, asked: Question, **options: Setting) -> Answer: ...

    @overload
    def predict(self, asked: list[Question], **options: Setting) -> list[Answer]: ...

    def predict(self, asked: Question | list[Question], **options: Setting) -> Any:
        """What is signed: an answer, or one for each of several clips.

        Args:
          asked: a clip or a list of clips; longer ones than the run takes are cut.
          **options: of the run's task: `mode`, `beam`, `n_best` ... where it decodes sequences.

        Returns:
          Answers with `line()`, `text(name)` and `json()`.

        Raises:
          UserError: clips that the run cannot take, or options that its task does not have.
        """
        answerer = self.run.task.answerer(self.run, options)
        clips = [self._read(one) for one in _several(asked)]
        found = self._asker.answers(clips, min(32, len(clips) or 1), answerer=answerer)
        self._asker.doubts.tell()
        return _like(asked, found)

    @overload
    def embed(
        self, asked: Question, output: str = "embedding", *, window: int = 0, stride: int = 0
    ) -> np.ndarray: ...

    @overload
    def embed(
        self, asked: list[Question], output: str = "embedding", *, window: int = 0, stride: int = 0
    ) -> list[np.ndarray]: ...

    def embed(
        self,
        asked: Question | list[Question],
        output: str = "embedding",
        *,
        window: int = 0,
        stride: int = 0,
    ) -> Any:
        """What the net makes of clips on its way to an answer, as `jaxsign embed`.

        Args:
          asked: as for `predict`.
          output: one of the net's named outputs: `embedding`; of SignON's nets `spatial`,
            `temporal`, `cls`; `logits`, `probabilities`; for sequences `encoder_output`,
            `ctc_log_probs`.
          window: frames of a window; 0 = clips are taken whole.
          stride: frames from one window's start to the next one's; 0 = `window`.

        Returns:
          float32 [...] of each clip; outputs over time [T', ...] without padding; with windows
          [windows, ...], NaN where a shorter one has no frames.

        Raises:
          UserError: no such output, or clips that the run cannot take.
        """
        embedder = kinds.Embedder(self._asker, output, window=window, stride=stride)
        clips = [self._read(one) for one in _several(asked)]
        found = embedder(clips, min(32, len(clips) or 1))
        self._asker.doubts.tell()
        return _like(asked, found)

    def _read(self, asked: Question) -> runs.NetInput:
        if isinstance(asked, str | Path):
            items = clip_items.find(asked, self._find, view=self.run.view)
            if len(items) != 1:
                raise UserError(f"{asked}: holds {len(items)} clips; give one, or a list of paths")
            return files.read(items[0], self.run)
        if isinstance(asked, Clip):
            return files.of_clip(asked, self.run)
        return files.of_array(np.asarray(asked), self.run)


def _several(asked: Question | list[Question]) -> list[Question]:
    return [asked] if isinstance(asked, Clip | np.ndarray | str | Path) else list(asked)


def _like(asked: Question | list[Question], found: list[T]) -> T | list[T]:
    return found[0] if isinstance(asked, Clip | np.ndarray | str | Path) else found
