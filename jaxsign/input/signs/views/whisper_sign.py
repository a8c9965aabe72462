"""42 hand joints with velocity and confidence: the input of WhisperSign, see `hand_joints`."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from jaxsign import fields, local_hands
from jaxsign.errors import UserError
from jaxsign.input.signs import hand_joints, streamed_hands
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import StreamedView, View


@dataclasses.dataclass(frozen=True)
class WhisperSignView(View):
    """Both hands' joints, how they move, and whether they are seen.

    It takes T frames of a clip, or stored float [T, 42, 7], at its rate already, which is only
    normalised and smoothed, and makes float32 [T', 42, 7], finite; [T', 42, 10] with local hands.

    Attributes:
      rate: frames a second of the result; 0 = as recorded.
      missing: 'present' or 'upstream', see `hand_joints`.
      normalise: hands around their wrists, in lengths of their middle fingers.
      relative_velocity: velocities relative to the wrist's, which fits positions around it; the
        original's are those in the image.
      smooth: frames of a moving average, 0 = none.
      hands: 'body': no more than that; 'local': besides x, y, z of each joint around its wrist, in
        the hand's own size in that frame (net.num_features=10).
      feature_scaling: '', or 'standard' or 'minmax': a `hand_joints.FeatureScaler` at the end.
        Joints that are absent stay 0, but for missing='upstream'.
      feature_shift, feature_scale: its numbers, one for each of a joint, which `fit` gives.
    """

    rate: float = fields.value(60.0, fields.NOT_NEGATIVE)
    missing: str = fields.value("present", fields.among(*hand_joints.MISSING))
    normalise: bool = True
    relative_velocity: bool = False
    smooth: int = fields.value(0, fields.NOT_NEGATIVE)
    hands: str = fields.value("body", fields.among(*local_hands.HANDS))
    feature_scaling: str = fields.value("", fields.among("", *hand_joints.SCALINGS))
    feature_shift: Sequence[float] = ()
    feature_scale: Sequence[float] = ()

    looks_at = ("hand",)

    def make(self, clip: Clip | np.ndarray) -> np.ndarray:
        """float32 [T', 42, 7 or 10], finite."""
        missing = self.missing
        if isinstance(clip, Clip):
            x = hand_joints.joints(clip, rate=self.rate, missing=missing)
        else:
            x = _stored(clip)
        if self.normalise:
            x = hand_joints.scale_by_hand(hand_joints.centre_on_wrists(x), missing=missing)
        if self.relative_velocity:
            hand_joints.subtract_wrist_velocity(x)
        x = hand_joints.moving_average(x, self.smooth, missing=missing) if self.smooth else x
        x = hand_joints.with_local_hands(x) if self.hands == "local" else x
        scaler = self._scaler()
        return x if scaler is None else scaler.of_present(x, missing)

    def fit(self, clips: Iterable[Clip | np.ndarray]) -> dict[str, object]:
        """The numbers of its scaling, if it has one."""
        if not self.feature_scaling:
            return {}
        plain = dataclasses.replace(self, feature_shift=(), feature_scale=(), length=0)
        made = (plain(clip) for clip in clips)
        if self.missing != "upstream":
            made = (x[(x != 0).any(axis=-1)] for x in made)
        scaler = hand_joints.FeatureScaler.fit_all(made, self.feature_scaling)
        return {
            "feature_shift": tuple(map(float, scaler.shift)),
            "feature_scale": tuple(map(float, scaler.scale)),
        }

    def made_frames(self, clip: Clip) -> int | None:
        """Those at its rate."""
        return len(hand_joints.times_of(clip, self.rate, self.missing)) if self.rate else None

    def shows_hand(self, x: np.ndarray) -> np.ndarray | None:
        """bool [T]: frames of joints [T, 42, 7 or 10] with a hand."""
        numbers = (hand_joints.NUMBERS, hand_joints.WITH_LOCAL)
        if x.ndim != 3 or x.shape[1] != hand_joints.JOINTS or x.shape[2] not in numbers:
            return None
        return np.asarray(x[..., hand_joints.CONFIDENCE].max(axis=1) > 0)

    def streamed(self, *, stored: bool, recorded_rate: float) -> StreamedView | None:
        """See `streamed_hands`."""
        if self.length:
            return None
        return streamed_hands.StreamHands(
            stored=stored,
            recorded_rate=recorded_rate,
            rate=self.rate,
            missing=self.missing,
            normalise=self.normalise,
            relative_velocity=self.relative_velocity,
            smooth=self.smooth,
            hands=self.hands,
            scaler=self._scaler(),
        )

    def _scaler(self) -> hand_joints.FeatureScaler | None:
        numbers = self.feature_shift, self.feature_scale
        return hand_joints.FeatureScaler.of(self.feature_scaling, *numbers)


def _stored(x: np.ndarray) -> np.ndarray:
    shape = [hand_joints.JOINTS, hand_joints.NUMBERS]
    if list(np.shape(x)[1:]) != shape:
        few = np.ndim(x) == 3 and np.shape(x)[2] == 2
        hint = ". Points in pixels are for --config whisper_sign:boston104" if few else ""
        raise UserError(
            f"view whisper_sign takes clips or arrays [T, {shape[0]}, {shape[1]}], found "
            f"{list(np.shape(x))}{hint}"
        )
    return np.array(x, np.float32)


VIEW = WhisperSignView
