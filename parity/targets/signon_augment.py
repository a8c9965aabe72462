"""What SignON does to training clips of both generations, with the draws that were recorded."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxsign.input.signs import signon_kinds
from jaxsign.input.signs.augment import points, signon
from parity import cases

Arrays = dict[str, np.ndarray]


def generation_a(case: cases.Case) -> Arrays:
    """Each transform of generation A, and its evaluation transform of three kinds of points."""
    clip, draws = case.inputs["poses"], case.call["draws"]
    mediapipe = signon_kinds.get("Mediapipe_Cleaned").layout
    ends = slice(draws["temporal_shift"]["new_start"], draws["temporal_shift"]["new_end"])
    produced = {
        "drop_25_33": clip[:, mediapipe.kept],
        "force2d_ravel": clip[..., :2].reshape(len(clip), -1),
        "replace_nan": np.nan_to_num(clip),
        "change_speed_faster": signon.change_speed(clip, faster=True),
        "change_speed_slower": signon.change_speed(clip, faster=False),
        "hflip": signon.negate(clip),
        "temporal_shift": points.take_frames(clip, ends),
        "rot_y": signon.rotate_about_y(clip, draws["rot_y"]["angle_degrees"]),
        "eval_mediapipe_2d": mediapipe.flat(clip, 2),
        "eval_mediapipe_3d": mediapipe.flat(clip, 3),
    }
    for kind in ("OpenPose_Cleaned", "MMPose_Cleaned"):
        name = kind.partition("_")[0].lower()
        produced[f"eval_{name}"] = signon_kinds.get(kind).layout.flat(case.inputs[name])
    return _checked(case, {f"output/{name}": array for name, array in produced.items()})


def generation_b(case: cases.Case) -> Arrays:
    """Each transform of generation B; the first number of each says whether it happens."""
    known: dict[str, Callable[..., np.ndarray]] = {
        "horizontal_flip": signon.mirror,
        "shift": lambda clip, by: signon.shift(clip, 0.07 * by),
        "shift_hands": lambda clip, _, *by: signon.shift_hands(clip, *(0.07 * b for b in by)),
        "rotate_hands": lambda clip, _, *u: signon.rotate_hands(clip, *map(_degrees, u)),
        "rotate_only_20deg": lambda clip: signon.rotate(clip, 20),
        "zoom": lambda clip, *u: signon.zoom(clip, *(1.2 - 0.4 * one.item() for one in u)),
        "jitter": lambda clip, _, normals: signon.jitter(clip, normals[:, signon.HANDS]),
        "drop_frames": lambda clip, _, kept: points.take_frames(clip, np.sort(kept)),
        "drop_frames_t1": lambda clip, _: clip,
        # The original writes into a copy: nothing happens, which is ours when it is off.
        "frame_hand_dropout": lambda clip, *_: clip,
        "shift_frames_forward": _delayed,
        "shift_frames_backward": _delayed,
        "random_crop": _cropped,
    }
    produced: Arrays = {}
    for name, kinds in case.call.whole("draws").items():
        drawn = [case.inputs[f"draw/{name}/{i}_{kind}"] for i, kind in enumerate(kinds)]
        produced[f"output/{name}"] = known[name](case.inputs[name], *drawn)
    return _checked(case, produced)


def _degrees(u: np.ndarray) -> float:
    return 15 * (2 * u.item() - 1)


def _delayed(clip: np.ndarray, _: Any, frames: np.ndarray, way: np.ndarray) -> np.ndarray:
    assert 1 <= frames.item() < signon.most_delayed(len(clip))
    return signon.delay(clip, frames.item(), later=way.item() >= 0.5)


def _cropped(clip: np.ndarray, _: Any, share: np.ndarray, start: np.ndarray) -> np.ndarray:
    kept = int((0.8 + 0.2 * share.item()) * len(clip))
    return points.take_frames(clip, slice(start.item(), start.item() + kept))


def _checked(case: cases.Case, produced: Arrays) -> Arrays:
    """The same arrays; those that are NaN in the original must be NaN here too.

    The comparison itself passes over these numbers.
    """
    for name in case.call["nan"]:
        if name in produced:
            np.testing.assert_array_equal(np.isnan(produced[name]), np.isnan(case.expected[name]))
    return produced
