"""What the view of SignON's points refuses."""

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import signon_kinds
from jaxsign.input.signs.clip import Clip

GENERATIONS = ("A", "B")
OUTPUTS = ("features", "points")


def check_options(told: signon_kinds.DataKind, generation: str, dims: int) -> None:
    """Raises UserError for options that do not go together, or not with the kind of data."""
    if dims == 3 and generation == "B":
        raise UserError(
            "config.view.dims=3 with generation B; expected 2, or 3 with generation A: generation "
            "B's features are x and y"
        )
    # Points as MediaPipe gives them may be normalised in the older way too.
    if generation != told.generation and told.name != "Mediapipe":
        raise UserError(
            f"config.view.generation={generation!r}, but data.kind={told.name!r} is generation "
            f"{told.generation}'s; leave view.generation out"
        )
    if dims not in told.layout.dims:
        known = " or ".join(map(str, told.layout.dims))
        raise UserError(
            f"data.dims={dims} with data.kind={told.name!r}, expected "
            f"{known or 'no view of points: they are pictures'}"
        )


def check_points(clip: Clip | np.ndarray, told: signon_kinds.DataKind) -> None:
    """Raises UserError for an array of another shape, or a clip of another kind of data."""
    points = told.layout.points
    if isinstance(clip, np.ndarray):
        if clip.shape[1:] != (points, 3):
            raise UserError(
                f"view signon takes clips or points [T, {points}, 3], found {list(clip.shape)}."
                f"{signon_kinds.hint(clip.shape)}"
            )
        if told.free_of_nan and np.isnan(clip).any():
            raise UserError(
                f"points [{len(clip)}, {points}, 3] with NaN, expected post-processed ones without "
                f"(data.kind={told.name!r}). Are they raw? Then post-process them: jaxsign convert "
                "--to signon --postprocessed"
            )
    elif told.layout is not signon_kinds.MEDIAPIPE:
        raise UserError(
            f"{clip.source or 'a clip'}: landmarks of MediaPipe, but the recipe's net takes "
            f"data.kind={told.name!r}, which is stored arrays alone"
        )
