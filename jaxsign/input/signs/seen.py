"""What a clip is like: its rate, its length, and what its frames show, as a task's `traits`.

`rate`: frames a second; `seconds` and `frames`: its length; `hand`, `face` and `pose`: shares of
its frames that show a hand, ...; `size`: of its numbers (of landmarks x and y), on average, which
tells pixels from fractions; `shape`: height / width of its film, 0 = a clip that does not tell it.
What is not known of a clip is left out.
"""

import numpy as np
from ml_collections import ConfigDict

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import views
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.rows import Chunk

Array = np.ndarray


class Seen:
    """What frames show, as they come.

    Args:
      config: the recipe, whose view knows the hands in features that are stored.
    """

    def __init__(self, config: ConfigDict):
        self._view, self._frames = views.of_recipe(config), 0
        self._shown: dict[str, int] = {}
        self._times: tuple[float, float] | None = None  # of the first and last frame of this part
        self._sizes, self._numbers = 0.0, 0  # sum over so many
        self._parts_before, self._seconds_before = 0, 0.0  # of what came before it

    def add(self, chunk: Chunk) -> None:
        """Takes the next frames."""
        if not len(chunk):
            return
        if chunk.times is not None:
            first = float(chunk.times[0]) if self._times is None else self._times[0]
            self._times = first, float(chunk.times[-1])
        self._frames += len(chunk)
        if chunk.x.dtype.kind == "f":
            known = chunk.x[..., :2] if chunk.landmarks else chunk.x
            sizes = np.abs(known[np.isfinite(known)])
            self._sizes += float(sizes.sum(dtype=np.float64))
            self._numbers += sizes.size
        for name, frames in self._parts(chunk).items():
            self._shown[name] = self._shown.get(name, 0) + int(frames.sum())

    def part(self) -> None:
        """What comes next does not follow what came: the time between says nothing."""
        if self._times is not None:
            self._seconds_before += self._times[1] - self._times[0]
            self._parts_before, self._times = self._parts_before + 1, None

    def _parts(self, chunk: Chunk) -> dict[str, Array]:
        if chunk.landmarks:
            found = clips.shown(chunk.x)
            hand = found["left_hand"] | found["right_hand"]
            return {"hand": hand, "face": found["face"], "pose": found["pose"]}
        hand = None if self._view is None else self._view.shows_hand(chunk.x)
        return {} if hand is None else {"hand": hand}

    @property
    def traits(self) -> dict[str, float]:
        """All that is known so far."""
        found = {name: frames / self._frames for name, frames in self._shown.items()}
        if self._numbers:
            found["size"] = self._sizes / self._numbers
        begin, end = self._times or (0.0, 0.0)
        seconds = self._seconds_before + (end - begin)
        if seconds > 0:
            parts = self._parts_before + (self._times is not None)
            found["rate"] = (self._frames - parts) / seconds
            found["seconds"] = self._frames / found["rate"]
        return {"frames": float(self._frames), **found}


def of_value(value: Clip | Array, config: ConfigDict, rate: float = 0.0) -> dict[str, float]:
    """The traits of what a source holds.

    Args:
      value: a clip; or features [T, ...] that the recipe's net or view takes.
      config: the recipe.
      rate: frames a second of features; 0 = the view's, or unknown.
    """
    seen = Seen(config)
    if isinstance(value, Clip):
        seen.add(Chunk(value.landmarks, value.timestamps))
        width, height = value.frame_size
        return {**seen.traits, "shape": height / width if width and height else 0.0}
    rate = rate or float(config.view.get("rate") or 0.0)
    seen.add(Chunk(value, np.arange(len(value)) / rate if rate else None))
    return seen.traits
