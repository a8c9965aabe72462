"""From a recipe's section `input.augment` to the list of operations that it asks for."""

from collections.abc import Mapping
from typing import Any

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input.signs.augment import Augmentation, AugmentationStep
from jaxsign.sections import augment as sections


def build(
    section: Mapping[str, Any],
    *,
    normalised: bool = False,
    local: bool = False,
    longest: int = 0,
    generation: str = "",
    side: int = 0,
) -> Augmentation | None:
    """The augmentation that a recipe asks for; None when everything is off.

    Args:
      section: `config.input.augment`; a key that is left out has its default.
      normalised: the view's origin is the signer's middle (`view.normalise='shoulders'`), not the
        image's corner: keypoints are mirrored there.
      local: its hands are local (`view.hands='local'`): keypoints of fingers keep place and size.
      longest: frames beyond which joints do not grow (`input.max_length`); 0 = any.
      side: pixels of the squares that the view makes of pictures.
      generation: 'A' or 'B', of SignON's points; "" = it may be either.

    Raises:
      UserError: it asks for changes of several kinds of clips, or of the other generation's.
    """
    own = fields.make(sections.Augment, section)
    lists = {
        "input.augment.landmarks": Augmentation(_of_points(own.landmarks), own.landmarks.flip),
        "input.augment.joints": Augmentation(_of_joints(own.joints, longest)),
        "input.augment.signon": Augmentation(_of_signon(own.signon)),
        "input.augment.signon_a": Augmentation(_of_signon_a(own.signon_a)),
        "input.augment.frames": Augmentation(_of_frames(own.frames, side)),
        "input.augment": Augmentation(_of_keypoints(own, normalised, local)),
    }
    chosen = {name: made for name, made in lists.items() if _is_on(made)}
    if len(chosen) > 1:
        raise UserError(f"set keys of one of these, not of several: {', '.join(chosen)}")
    _check_generation(chosen, generation)
    return next(iter(chosen.values()), None)


def _check_generation(chosen: Mapping[str, Augmentation], generation: str) -> None:
    for name, own in (("input.augment.signon", "B"), ("input.augment.signon_a", "A")):
        if name in chosen and generation not in ("", own):
            steps = ", ".join(step.name.partition(".")[2] for step in chosen[name].steps)
            raise UserError(
                f"{name} ({steps}) is for points of generation {own}, but the recipe's are of "
                f"generation {generation}. Set these keys to 0, or choose a data.kind (or "
                f"view.generation) of generation {own}"
            )


def _is_on(made: Augmentation) -> bool:
    return bool(made.flip) or any(step.probability != 0 for step in made.steps)


def _of_keypoints(
    own: sections.Augment, normalised: bool, local: bool
) -> tuple[AugmentationStep, ...]:
    flip = {"normalised": normalised, "local": local}
    # Noise comes after what must tell absent points by their zeros.
    rows = (
        (own.speed, AugmentationStep("speed", None, {"by": own.speed})),
        (own.flip, AugmentationStep("flip", own.flip, flip)),
        (own.scale, AugmentationStep("scale", None, {"by": own.scale, "local": local})),
        (own.rotate, AugmentationStep("rotate", None, {"by": own.rotate, "local": local})),
        (own.shift, AugmentationStep("shift", None, {"by": own.shift, "local": local})),
        (own.point_dropout, AugmentationStep("point_dropout", None, {"share": own.point_dropout})),
        (own.noise_std, AugmentationStep("noise_std", own.noise_prob, {"std": own.noise_std})),
        (own.mask_prob, AugmentationStep("mask_prob", own.mask_prob, {"ratio": own.mask_ratio})),
    )
    return tuple(step for on, step in rows if on)


def _of_points(own: sections.Landmarks) -> tuple[AugmentationStep, ...]:
    move = {"scale": own.scale, "shift": own.shift, "rotate": own.rotate, "shear": own.shear}
    mask = {"ratio": own.mask_ratio, "value": own.mask_value}
    rows = (
        AugmentationStep("landmarks.resample", own.resample, {"times": own.resample_scale}),
        AugmentationStep("landmarks.affine", own.affine, move),
        AugmentationStep("landmarks.mask", own.mask, mask),
        AugmentationStep("landmarks.distort", own.distort, {"step": own.distort_step}),
        AugmentationStep("landmarks.cutout", own.cutout, {"size": own.cutout_size}),
    )
    return tuple(step for step in rows if step.probability)


def _of_joints(own: sections.Joints, longest: int) -> tuple[AugmentationStep, ...]:
    times = tuple(own.time_scale)
    rows = (
        (
            times != (1, 1),
            AugmentationStep("joints.time_scale", None, {"times": times, "longest": longest}),
        ),
        (own.joint_mask, AugmentationStep("joints.joint_mask", None, {"share": own.joint_mask})),
        (
            own.time_mask,
            AugmentationStep("joints.time_mask", own.time_mask, {"most": own.time_mask_frames}),
        ),
        (own.jitter, AugmentationStep("joints.jitter", None, {"most": own.jitter})),
        (own.noise_std, AugmentationStep("joints.noise_std", None, {"std": own.noise_std})),
    )
    return tuple(step for on, step in rows if on)


def _of_signon(own: sections.Signon) -> tuple[AugmentationStep, ...]:
    rows = (
        AugmentationStep("signon.shift_frames", own.shift_frames),
        AugmentationStep("signon.flip", own.flip),
        AugmentationStep("signon.rotate_hands", own.rotate_hands, {"most": own.rotate_degrees}),
        AugmentationStep("signon.jitter", own.jitter, {"std": own.jitter_std}),
        AugmentationStep("signon.crop", own.crop, {"share": own.crop_share}),
        AugmentationStep("signon.drop_frames", own.drop_frames, {"share": own.drop_share}),
        AugmentationStep("signon.hide_hand", own.hide_hand, {"share": own.hide_share}),
        AugmentationStep("signon.shift", own.shift, {"std": own.shift_std}),
        AugmentationStep("signon.shift_hands", own.shift_hands, {"std": own.shift_hands_std}),
        AugmentationStep("signon.zoom", own.zoom, {"by": own.zoom_by}),
    )
    return tuple(step for step in rows if step.probability)


def _of_signon_a(own: sections.SignonA) -> tuple[AugmentationStep, ...]:
    turn = AugmentationStep("signon_a.rotate_y", None, {"most": own.rotate_y})
    rows = (
        (
            own.change_speed,
            AugmentationStep("signon_a.change_speed", own.change_speed, {"faster": own.faster}),
        ),
        (
            own.temporal_shift,
            AugmentationStep("signon_a.temporal_shift", own.temporal_shift),
        ),
        (own.rotate_y, turn),
        (own.flip, AugmentationStep("signon_a.flip", own.flip)),
    )
    return tuple(step for on, step in rows if on)


def _of_frames(own: sections.Frames, side: int) -> tuple[AugmentationStep, ...]:
    box = {"side": side, "scale": own.crop_scale, "ratio": own.crop_ratio}
    rows = (
        AugmentationStep("frames.crop", own.crop, box),
        AugmentationStep("frames.flip", own.flip),
    )
    return tuple(step for step in rows if step.probability)
