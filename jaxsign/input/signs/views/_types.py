"""What a view is, and what it may tell besides: every file of this folder ends with one."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from jaxsign.input import windows
from jaxsign.input.signs import signon_films
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.rows import Rows

if TYPE_CHECKING:
    import jax

Array = TypeVar("Array", np.ndarray, "jax.Array")
ViewFunction = Callable[[Clip | np.ndarray], np.ndarray]


class StreamedView(Protocol):
    """A view's form for streams: every row of frames that have been."""

    def push(self, new: Rows) -> Rows:
        """The rows of the net's input that these frames complete."""

    def finish(self) -> Rows:
        """The rows that waited for frames that will not come."""


def _keeps_frames(clip: Clip, **_: Any) -> None:
    return None


def _finished(x: np.ndarray, **_: Any) -> np.ndarray:
    return x


def _knows_all(clip: Clip | np.ndarray, **_: Any) -> str:
    return ""


def _of_no_generation(**_: Any) -> str:
    return ""


def _by_no_shape(**_: Any) -> bool:
    return False


def _fits_nothing(clips: Iterable[Clip | np.ndarray], **_: Any) -> dict[str, Any]:
    return {}


def _hands_unknown(x: np.ndarray) -> None:
    return None


def _anything_detected(clip: Clip, **_: Any) -> np.ndarray:
    return np.isfinite(clip.landmarks[..., 0]).any(1)


@dataclasses.dataclass(frozen=True)
class View:
    """What a file of this folder tells of its view, as its `VIEW`.

    `make`, `frames`, `fit`, `visible`, `assumes`, `by_shape`, `generation` take the view's options
    by name, and all but `make` pass over those that they do not use.

    Attributes:
        make: a clip, or what is stored of one -> float32 [T, ...]. Its keywords are the options.
        length: frames of all that it gives, where what it takes has always as many; 0 = any.
        data: keys of a recipe's section `data` that tell options of the view -> these options.
        early: options under which `make` gives an earlier stage, which augmentation may take.
        finish: that stage -> what `make` gives under the view's own options.
        frames: clip -> the frames behind the view; None (the default) = those of the clip.
        fit: clips of a training set -> the options that only they can tell; none by default.
        visible: clip -> bool [T], the frames in which the view sees anything; by default those with
            any landmark.
        assumes: clip -> what it takes for granted of it, which may not be so; "" by default.
        by_shape: whether it goes by the film's shape where a clip tells it; by default it does not.
        generation: 'A' or 'B', whose augmentations fit what it gives (`input.augment.signon_a` and
            `signon`); "" (the default) = it is not asked for either.
        looks_at: what it looks at of a person, of 'hand', 'face', 'pose'; nothing by default.
        hands: what is stored of a clip [T, ...] -> bool [T], the frames that show a hand; None (the
            default) = it does not tell, or not of that shape.
        streamed: its form for streams, which takes the keywords `stored` (frames are what the view
            takes of arrays, not landmarks) and `recorded_rate` (frames a second of landmarks, 0 =
            by their times) besides; None = windows go through the view whole.
        film_files: reads of films the pictures that `make` takes; None = it takes landmarks.
        portable: what `make` gives of a clip's landmarks [T, 543, 3] alone, frame by frame, written
            in the functions that the arrays' own library has (`__array_namespace__`): a deployed
            file computes it too. None = it needs more of a clip, or of numpy.
    """

    make: Callable[..., np.ndarray]
    length: int = 0
    data: Mapping[str, str] = dataclasses.field(default_factory=dict)
    early: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    finish: Callable[..., np.ndarray] = _finished
    frames: Callable[..., int | None] = _keeps_frames
    fit: Callable[..., dict[str, Any]] = _fits_nothing
    visible: Callable[..., np.ndarray] = _anything_detected
    assumes: Callable[..., str] = _knows_all
    by_shape: Callable[..., bool] = _by_no_shape
    generation: Callable[..., str] = _of_no_generation
    looks_at: tuple[str, ...] = ()
    hands: Callable[[np.ndarray], np.ndarray | None] = _hands_unknown
    streamed: Callable[..., StreamedView] | None = None
    film_files: signon_films.FilmFiles | None = None
    portable: Callable[..., Any] | None = None


