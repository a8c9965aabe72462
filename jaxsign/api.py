"""jaxsign as a library: train a recogniser, load it, ask it; what docs/api.md shows.

The command line does the same and more; everything here works on the same run folders.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError, did_you_mean
from jaxsign.infer import asking, files
from jaxsign.infer import run as runs
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import films, landmarkers, models
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.tasks.answering import Answer
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
    display = None
    if quiet:
        from jaxsign.screen import Console

        display = log.TrainingDisplay(live=False, console=Console(quiet=True))
    return loop.train(config, workdir, display)


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
      model: the holistic landmarker's .task file, or else:
      hand, pose, face: those of single parts.
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
      workdir: what `train`, `jaxsign train` or `jaxsign import` made.
      which: 'best' or 'last', the checkpoint.
      find: finds landmarks in films, for those who ask about films.
      language: number of the language of all clips, for a run that is told it.

    Raises:
      UserError: not a run folder, no checkpoint yet, a recipe of another version, or a language
        that its net does not know.
    """
    return TrainedModel(runs.load_run(workdir, which, language), find)


class TrainedModel:
    """A trained run; made by `load`.

    Attributes:
      run: its recipe, net, variables and labels.
    """

    def __init__(self, run: runs.Run, find: films.Finder | None = None):
        self.run, self._find = run, find
        self._asker = asking.Asker(run)

    @overload
    def predict(self, asked: Question, **options: Any) -> Answer: ...

    @overload
    def predict(self, asked: list[Question], **options: Any) -> list[Answer]: ...

    def predict(self, asked: Question | list[Question], **options: Any) -> Any:
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
    def embed(self, asked: Question, output: str = "embedding") -> np.ndarray: ...

    @overload
    def embed(self, asked: list[Question], output: str = "embedding") -> list[np.ndarray]: ...

    def embed(self, asked: Question | list[Question], output: str = "embedding") -> Any:
        """What the net makes of clips on its way to an answer.

        Args:
          asked: as for `predict`.
          output: one of the net's named outputs that is an array: `embedding`; for sequences
            `encoder_output`, `ctc_log_probs`; of SignON's nets `spatial`, `temporal`, `cls`.

        Returns:
          float32 [...] of each clip; outputs over time [T', ...] without padding.

        Raises:
          UserError: no such output, or clips that the run cannot take.
        """
        known = [name for name in self.run.net.outputs if name not in ("logits", "output_valid")]
        if output not in known:
            raise UserError(
                f"output={output!r}: the net {self.run.config.net.name} has none of that name."
                f"{did_you_mean(output, known)} Known: {', '.join(known)}"
            )
        return _like(asked, [self._embedded(self._read(one), output) for one in _several(asked)])

    def _embedded(self, clip: runs.NetInput, output: str) -> np.ndarray:
        batch = self._asker.batch(clip)
        with jax.default_matmul_precision("highest"):
            found: Mapping[str, Any] = _outputs(self.run.net, self.run.variables, batch)
        made = np.asarray(found[output][0], np.float32)
        # Nets that change the number of frames tell which of theirs are real.
        if "output_valid" in found:
            return made[np.asarray(found["output_valid"][0])]
        return made[batch["valid"][0]] if made.ndim > 1 else made

    def _read(self, asked: Question) -> runs.NetInput:
        if isinstance(asked, str | Path):
            items = files.find(asked, self._find)
            if len(items) != 1:
                raise UserError(f"{asked}: holds {len(items)} clips; give one, or a list of paths")
            return files.read(items[0], self.run)
        if isinstance(asked, Clip):
            return files.of_clip(asked, self.run)
        return files.of_array(np.asarray(asked), self.run)


@functools.partial(jax.jit, static_argnums=0)
def _outputs(
    net: nets.Net, variables: Mapping[str, Any], batch: Mapping[str, jax.Array]
) -> Mapping[str, Any]:
    return nets.call(net, variables, batch)


def _several(asked: Question | list[Question]) -> list[Question]:
    return [asked] if isinstance(asked, Clip | np.ndarray | str | Path) else list(asked)


def _like(asked: Question | list[Question], found: list[T]) -> T | list[T]:
    return found[0] if isinstance(asked, Clip | np.ndarray | str | Path) else found
