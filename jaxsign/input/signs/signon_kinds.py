"""SignON's kinds of data (`--data_kind`): where files lie, of how many points, what nets see."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError, did_you_mean

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Layout:
    """The points of a pose estimator.

    Attributes:
      folder: of its arrays, below the data's; 'FOLDER_post/joints' holds those that were cleaned.
      points: a frame; 0 = there are pictures.
      dropped: of these, the first and the end of each run that no net sees.
      dims: coordinates that a net may take; the third of others than MediaPipe is a confidence.
      size: (width, height) of the image that raw x and y are divided by.
    """

    folder: str
    points: int
    dropped: tuple[tuple[int, int], ...] = ()
    dims: tuple[int, ...] = (2,)
    size: tuple[float, float] = (1, 1)

    @functools.cached_property
    def kept(self) -> Array:
        """int [P], the points that nets see."""
        gone = [np.arange(*run) for run in self.dropped]
        return np.setdiff1d(np.arange(self.points), np.concatenate(gone or [np.zeros(0, int)]))

    def width(self, dims: int) -> int:
        """Numbers a frame that a net takes."""
        return len(self.kept) * dims

    def flat(self, points: Array, dims: int = 2) -> Array:
        """float32 [T, width] of [T, P, 3]: what nets see, point by point; NaN is 0."""
        return np.nan_to_num(self.rows(points, dims)).astype(np.float32, copy=False)

    def rows(self, points: Array, dims: int = 2) -> Array:
        """[T, width] of [T, P, 3]: the points that nets see one by one, as they are."""
        return np.ascontiguousarray(points[:, self.kept, :dims].reshape(len(points), -1))


MEDIAPIPE = Layout("mediapipe", 75, ((25, 33),), (2, 3))  # without the legs
_LAYOUTS = {
    "Mediapipe": MEDIAPIPE,
    # 25 of the body, without hips and legs, and the hands.
    "OpenPose": Layout("openpose", 67, ((8, 15), (19, 25))),
    # COCO-WholeBody without legs, feet and face.
    "MMPose": Layout("mmpose", 133, ((11, 91),), size=(960, 540)),
    "RGB": Layout("clips", 0, dims=()),
}
NAMES = (
    "Mediapipe",
    *(f"{name}_{state}" for name in tuple(_LAYOUTS)[:3] for state in ("Raw", "Cleaned")),
    "RGB_Full",
)


@dataclasses.dataclass(frozen=True)
class DataKind:
    """A value of `--data_kind`.

    Attributes:
      name: the value.
      layout: of its points.
      cleaned: its arrays are post-processed already.
      generation: 'B': the nets normalise points themselves. 'A': they take what they are given.
    """

    name: str
    layout: Layout
    cleaned: bool = False
    generation: str = "A"

    @property
    def folder(self) -> str:
        """Of its files, below the data's."""
        return f"{self.layout.folder}_post/joints" if self.cleaned else self.layout.folder

    @property
    def raw(self) -> bool:
        """Nets of generation A take its points as they were found."""
        return self.generation == "A" and not self.cleaned

    @property
    def stored(self) -> bool:
        """Its files are taken as they are, not as clips of landmarks."""
        return self.cleaned or self.layout is not MEDIAPIPE

    @property
    def free_of_nan(self) -> bool:
        """What `postprocess` made: what was not detected is a number there."""
        return self.cleaned and self.layout is MEDIAPIPE

    def points(self, stored: Array) -> Array | None:
        """What is stored of a clip, where nets take it so; None: it is to be worked on first."""
        if self.generation == "B":
            return None
        # The original divides the points of training clips alone.
        return stored / np.array([*self.layout.size, 1]) if self.raw else stored


def get(name: str) -> DataKind:
    """The kind of that name; whatever follows 'Cleaned' is the user's own.

    Raises:
      UserError: there is none.
    """
    system, _, state = name.partition("_")
    if name == "Mediapipe":
        return DataKind(name, MEDIAPIPE, generation="B")
    if name == "RGB_Full":
        return DataKind(name, _LAYOUTS["RGB"])
    if system in ("Mediapipe", "OpenPose", "MMPose") and state.startswith(("Raw", "Cleaned")):
        if state == "Raw" or state.startswith("Cleaned"):
            return DataKind(name, _LAYOUTS[system], cleaned=state != "Raw")
    raise UserError(
        f"data.kind={name!r} is unknown.{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)} "
        "(anything may follow Cleaned)"
    )


def hint(shape: Sequence[int]) -> str:
    """` 67 points are OpenPose's` ... for an array of another kind's shape, or an empty string."""
    found = [name for name, own in _LAYOUTS.items() if own.points and own.points in shape[1:2]]
    cure = f" {shape[1]} points are {found[0]}'s: set data.kind to one of its" if found else ""
    return cure
