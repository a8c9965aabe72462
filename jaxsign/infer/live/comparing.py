"""How like a clip of a data set a recording is: ranges, lengths, form.

Source: google_asl_recognition's capture tool.
"""

import dataclasses
from pathlib import Path

import numpy as np

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.whole import whole

ALIKE, PARTLY = 0.7, 0.4


@dataclasses.dataclass(frozen=True)
class Likeness:
    """Shares from 0 (nothing in common) to 1.

    Attributes:
      ranges: mean over x, y and z of the smaller range of the coordinate by the larger one.
      frames: frames that show any point, the fewer by the more.
      form: half for as many points, half for as many frames.
    """

    ranges: float
    frames: float
    form: float

    @property
    def overall(self) -> float:
        """Mean of the three."""
        return (self.ranges + self.frames + self.form) / 3

    @property
    def verdict(self) -> str:
        """alike, partly alike or different."""
        if self.overall > ALIKE:
            return "alike"
        return "partly alike" if self.overall > PARTLY else "different"

    def text(self) -> str:
        """Lines for a person."""
        return (
            f"  ranges of x, y, z   {self.ranges:.2f}\n"
            f"  frames              {self.frames:.2f}\n"
            f"  form                {self.form:.2f}\n"
            f"  overall             {self.overall:.2f}: {self.verdict}"
        )


def compare(one: Clip, other: Clip) -> Likeness:
    """How alike two clips are."""
    spans = [_spans(clip) for clip in (one, other)]
    shown = [int((~np.isnan(clip.landmarks[..., 0])).any(1).sum()) for clip in (one, other)]
    points = [int((~np.isnan(clip.landmarks[..., 0])).any(0).sum()) for clip in (one, other)]
    form = 0.5 * (points[0] == points[1]) + 0.5 * (shown[0] == shown[1])
    return Likeness(float(np.mean(_less_by_more(*spans))), float(_less_by_more(*shown)), form)


def _spans(clip: Clip) -> np.ndarray:
    """float [3]: range of each coordinate; 0 where nothing was seen."""
    seen = clip.landmarks.reshape(-1, 3)
    seen = seen[~np.isnan(seen).any(1)]
    return np.ptp(seen, axis=0) if len(seen) else np.zeros(3)


def _less_by_more(one: np.ndarray | int, other: np.ndarray | int) -> np.ndarray:
    more = np.maximum(one, other)
    return np.where(more > 0, np.minimum(one, other) / np.where(more > 0, more, 1), 1.0)


def draw(one: Clip, other: Clip, names: tuple[str, str], path: Path) -> None:
    """Both clips' points in space side by side, the middle frame that shows most of them (PNG)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.2), layout="constrained")
    for place, (clip, name) in enumerate(zip((one, other), names, strict=True), 1):
        axis = figure.add_subplot(1, 2, place, projection="3d")
        frame = int((~np.isnan(clip.landmarks[..., 0])).sum(1).argmax())
        for part, rows in clips.PARTS.items():
            x, y, z = clip.landmarks[frame, rows].T
            axis.scatter(x, np.nan_to_num(z), -y, s=5, label=part.replace("_", " "))
        axis.set_title(f"{name}\nframe {frame} of {len(clip)}")
        axis.set_xlabel("x")
        axis.set_ylabel("z")
        axis.set_zlabel("-y")
        axis.legend(frameon=False, fontsize=8, markerscale=2)
    with whole(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
