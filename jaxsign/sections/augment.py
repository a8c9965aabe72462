"""`input.augment`: random changes of training clips, each off by default.

What they do is in jaxsign/input/signs/augment, which makes its list of operations from these keys.
"""

import dataclasses

from jaxsign import fields

_AT_MOST = fields.Rule(
    lambda v: isinstance(v, int) and v >= 0, "a whole number of frames from 0 on"
)
_AT_LEAST_ONE = fields.Rule(
    lambda v: isinstance(v, int) and v >= 1, "a whole number of frames from 1 on"
)
_AT_MOST_DEGREES = fields.Rule(
    lambda v: isinstance(v, int) and 0 <= v <= 180, "a whole number of degrees from 0 to 180"
)
_VIEW_OF_SIGNON = fields.When("view.name", "signon", "")
_VIEW_OF_POINTS = fields.When("view.name", "asl_hybrid", "signon")
_VIEW_OF_JOINTS = fields.When("view.name", "whisper_sign", "few_points")
_VIEW_OF_FEATURES = fields.When("view.name", "fslr156", "signon", "")


@dataclasses.dataclass(frozen=True)
class Landmarks:
    """Of views that are points [T, P, 2 or 3], absent where NaN."""

    resample: float = fields.value(0.0, fields.PROBABILITY, "probability of another speed")
    resample_scale: tuple[float, float] = fields.value(
        (0.8, 1.2), fields.pair(0.01, 100.0), "range of the factor of the number of frames"
    )
    affine: float = fields.value(
        0.0, fields.PROBABILITY, "probability of scale, shift, rotate and shear together"
    )
    scale: float = fields.value(
        0.02,
        fields.between(0, 0.99),
        "most that is added to or taken from the size, as a share of it",
    )
    shift: float = fields.value(
        0.01, fields.between(0, 10), "most that points move, as a share of the image"
    )
    rotate: float = fields.value(0.0, fields.between(0, 180), "most degrees that points turn")
    shear: float = fields.value(0.0, fields.between(0, 10), "most that x moves for a step in y")
    mask: float = fields.value(0.0, fields.PROBABILITY, "probability of missing frames")
    mask_ratio: tuple[float, float] = fields.value(
        (0.05, 0.05), fields.pair(0.0, 1.0), "range of their share of all frames"
    )
    mask_value: str = fields.value(
        "zero", fields.among("zero", "nan"), "what stands in their place"
    )
    distort: float = fields.value(
        0.0, fields.PROBABILITY, "probability of a random walk that is added to the points"
    )
    distort_step: float = fields.value(0.1, None, "size of its steps")
    cutout: float = fields.value(0.0, fields.PROBABILITY, "probability of a square without points")
    cutout_size: tuple[float, float] = fields.value(
        (0.2, 0.4), fields.pair(0.0, 1.0), "range of its side, as a share of the image"
    )
    flip: float = fields.value(
        0.0, fields.PROBABILITY, "probability of the mirror image, which the view makes"
    )


@dataclasses.dataclass(frozen=True)
class Joints:
    """Of views that are joints [T, J, F] with velocities, absent where 0."""

    joint_mask: float = fields.value(
        0.0, fields.PROBABILITY, "probability of each joint to be absent from the whole clip"
    )
    time_mask: float = fields.value(
        0.0, fields.PROBABILITY, "probability of a spell without any joint"
    )
    time_mask_frames: int = fields.value(10, _AT_LEAST_ONE, "its most frames")
    jitter: int = fields.value(0, _AT_MOST, "most frames that a clip is delayed or advanced")
    noise_std: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "standard deviation of the noise on present joints"
    )
    time_scale: tuple[float, float] = fields.value(
        (1.0, 1.0), fields.pair(0.1, 10.0), "range of the factor by which a clip gets longer"
    )


@dataclasses.dataclass(frozen=True)
class Signon:
    """Of SignON's points of generation B; the original's own are 0.2 each, up to `drop_frames`."""

    shift_frames: float = fields.value(
        0.0, fields.PROBABILITY, "probability of a later or earlier clip; NaN fills the gap"
    )
    flip: float = fields.value(0.0, fields.PROBABILITY, "probability of the mirror image")
    rotate_hands: float = fields.value(
        0.0, fields.PROBABILITY, "probability that each hand turns about its wrist"
    )
    rotate_degrees: float = fields.value(15.0, fields.between(0, 180), "most degrees of it")
    jitter: float = fields.value(0.0, fields.PROBABILITY, "probability of noise on the hands")
    jitter_std: float = fields.value(0.003, fields.NOT_NEGATIVE, "its standard deviation")
    crop: float = fields.value(0.0, fields.PROBABILITY, "probability of a stretch of the clip")
    crop_share: tuple[float, float] = fields.value(
        (0.8, 1.0), fields.pair(0.0, 1.0), "range of its share of the frames"
    )
    drop_frames: float = fields.value(0.0, fields.PROBABILITY, "probability of fewer frames")
    drop_share: float = fields.value(0.1, fields.RATE, "the share of the frames that go")
    hide_hand: float = fields.value(
        0.0,
        fields.PROBABILITY,
        "probability of frames without one hand, which the original means to do and does not",
    )
    hide_share: float = fields.value(0.1, fields.SHARE, "their share of the frames")
    shift: float = fields.value(0.0, fields.PROBABILITY, "probability that all points move as one")
    shift_std: float = fields.value(0.07, fields.NOT_NEGATIVE, "standard deviation of the way")
    shift_hands: float = fields.value(
        0.0, fields.PROBABILITY, "probability that each hand moves as one"
    )
    shift_hands_std: float = fields.value(
        0.07, fields.NOT_NEGATIVE, "standard deviation of their ways"
    )
    zoom: float = fields.value(
        0.0, fields.PROBABILITY, "probability that x and y get another unit, each its own"
    )
    zoom_by: float = fields.value(0.2, fields.between(0, 0.99), "most that it differs, as a share")


