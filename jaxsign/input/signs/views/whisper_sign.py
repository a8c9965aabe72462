"""42 hand joints with velocity and confidence: the input of WhisperSign, see `hand_joints`."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jaxsign import local_hands
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs import hand_joints, streamed_hands
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views._types import View


def view(
    clip: Clip | np.ndarray,
    *,
    rate: float = 60.0,
    missing: str = "present",
    normalise: bool = True,
    relative_velocity: bool = False,
    smooth: int = 0,
    hands: str = "body",
    feature_scaling: str = "",
    feature_shift: Sequence[float] = (),
    feature_scale: Sequence[float] = (),
) -> np.ndarray:
    """The recogniser's input.

    Args:
      clip: T frames; or stored float [T, 42, 7], at its rate already, which is only normalised and
        smoothed.
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

    Returns:
      float32 [T', 42, 7], finite; [T', 42, 10] with local hands.

    Raises:
      UserError: an option that there is not, or an array of another shape.
    """
    for name, value, known in (
        ("missing", missing, hand_joints.MISSING),
        ("hands", hands, local_hands.HANDS),
    ):
        if value not in known:
            raise UserError(
                f"config.view.{name}={value!r}, expected one of {known}."
                f"{did_you_mean(str(value), known)}"
            )
    if isinstance(clip, Clip):
        x = hand_joints.joints(clip, rate=rate, missing=missing)
    else:
        x = _stored(clip)
    if normalise:
        x = hand_joints.scale_by_hand(hand_joints.centre_on_wrists(x), missing=missing)
    if relative_velocity:
        hand_joints.subtract_wrist_velocity(x)
    x = hand_joints.moving_average(x, smooth, missing=missing) if smooth else x
    x = hand_joints.with_local_hands(x) if hands == "local" else x
    scaler = hand_joints.FeatureScaler.of(feature_scaling, feature_shift, feature_scale)
    return x if scaler is None else scaler.of_present(x, missing)


def fit(
    clips: Iterable[Clip | np.ndarray], *, feature_scaling: str = "", **options: Any
) -> dict[str, tuple[float, ...]]:
    """The options of the view that a training set tells: of its scaling, if it has one.

    Args:
      clips: the training set.
      feature_scaling: see `view`; options: the other options.
    """
    if not feature_scaling:
        return {}
    options |= {"feature_shift": (), "feature_scale": ()}
    made = (view(clip, **options) for clip in clips)
    if options.get("missing") != "upstream":
        made = (x[(x != 0).any(axis=-1)] for x in made)
    scaler = hand_joints.FeatureScaler.fit_all(made, feature_scaling)
    return {
        "feature_shift": tuple(map(float, scaler.shift)),
        "feature_scale": tuple(map(float, scaler.scale)),
    }


def frames(clip: Clip, *, rate: float = 60.0, missing: str = "present", **_: object) -> int | None:
    """Frames of the view of a clip; None where the options keep the clip's own."""
    return len(hand_joints.times_of(clip, rate, missing)) if rate else None


def _hands(x: np.ndarray) -> np.ndarray | None:
    numbers = (hand_joints.NUMBERS, hand_joints.WITH_LOCAL)
    if x.ndim != 3 or x.shape[1] != hand_joints.JOINTS or x.shape[2] not in numbers:
        return None
    return np.asarray(x[..., hand_joints.CONFIDENCE].max(axis=1) > 0)


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


VIEW = View(
    view,
    frames=frames,
    fit=fit,
    looks_at=("hand",),
    hands=_hands,
    streamed=streamed_hands.StreamHands,
)
