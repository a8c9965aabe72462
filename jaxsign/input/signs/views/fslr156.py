"""78 keypoints as 156 numbers: the keypoint layout of fslr-transformer-vs-iv3gru.

Order: 25 pose points, 21 of the left hand, 21 of the right hand, 11 of the face; number 2k is x and
2k + 1 is y of keypoint k, as fractions of the image.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from jaxsign import fields, local_hands, telling
from jaxsign.errors import UserError
from jaxsign.input.signs import clean
from jaxsign.input.signs import keypoints as body
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views._types import View

DIM = 156
KEYPOINTS = 78
POSE_POINTS = tuple(range(25))
# Nose tip, outer eyes L/R, inner eyes L/R, mouth corners L/R, eyebrows L/R, chin, nose bridge.
FACE_POINTS = (1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4)
SHOULDERS = (11, 12)
ORDER = "pose25,left_hand21,right_hand21,face11"
NORMALISE = ("none", "shoulders")
HANDS = local_hands.HANDS
# The keypoints of each part.
PARTS = {
    "pose": slice(0, len(POSE_POINTS)),
    "left_hand": body.LEFT_HAND,
    "right_hand": body.RIGHT_HAND,
    "face": body.FACE,
}
# Of the image's width; stands in for the shoulder distance where no frame shows both shoulders.
USUAL_SHOULDERS = 0.25

# Rows of the 543 landmarks that the keypoints are.
ROWS = np.r_[
    POSE.start + np.asarray(POSE_POINTS),
    np.arange(LEFT_HAND.start, LEFT_HAND.stop),
    np.arange(RIGHT_HAND.start, RIGHT_HAND.stop),
    FACE.start + np.asarray(FACE_POINTS),
]
_COLUMNS = (3 * ROWS[:, None] + (0, 1)).ravel()
_HANDS = slice(2 * len(POSE_POINTS), 2 * (len(POSE_POINTS) + 42))


def raw_keypoints(clip: Clip, confidence: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """The 78 points as detected: no interpolation, no clipping.

    A pose point is visible from `confidence` up and keeps its place below it; points of the hands
    and the face are visible wherever they were detected; absent points are (0, 0).

    Returns:
        (x float32 [T, 156], visible bool [T, 78]).
    """
    # Several times as fast as picking rows and then x and y.
    x = clip.landmarks.reshape(len(clip), -1)[:, _COLUMNS]
    visible = ~(np.isnan(x[:, ::2]) | np.isnan(x[:, 1::2]))
    x[np.repeat(~visible, 2, axis=1)] = 0
    if clip.visibility is not None:
        visible[:, : len(POSE_POINTS)] &= clip.visibility[:, POSE_POINTS] >= confidence
    return x, visible


def keypoints(
    clip: Clip, *, confidence: float = 0.5, max_gap: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """The 78 points with gaps of at most `max_gap` frames bridged, clipped to [0, 1].

    Returns:
        (x float32 [T, 156] in [0, 1], visible bool [T, 78]).
    """
    x, visible = clean.interpolate_gaps(*raw_keypoints(clip, confidence), max_gap)
    return np.clip(x, 0, 1, out=x), visible


@dataclasses.dataclass(frozen=True)
class Fslr156View(View):
    """The recogniser's input.

    It takes T frames of a clip, or keypoints float [T, 156] that were stored in image fractions
    (absent points 0, 0), and makes float32 [T, 156]. Stored features of another width pass through
    'none' as they are.

    Attributes:
        confidence: visibility from which a pose point counts as seen.
        max_gap: longest gap that is interpolated, in frames.
        normalise: 'none' keeps fractions of the image (the original's input); 'shoulders' puts the
            clip's mean shoulder midpoint at the origin and makes its mean shoulder distance 1, so
            that the signer's place and distance no longer matter. Absent points stay (0, 0).
        hands: 'body' places and scales them as all points; 'local' keeps of each hand the wrist so,
            and has its other points around the wrist in the hand's own size in that frame.
        least: parts (`PARTS`) that fewer than this share of the training set's frames show are left
            out: what is hardly ever seen tells clips apart by chance. 0 = none is.
        left_out: these parts, which `fit` gives; they are absent everywhere.
    """

    confidence: float = fields.value(0.5, fields.PROBABILITY)
    max_gap: int = fields.value(5, fields.NOT_NEGATIVE)
    normalise: str = fields.value("none", fields.among(*NORMALISE))
    hands: str = fields.value("body", fields.among(*HANDS))
    least: float = fields.value(0.0, fields.SHARE)
    left_out: Sequence[str] = fields.value((), fields.several(*PARTS))

    looks_at = ("hand", "face", "pose")

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T, 156].

        Raises:
            UserError: stored features that cannot be placed as the options ask.
        """
        if isinstance(clip, Clip):
            x, visible = self._keypoints(clip)
            made = self._placed(x, visible, clip.frame_size)
        else:
            made = self._stored(clip)
        return self._without(made) if self.left_out else made

    def fit(self, clips: Iterable[Clip | np.ndarray]) -> dict[str, object]:
        """Which parts are left out; it is said."""
        if not self.least:
            return {}
        shown, frames = dict.fromkeys(PARTS, 0), 0
        for clip in clips:
            x = raw_keypoints(clip)[0] if isinstance(clip, Clip) else clip
            points = (x.reshape(len(x), KEYPOINTS, 2) != 0).any(axis=-1)
            frames += len(x)
            for name, part in PARTS.items():
                shown[name] += int(np.count_nonzero(points[:, part].any(axis=1)))
        gone = tuple(name for name, count in shown.items() if count < self.least * frames)
        for name in gone:
            telling.once(
                "%s is left out: %.0f %% of the training frames show it, fewer than %.0f %%",
                name.replace("_", " "), 100 * shown[name] / frames, 100 * self.least,
            )  # fmt: skip
        return {"left_out": gone}

    def visible(self, clip: Clip) -> np.ndarray:
        """bool [T]: frames with a point that counts as seen."""
        return np.asarray(self._keypoints(clip)[1].any(1))

    @property
    def by_shape(self) -> bool:
        """It does where points are put into another unit than the image's."""
        return self.normalise != "none" or self.hands != "body"

    def shows_hand(self, x: np.ndarray) -> np.ndarray | None:
        """bool [T]: frames of keypoints [T, 156] with a point of a hand."""
        return None if x.shape[1:] != (DIM,) else (x[:, _HANDS] != 0).any(1)

    def _keypoints(self, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
        return keypoints(clip, confidence=self.confidence, max_gap=self.max_gap)

    def _without(self, x: np.ndarray) -> np.ndarray:
        points = x.reshape(len(x), KEYPOINTS, 2).copy()
        for name in self.left_out:
            points[:, PARTS[name]] = 0
        return points.reshape(x.shape)

    def _stored(self, x: np.ndarray) -> np.ndarray:
        if not self.by_shape:
            return x
        if x.ndim != 2 or x.shape[1] != DIM:
            raise UserError(
                f"config.view.normalise={self.normalise!r} and view.hands={self.hands!r} need "
                f"keypoints [T, {DIM}], found {list(x.shape)}. Set them to 'none' and 'body' for "
                "other features."
            )
        return self._placed(x, (x.reshape(len(x), KEYPOINTS, 2) != 0).any(axis=-1), (0, 0))

    def _placed(
        self, x: np.ndarray, visible: np.ndarray, frame_size: tuple[int, int]
    ) -> np.ndarray:
        still = self.normalise == "none"
        made = x if still else centre_on_shoulders(x, visible, frame_size)
        local = self.hands == "local"
        return _with_local_hands(made, x, visible, frame_size) if local else made


def _with_local_hands(
    made: np.ndarray, x: np.ndarray, visible: np.ndarray, frame_size: tuple[int, int]
) -> np.ndarray:
    """`made` float32 [T, 156] of `x` with all points of the hands but the wrists local."""
    points = x.reshape(len(x), KEYPOINTS, 2)
    seen = np.where(_present(points, visible)[..., None], points * _aspect(frame_size), np.nan)
    made = made.reshape(points.shape).copy()
    for hand in (body.LEFT_HAND, body.RIGHT_HAND):
        fingers = slice(hand.start + 1, hand.stop)
        made[:, fingers] = np.nan_to_num(local_hands.around_wrist(seen[:, hand]))[:, 1:]
    return made.reshape(x.shape)


def centre_on_shoulders(
    x: np.ndarray, visible: np.ndarray, frame_size: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Places and scales a whole clip by its mean shoulders, in units equal in x and y.

    Args:
        x: float32 [T, 156], fractions of the image.
        visible: bool [T, 78].
        frame_size: (width, height); with (0, 0) the image is taken as square.

    Returns:
        float32 [T, 156], a new array.
    """
    points = x.reshape(len(x), KEYPOINTS, 2)
    aspect = _aspect(frame_size)
    seen = visible[:, SHOULDERS[0]] & visible[:, SHOULDERS[1]]
    if seen.any():
        left, right = points[seen][:, SHOULDERS, :].swapaxes(0, 1)
        centre = ((left + right) / 2).mean(axis=0)
        distance = np.linalg.norm((left - right) * aspect, axis=-1).mean()
    else:
        centre, distance = np.full(2, 0.5, np.float32), np.float32(0)
    if distance < 1e-3:
        distance = USUAL_SHOULDERS * aspect[0]
    moved = (points - centre) * (aspect / distance)
    present = _present(points, visible)[..., None]
    return np.where(present, moved, 0).astype(np.float32).reshape(x.shape)


def _present(points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """bool [T, 78]: points that have a place, seen or not."""
    return np.asarray(visible | (points != 0).any(axis=-1))


def _aspect(frame_size: tuple[int, int]) -> np.ndarray:
    """What makes one unit of fractions of a width and a height: float32 [2]."""
    width, height = frame_size
    return np.asarray([width / height if width and height else 1.0, 1.0], np.float32)


VIEW = Fslr156View