@dataclasses.dataclass(frozen=True)
class SignonA:
    """Of SignON's points of generation A, whose flags these are."""

    change_speed: float = fields.value(
        0.0, fields.PROBABILITY, "probability of another speed (--augment_adaptSpeed)"
    )
    faster: float = fields.value(
        0.5,
        fields.PROBABILITY,
        "of these clips the share of twice the speed, not half (--augment_adaptSpeedFaster)",
    )
    temporal_shift: float = fields.value(
        0.0, fields.PROBABILITY, "probability of a clip cut at both ends (--augment_temporalShift)"
    )
    rotate_y: int = fields.value(
        0, _AT_MOST_DEGREES, "most degrees that points turn about the y axis (--augment_rotY)"
    )
    flip: float = fields.value(
        0.0, fields.PROBABILITY, "probability of -x; --augment_hflip is 0.5 (hands are not swapped)"
    )


@dataclasses.dataclass(frozen=True)
class Frames:
    """Of films' pictures; the original's are crop 1 and flip 0.5."""

    crop: float = fields.value(
        0.0, fields.PROBABILITY, "probability of a random box, in place of the square in the middle"
    )
    crop_scale: tuple[float, float] = fields.value(
        (0.08, 1.0), fields.pair(0.001, 1.0), "range of its share of the area"
    )
    crop_ratio: tuple[float, float] = fields.value(
        (3 / 4, 4 / 3), fields.pair(0.1, 10.0), "range of its width / height"
    )
    flip: float = fields.value(0.0, fields.PROBABILITY, "probability of the mirror image")


@dataclasses.dataclass(frozen=True)
class Augment:
    """Of features [T, D]; from `shift` on, but for `speed`, of keypoints [T, 156]."""

    noise_std: float = fields.value(
        0.0, fields.NOT_NEGATIVE, "standard deviation of noise; 0 = none", _VIEW_OF_FEATURES
    )
    noise_prob: float = fields.value(
        0.3, fields.between(0, 1), "probability of that noise", _VIEW_OF_FEATURES
    )
    mask_prob: float = fields.value(
        0.0,
        fields.between(0, 1),
        "probability of a stretch of frames without anything",
        _VIEW_OF_FEATURES,
    )
    mask_ratio: float = fields.value(
        0.1, fields.between(0, 1), "its share of the frames", _VIEW_OF_FEATURES
    )
    shift: float = fields.value(
        0.0,
        fields.NOT_NEGATIVE,
        "keypoints: most that a clip moves, in the view's unit",
        _VIEW_OF_FEATURES,
    )
    scale: float = fields.value(
        0.0,
        fields.between(0, 0.99),
        ("keypoints: most that is added to or taken from the size, as a share of it"),
        _VIEW_OF_FEATURES,
    )
    rotate: float = fields.value(
        0.0, fields.between(0, 180), "keypoints: most degrees that a clip turns", _VIEW_OF_FEATURES
    )
    speed: float = fields.value(
        0.0,
        fields.between(0, 0.99),
        "most that is added to or taken from the speed, as a share of it",
        _VIEW_OF_FEATURES,
    )
    point_dropout: float = fields.value(
        0.0,
        fields.between(0, 1),
        ("keypoints: probability of each hand, the face and each point to be absent"),
        _VIEW_OF_FEATURES,
    )
    flip: float = fields.value(
        0.0, fields.between(0, 1), "keypoints: probability of the mirror image", _VIEW_OF_FEATURES
    )
    landmarks: Landmarks = fields.section(Landmarks, _VIEW_OF_POINTS)
    joints: Joints = fields.section(Joints, _VIEW_OF_JOINTS)
    signon: Signon = fields.section(Signon, _VIEW_OF_SIGNON)
    signon_a: SignonA = fields.section(SignonA, _VIEW_OF_SIGNON)
    frames: Frames = fields.section(Frames, fields.When("view.name", "frames"))
