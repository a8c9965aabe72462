"""75 points of pose and hands: the input of SignON's recognisers, in both of its conventions.

Order: 33 pose points, 21 of the left hand, 21 of the right hand. y is scaled to the unit of x, a
part's missing frames are imputed from its neighbours, and a part that was never seen is 0.
Generation A then normalises each frame here; generation B's nets do so themselves, with
`normalise_in_model` and `features`, which the view applies unless it is asked for points.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from jaxsign import fields
from jaxsign.input.signs import signon_kinds
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.clip import LEFT_HAND, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views import _signon_checks
from jaxsign.input.signs.views._types import View

POINTS = 75
PARTS = (slice(0, 33), slice(33, 54), slice(54, 75))
HANDS = (33, 54)  # wrists; the middle finger's MCP is 9 further on
GENERATIONS, OUTPUTS = _signon_checks.GENERATIONS, _signon_checks.OUTPUTS
_ROWS = np.r_[POSE, LEFT_HAND, RIGHT_HAND]
_COLUMNS = (3 * _ROWS + np.arange(3)[:, None]).ravel()


@dataclasses.dataclass(frozen=True)
class SignonView(View):
    """The recogniser's input.

    It takes T frames of a clip, or points float [T, 75, 3] as MediaPipe gives them (NaN = absent).
    It makes float32 [T, 134], or [T, 201] of three coordinates, [T, 108] of OpenPose, [T, 106] of
    MMPose, finite; or float32 [T, 75, 3], [T, 67, 3], [T, 133, 3].

    Attributes:
      generation: 'A': body in shoulder widths around the chest, each hand in its own size around
        its wrist. 'B': the newer nets' own normalisation. '': that of `kind`, or 'B'.
      dims: 2 = x and y, 3 = z too (generation A alone).
      output: 'features', flat; or 'points', which augmentation takes: [T, 75, 3], normalised in
        generation A, scaled and imputed in generation B.
      aspect: height / width of the image; 0 = by the clip's frame size, or else `films`.
      kind: of data, as SignON's --data_kind; arrays are then what such a file stores. '' = points
        as MediaPipe gives them.
      films: height / width of each training folder's films (data.aspect); the first one is that of
        clips that tell no frame size; () = 1.
    """

    generation: str = fields.value("", fields.among("", *GENERATIONS))
    dims: int = fields.value(2, fields.Rule(lambda v: v in (2, 3), "2, or 3 with generation A"))
    output: str = fields.value("features", fields.among(*OUTPUTS))
    aspect: float = fields.value(0.0, fields.NOT_NEGATIVE)
    kind: str = ""
    films: tuple[float, ...] = ()

    data: ClassVar = {"kind": "kind", "dims": "dims", "aspect": "films"}
    looks_at = ("hand", "pose")

    def __post_init__(self) -> None:
        super().__post_init__()
        _signon_checks.check_options(self._told, self.convention, self.dims)

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T, D], or points [T, P, 3].

        Raises:
          UserError: an array of another shape, or a clip of another kind of data.
        """
        _signon_checks.check_points(clip, self._told)
        ready = self._told.points(clip) if isinstance(clip, np.ndarray) else None
        points = points75(clip) if ready is None else ready
        if ready is None and not self._told.raw:
            points = filled(points, self.aspect or _aspect(clip, self.films))
            if self.convention == "A":
                points = normalise(points)
        return self.finished(points.astype(np.float32))

    @property
    def early(self) -> View:
        """The points."""
        return dataclasses.replace(self, output="points", length=0)

    def finished(self, x: np.ndarray) -> np.ndarray:
        """What it makes of its own points, float32 [T, P, 3]; NaN among them is 0."""
        if self.output == "points":
            return x
        if self.convention == "A":
            return self._told.layout.flat(x, self.dims)
        return features(np.nan_to_num(x))

    def assumes(self, clip: Clip | np.ndarray) -> str:
        """The shape of the films, where nothing tells it, or which of several it is."""
        known = self.aspect or (isinstance(clip, Clip) and all(clip.frame_size))
        if known or self._told.raw or (self._told.cleaned and isinstance(clip, np.ndarray)):
            return ""
        if len(set(self.films)) > 1:
            return (
                f"nothing tells which of the shapes data.aspect={self.films} these films have: the "
                f"first, {self.films[0]:g}, is taken. Give the language (--language N), or clips "
                "that tell their frame size, as extract makes them"
            )
        if self.films:
            return ""
        return (
            "nothing tells the shape of the films: x and y are taken to have one unit. Give height "
            "/ width: data.aspect of data.source=signon, or view.aspect, such as 0.5625 of 1920 x "
            "1080"
        )

    @property
    def convention(self) -> str:
        """'A' or 'B': the option, or that of the kind of data."""
        return self.generation or self._told.generation

    @property
    def _told(self) -> signon_kinds.DataKind:
        return signon_kinds.get(self.kind or "Mediapipe")


def postprocess(clip: Clip | np.ndarray, aspect: float = 0.0) -> np.ndarray:
    """float64 [T, 75, 3], as the original's function of that name makes for generation A.

    Args:
      clip, aspect: as `SignonView`.
    """
    return normalise(filled(points75(clip), aspect or _aspect(clip)))


def filled(points: np.ndarray, aspect: float) -> np.ndarray:
    """float64 [T, 75, 3]: scaled and imputed; a part that was never seen is 0."""
    # float64 as the original's, whose thresholds and means of 75 points are made in it.
    points = impute(rescale(points, aspect))
    points[np.isnan(points)] = 0
    return points


