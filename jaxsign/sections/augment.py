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


@dataclasses.dataclass(frozen=True)
class Landmarks:
    """Of views that are points [T, P, 2 or 3], absent where NaN."""

    resample: float = fields.value(0.0, fields.PROBABILITY)  # of another speed
    resample_scale: tuple[float, float] = fields.value((0.8, 1.2), fields.pair(0.01, 100.0))
    # Of scale, shift, rotate and shear together.
    affine: float = fields.value(0.0, fields.PROBABILITY)
    scale: float = fields.value(0.02, fields.between(0, 0.99))
    shift: float = fields.value(0.01, fields.between(0, 10))
    rotate: float = fields.value(0.0, fields.between(0, 180))  # degrees
    shear: float = fields.value(0.0, fields.between(0, 10))
    mask: float = fields.value(0.0, fields.PROBABILITY)  # of missing frames
    mask_ratio: tuple[float, float] = fields.value((0.05, 0.05), fields.pair(0.0, 1.0))
    mask_value: str = fields.value("zero", fields.among("zero", "nan"))
    distort: float = fields.value(0.0, fields.PROBABILITY)  # of a random walk
    distort_step: float = 0.1
    cutout: float = fields.value(0.0, fields.PROBABILITY)  # of a square without points
    cutout_size: tuple[float, float] = fields.value((0.2, 0.4), fields.pair(0.0, 1.0))
    flip: float = fields.value(0.0, fields.PROBABILITY)  # of the mirror image, which the view makes


@dataclasses.dataclass(frozen=True)
class Joints:
    """Of views that are joints [T, J, F] with velocities, absent where 0."""

    # Of each joint to be absent from the whole clip.
    joint_mask: float = fields.value(0.0, fields.PROBABILITY)
    time_mask: float = fields.value(0.0, fields.PROBABILITY)  # of a spell without any joint
    time_mask_frames: int = fields.value(10, _AT_LEAST_ONE)  # its most frames
    jitter: int = fields.value(0, _AT_MOST)  # most frames that a clip is delayed or advanced
    noise_std: float = fields.value(0.0, fields.NOT_NEGATIVE)
    # Range of the factor that a clip gets longer.
    time_scale: tuple[float, float] = fields.value((1.0, 1.0), fields.pair(0.1, 10.0))


@dataclasses.dataclass(frozen=True)
class Augment:
    """Of features [T, D]; from `shift` on, but for `speed`, of keypoints [T, 156]."""

    noise_std: float = fields.value(0.0, fields.NOT_NEGATIVE)
    noise_prob: float = fields.value(0.3, fields.between(0, 1))
    mask_prob: float = fields.value(0.0, fields.between(0, 1))
    mask_ratio: float = fields.value(0.1, fields.between(0, 1))  # of the frames
    shift: float = fields.value(0.0, fields.NOT_NEGATIVE)  # in the view's unit
    scale: float = fields.value(0.0, fields.between(0, 0.99))
    rotate: float = fields.value(0.0, fields.between(0, 180))  # degrees
    speed: float = fields.value(0.0, fields.between(0, 0.99))
    point_dropout: float = fields.value(0.0, fields.between(0, 1))
    flip: float = fields.value(0.0, fields.between(0, 1))
    landmarks: Landmarks = fields.section(Landmarks)
    joints: Joints = fields.section(Joints)
