"""What a view is, and what it may tell besides: every file of this folder has one."""

import abc
import dataclasses
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs import signon_films
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.rows import Rows

if TYPE_CHECKING:
    import jax

Array = TypeVar("Array", np.ndarray, "jax.Array")


class StreamedView(Protocol):
    """A view's form for streams: every row of frames that have been."""

    def push(self, new: Rows) -> Rows:
        """The rows of the net's input that these frames complete."""

    def finish(self) -> Rows:
        """The rows that waited for frames that will not come."""


@dataclasses.dataclass(frozen=True)
class View(abc.ABC):
    """From a clip to what a net takes of it. It can be pickled.

    Every file of the folder has one, whose own fields are its options (`config.view`).

    Attributes:
      length: frames that stand for a clip of any length (`windows.fixed_length`); 0 = all.
      own_length: frames of all that it makes, where what it takes has always as many; 0 = any.
      data: keys of a recipe's section `data` that tell options of the view -> these options.
      looks_at: what it looks at of a person, of 'hand', 'face', 'pose'.
      film_files: reads of films the pictures that it takes; None = it takes landmarks.
      portable: whether `of_arrays` gives what a clip gives.

    Raises:
      UserError: an option of another type, or out of its range.
    """

    length: int = dataclasses.field(default=0, kw_only=True)

    own_length: ClassVar[int] = 0
    data: ClassVar[Mapping[str, str]] = {}
    looks_at: ClassVar[tuple[str, ...]] = ()
    film_files: ClassVar[signon_films.FilmFiles | None] = None

    def __post_init__(self) -> None:
        if wrong := fields.problems(type(self), self.options, "config.view."):
            raise UserError("; ".join(wrong))

    @classmethod
    def option_names(cls) -> list[str]:
        """Of what a recipe's section `view` may set."""
        return [field.name for field in dataclasses.fields(cls) if field.name != "length"]

    @property
    def options(self) -> dict[str, object]:
        """The options by name."""
        return {name: vars(self)[name] for name in self.option_names()}

    @property
    def name(self) -> str:
        """Of the file that defines it."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def description(self) -> str:
        """What it makes of a clip, and its options, as its file tells."""
        told = inspect.getdoc(sys.modules[type(self).__module__]), inspect.getdoc(type(self))
        return "\n\n".join(filter(None, told))

    @abc.abstractmethod
    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T, ...] of all frames of a clip, or of what is stored of one.

        Raises:
          UserError: an array of another shape.
        """

    def __call__(self, clip: Clip | np.ndarray) -> np.ndarray:
        """What the net takes of a clip: `make`, at the view's length."""
        return self._fixed(self.make(clip))

    def _fixed(self, x: np.ndarray) -> np.ndarray:
        return x[windows.fixed_length(len(x), self.length)] if self.length else x

    def frames(self, clip: Clip | np.ndarray) -> int | None:
        """Frames behind the view; None = those of the clip, as of all arrays."""
        if self.length:
            return self.length
        return self.made_frames(clip) if isinstance(clip, Clip) else None

    def made_frames(self, clip: Clip) -> int | None:
        """Frames of what it makes of a clip; None (the default) = those of the clip."""
        del clip
        return None

    @property
    def stages(self) -> list["View"]:
        """What `finish` takes, the latest first: all frames, and the stage before these."""
        whole, early = dataclasses.replace(self, length=0), self.early
        return [whole] if early is None else [whole, early]

    @property
    def early(self) -> "View | None":
        """An earlier stage of it, for augmentation; None (the default) = there is none."""
        return None

    def finish(self, x: np.ndarray, stage: "View") -> np.ndarray:
        """From what one of `stages` gives to what this view gives."""
        return self._fixed(self.finished(x) if stage == self.early else x)

    def finished(self, x: np.ndarray) -> np.ndarray:
        """From what `early` gives to what it makes."""
        return x

    def fit(self, clips: Iterable[Clip | np.ndarray]) -> dict[str, object]:
        """The options that only a training set's clips can tell; none by default."""
        del clips
        return {}

    def visible(self, clip: Clip) -> np.ndarray:
        """bool [T]: frames in which it sees anything; by default those with any landmark."""
        return np.isfinite(clip.landmarks[..., 0]).any(1)

    def assumes(self, clip: Clip | np.ndarray) -> str:
        """What it takes for granted of a clip, which may not be so; "" (the default) = nothing."""
        del clip
        return ""

    @property
    def rate(self) -> float:
        """Frames a second of what it makes; 0 (the default) = as recorded."""
        return 0.0

    @property
    def by_shape(self) -> bool:
        """Whether it goes by the film's shape where a clip tells it; by default it does not."""
        return False

    @property
    def convention(self) -> str:
        """'A' or 'B', the generation of SignON's points that it makes; "" (the default) = others.

        Augmentations of points fit one of them (`input.augment.signon_a` and `signon`).
        """
        return ""

    def shows_hand(self, x: np.ndarray) -> np.ndarray | None:
        """bool [T]: frames of what it makes, [T, ...], with a hand.

        None (the default) = it does not tell, or not of that shape.
        """
        del x
        return None

    def streamed(self, *, stored: bool, recorded_rate: float) -> StreamedView | None:
        """Its form for streams; None (the default) = windows go through the view whole.

        Args:
          stored: frames are what the view takes of arrays, not landmarks.
          recorded_rate: frames a second of landmarks; 0 = by their times.
        """
        del stored, recorded_rate
        return None

    @property
    def portable(self) -> bool:
        """By default it is not: it needs more of a clip, or of numpy."""
        return False

    def of_arrays(self, landmarks: Array) -> Array:
        """What it makes of landmarks [T, 543, 3] alone, frame by frame, where it is portable.

        It is written in the functions that the arrays' own library has (`__array_namespace__`): a
        deployed file computes it too.

        Raises:
          TypeError: it is not portable.
        """
        raise TypeError(f"{self.name}: is not a function of arrays [{len(landmarks)}, ...] alone")