def points75(clip: Clip | np.ndarray) -> np.ndarray:
    """float64 [T, 75, 3] of a clip: pose, left hand, right hand; NaN = absent, z 0 = unknown."""
    if not isinstance(clip, Clip):
        return np.asarray(clip, np.float64)
    # In memory the points lie side by side, coordinate by coordinate: means over points are faster.
    flat = clip.landmarks.reshape(len(clip), -1)[:, _COLUMNS].astype(np.float64)
    x, y, z = flat.reshape(-1, 3, POINTS).swapaxes(0, 1)
    # Points of sources without depth are not absent.
    z[np.isnan(z) & ~np.isnan(x) & ~np.isnan(y)] = 0
    return flat.reshape(-1, 3, POINTS).swapaxes(1, 2)


def rescale(points: np.ndarray, aspect: float) -> np.ndarray:
    """A copy in which y has the unit of x: times `aspect`, height / width of the image."""
    scaled = points.copy(order="K")
    scaled[..., 1] *= aspect
    return scaled


def impute(points: np.ndarray) -> np.ndarray:
    """Fills the frames that miss a part: on the line between its neighbours, or from the only one.

    A part is missing in a frame if any of its coordinates is. A part that no frame shows whole is
    that of the last frame everywhere, as in the original.

    Args:
      points: float [T, 75, 3]; changed in place.

    Returns:
      `points`.
    """
    for part in PARTS:
        missing = np.flatnonzero(np.isnan(points[:, part]).any(axis=(1, 2)))
        if not len(missing):
            continue
        before, after = neighbours(missing, len(points) - 1)
        # Without a neighbour on one side both are the other one; index -1 is the last frame.
        start, end = np.where(before < 0, after, before), np.where(after < 0, before, after)
        way = np.where(end > start, (missing - start) / np.maximum(end - start, 1), 0)
        way = way[:, None, None]
        first, second = points[start, part], points[end, part]
        points[missing, part] = np.where(way > 0, (1 - way) * first + way * second, first)
    return points


def neighbours(missing: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest frames before and after each missing one that are not missing; -1 = none.

    Args:
      missing: int [M], frames in order.
      last: number of the clip's last frame.
    """
    seen = np.ones(last + 1, bool)
    seen[missing] = False
    before, after = presence.neighbours(seen)
    return before[missing], np.where(after > last, -1, after)[missing]


def normalise(points: np.ndarray) -> np.ndarray:
    """Generation A's normalisation of each frame.

    The body in shoulder widths around the chest; then each hand around its wrist in distances from
    there to its middle finger's MCP. A frame of zeros stays; so does a hand of equal points: one
    that was never seen ends where the body's shift took it.

    Args:
      points: float [T, 75, 3] without NaN.

    Returns:
      A new array.
    """
    shoulders, hips = points[:, 11:13].mean(axis=1), points[:, 23:25].mean(axis=1)
    shown = np.asarray(points != 0).any(axis=(1, 2), keepdims=True)
    chest = np.where(shown, ((shoulders + hips) / 2)[:, None], 0)
    moved = (points - chest) * _inverse(points[:, 11] - points[:, 12])
    for wrist in HANDS:
        hand = moved[:, wrist : wrist + 21]
        spread = hand.var(axis=1).sum(axis=-1)
        around = (hand - hand[:, :1]) * _inverse(hand[:, 9] - hand[:, 0])
        moved[:, wrist : wrist + 21] = np.where((spread > 1e-8)[:, None, None], around, hand)
    return moved


def _length(way: np.ndarray) -> np.ndarray:
    """[T, 1, 1] of vectors [T, 3]."""
    return np.sqrt((way * way).sum(axis=-1))[:, None, None]


def _inverse(way: np.ndarray) -> np.ndarray:
    """1 / length as [T, 1, 1]; 1 where the length is 0."""
    length = _length(way)
    return 1 / np.where(length == 0, 1, length)


def normalise_in_model(points: np.ndarray) -> np.ndarray:
    """Generation B's normalisation of each frame: no guard, so distances of 0 give NaN or infinity.

    The body in shoulder widths around the middle of the shoulders, each hand around its wrist in
    distances from there to its middle finger's MCP.

    Args:
      points: float32 [T, 75, 3].

    Returns:
      A new array.
    """
    neck = (points[:, 11:12] + points[:, 12:13]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        made = (points - neck) / _length(points[:, 11] - points[:, 12])
        for part, wrist in zip(PARTS[1:], HANDS, strict=True):
            # Of the points as the body's size left them: without a body there is no hand either.
            hand = made[:, part] - made[:, wrist : wrist + 1]
            made[:, part] = hand / _length(hand[:, 9])
    return made


def features(points: np.ndarray, *, missing: str = "zero") -> np.ndarray:
    """Generation B's features: x and y of body (without legs) and hands, normalised.

    Args:
      points: float32 [T, 75, 3] without NaN.
      missing: 'zero': a frame whose shoulders coincide is missing and all 0, a hand without size is
        0. 'upstream': NaN and infinity stay where a distance is 0.

    Returns:
      float32 [T, 134].
    """
    made = normalise_in_model(points)
    if missing == "zero":
        made[~(points[:, 11] - points[:, 12]).any(axis=-1)] = 0
        for part in PARTS[1:]:
            made[~np.isfinite(made[:, part]).all(axis=(1, 2)), part] = 0
    return signon_kinds.MEDIAPIPE.rows(made)


def _aspect(clip: Clip | np.ndarray, films: tuple[float, ...] = ()) -> float:
    width, height = clip.frame_size if isinstance(clip, Clip) else (0, 0)
    return height / width if width and height else (*films, 1.0)[0]


VIEW = SignonView