@dataclasses.dataclass(frozen=True)
class BoundView:
    """A view with its options: clip -> float32 [T, ...]. It can be pickled.

    Attributes:
        view: that is bound.
        options: of it.
        length: frames that stand for a clip of any length (`windows.fixed_length`); 0 = all.
    """

    view: View
    options: Mapping[str, Any]
    length: int = 0

    def __call__(self, clip: Clip | np.ndarray) -> np.ndarray:
        """What the net takes of a clip."""
        return self._fixed(self.view.make(clip, **self.options))

    def _fixed(self, x: np.ndarray) -> np.ndarray:
        return x[windows.fixed_length(len(x), self.length)] if self.length else x

    def frames(self, clip: Clip | np.ndarray) -> int | None:
        """Frames behind the view; None = those of the clip, as of all arrays."""
        if self.length:
            return self.length
        return self.view.frames(clip, **self.options) if isinstance(clip, Clip) else None

    @property
    def name(self) -> str:
        """Of the file that defines it."""
        return self.view.make.__module__.rpartition(".")[2]

    @property
    def description(self) -> str:
        """What it makes of a clip, and its options, as its file tells."""
        module = inspect.getmodule(self.view.make)
        return f"{inspect.getdoc(module)}\n\n{inspect.getdoc(self.view.make)}"

    @property
    def stages(self) -> list["BoundView"]:
        """What `finish` takes, the latest first: all frames, and the stage before these."""
        found = [BoundView(self.view, self.options)]
        early = self.view.early
        return [*found, BoundView(self.view, {**self.options, **early})] if early else found

    def finish(self, x: np.ndarray, stage: "BoundView") -> np.ndarray:
        """From what one of `stages` gives to what this view gives."""
        same = stage.options == self.options
        return self._fixed(x if same else self.view.finish(x, **self.options))

    def fit(self, clips: Iterable[Clip | np.ndarray]) -> dict[str, Any]:
        """The options that only a training set can tell."""
        return self.view.fit(clips, **self.options)

    def assumes(self, clip: Clip | np.ndarray) -> str:
        """What it takes for granted of a clip, which may not be so; "" = nothing."""
        return self.view.assumes(clip, **self.options)

    @property
    def by_shape(self) -> bool:
        """Whether it goes by the film's shape where a clip tells it."""
        return self.view.by_shape(**self.options)

    @property
    def generation(self) -> str:
        """'A' or 'B' of SignON's points; "" = it gives others."""
        return self.view.generation(**self.options)

    def visible(self, clip: Clip) -> np.ndarray:
        """bool [T]: frames in which the view sees anything."""
        return self.view.visible(clip, **self.options)

    def hands(self, x: np.ndarray) -> np.ndarray | None:
        """bool [T]: frames of stored features [T, ...] with a hand; None = it does not tell."""
        return self.view.hands(x)

    @property
    def portable(self) -> bool:
        """Whether `of_arrays` gives what a clip gives."""
        return self.view.portable is not None and not self.length

    def of_arrays(self, landmarks: Array) -> Array:
        """What the net takes of landmarks [T, 543, 3], [T, ...], for a view that is portable."""
        if self.view.portable is None:
            raise TypeError(f"{self.view.make}: is not a function of arrays alone")
        made: Array = self.view.portable(landmarks, **self.options)
        return made

    @property
    def film_files(self) -> signon_films.FilmFiles | None:
        """Reads of films the pictures that the view takes; None = it takes landmarks."""
        return self.view.film_files

    @property
    def looks_at(self) -> tuple[str, ...]:
        """What it looks at of a person, of 'hand', 'face', 'pose'."""
        return self.view.looks_at

    @property
    def streamed(self) -> Callable[..., StreamedView] | None:
        """Its form for streams with its options, see `View`; None = it has none."""
        form = None if self.length else self.view.streamed
        return form and functools.partial(form, **self.options)
