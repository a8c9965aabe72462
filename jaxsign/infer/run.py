"""A trained run, ready to answer: everything comes from its run folder."""

import dataclasses
import functools
import math
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign import shipped, stages, tasks, telling
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.input import traits
from jaxsign.input.signs import views
from jaxsign.input.signs.clip import Clip
from jaxsign.tasks import answering
from jaxsign.train import trained

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class NetInput:
    """One input of the net, in its view's layout.

    Attributes:
      x: float32 [T, D] features, or uint8 [T, H, W, 3] frames.
      valid: bool [T], True = frame that counts.
      about: traits of the clip that it was made of, as far as they are known.
    """

    x: Array
    valid: Array
    about: traits.Traits = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Run(answering.Trained):
    """A loaded run: what its folder says, and how it takes clips.

    Attributes:
      language: of clips that do not tell theirs; None = they are refused where the net needs it.
        Its films' shape is that of clips that tell no frame size.
    """

    language: int | None = None

    @functools.cached_property
    def task(self) -> tasks.Task:
        """What was learned, which answers."""
        return tasks.build(self.config, self.net)

    @functools.cached_property
    def max_length(self) -> int | None:
        """Most frames of a clip that are used: the recipe's and the net's; None = no limit."""
        limits = [int(self.config.input.max_length), self.net.max_frames]
        return min((limit for limit in limits if limit > 0), default=None)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads in the recipe's order."""
        return tuple(self.config.task.heads)

    @property
    def input_dim(self) -> int:
        """Numbers a frame that the net takes."""
        return math.prod(self.net.frame_shape)

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame of features as the net takes it."""
        return self.net.frame_shape

    @property
    def takes_nan(self) -> bool:
        """True if NaN means an absent point to the net."""
        return self.net.takes_nan

    @property
    def takes_frames(self) -> bool:
        """True if the net can start from images uint8 [T, H, W, 3]."""
        return any(part.inside(self.variables) for part in self.net.optional_parts)

    @functools.cached_property
    def view(self) -> views.View | None:
        """Recorded clip -> float32 [T, D]; None where the net takes stored features as they are."""
        config, aspects = self.config, self.config.data.aspect
        if self.language is not None and len(aspects) > 1:
            config = ConfigDict(config.to_dict())
            config.data.aspect = (aspects[self.language],)
        return views.of_recipe(config)

    def images(self, x: Array) -> bool:
        """Whether x [T, ...] are images [T, H, W, 3], not features."""
        return x.ndim == 4 and x.shape[1:] != self.frame_shape

    def features(self, value: Clip | Array) -> Array:
        """What a source holds -> what the net takes, as in training.

        Args:
          value: a recorded clip; or stored keypoints or features float [T, D], or images
            uint8 [T, H, W, 3].
        """
        if isinstance(value, np.ndarray) and self._as_stored(value):
            return value
        assert self.view is not None, "who reads clips refuses them where there is no view"
        if text := self.view.assumes(value):
            telling.once("%s", text)
        made = self.view(value)
        return made if self.view.film_files else np.asarray(made, np.float32)

    def _as_stored(self, value: Array) -> bool:
        """Whether the net takes an array as it is: images may stand in for a view's features."""
        view = self.view
        return view is None or (view.film_files is None and self.images(value))

    def cut(self, x: Array) -> Array:
        """The first `max_length` frames of x [T, ...]."""
        return x[: self.max_length]

    def check(self, x: Array, name: str) -> None:
        """Refuses features [T, ...] that the net does not take.

        Raises:
          UserError: a frame of another shape, or one that is infinite.
        """
        images = self.images(x)
        if x.dtype.kind == "f" and np.isinf(x).any():
            frame = int(np.isinf(x).reshape(len(x), -1).any(axis=1).argmax())
            raise UserError(
                f"{name}: frame {frame} holds infinite numbers; expected finite ones"
                f"{', or NaN for what was not detected' if self.takes_nan else ''}. Extract or "
                "record it again"
            )
        if x.shape[1:] == self.frame_shape or (images and self.takes_frames):
            return
        found = f"{' x '.join(map(str, x.shape[1:]))} numbers a frame"
        wanted = " x ".join(map(str, self.frame_shape))
        raise UserError(
            f"{name}: {'images' if images else found}, but this run's net takes {wanted} numbers a "
            f"frame. Give clips that its view ({self.config.view.name or 'none'}) makes that of."
        )


def load_run(
    workdir: str | Path, which: str = "best", language: int | None = None, *, advice: str = ""
) -> Run:
    """Loads a run folder.

    Args:
      workdir: what `jaxsign train` or `jaxsign import` made, or `model:NAME`.
      which: 'best', 'last', or another of `checkpoint.load_variables`.
      language: number of the language of clips that do not tell theirs.
      advice: what to do about a damaged checkpoint; "" = take the other one.

    Raises:
      UserError: not a run folder, no checkpoint yet, a recipe of another version, a damaged
        manifest, or a language that its net does not know.
    """
    workdir = Path(shipped.resolved(str(workdir)))
    run_folder.check(workdir)
    found = trained.load(workdir, which, advice)
    _check_language(found.config, language, workdir)
    run = Run(
        workdir=workdir,
        which=which,
        config=found.config,
        labels=found.labels,
        net=found.net,
        variables=found.variables,
        info=found.info,
        language=language,
    )
    _tell_unfinished(run)
    return run


def _tell_unfinished(run: Run) -> None:
    """Warns where a run has not been trained to its end: it may come to answer better."""
    if run.manifest.ended is False:  # runs of earlier versions do not tell
        telling.once(
            "%s: not trained to its end yet (%s of %d epochs); what it knew by epoch %d answers.",
            run.workdir,
            run.manifest.epochs_done,
            stages.epochs(run.config),
            run.info["epoch"],
        )


def _check_language(config: ConfigDict, language: int | None, workdir: Path) -> None:
    """Refuses a language that neither the net nor the data know."""
    folders = max(len(config.data.parts), len(config.data.aspect))
    known = int(config.net.get("languages", 0)) or (folders if folders > 1 else 0)
    if language is None or 0 <= language < known:
        return
    cure = f"Give 0 to {known - 1}" if known else "It answers without: leave it out"
    raise UserError(f"--language {language}: {workdir} knows {known or 'no'} languages. {cure}.")
