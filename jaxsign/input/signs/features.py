"""Clips of a source through a view, kept in memory as long as there is room."""

from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip_source
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.views import View

Array = np.ndarray


class Features:
    """What a net takes of every clip: float32 [T, ...], or frames uint8 [T, H, W, 3].

    Args:
      source: of the clips.
      view: clip -> float32 [T, ...]; None = the source's arrays are features already.
      mirrored: the view of the mirror image, or None.
      cache_mb: memory for features that were read once.

    Attributes:
      finite: arrays that hold NaN are refused, before a view takes these for what is missing.
    """

    finite = False

    def __init__(
        self,
        source: clip_source.Source,
        view: View | None,
        mirrored: View | None,
        cache_mb: float,
    ):
        self.source, self.views = source, (view, mirrored)
        self._cache: dict[tuple[int, bool], Array] = {}
        self._left = cache_mb * 1e6

    def __call__(self, index: int, flip: bool = False) -> Array:
        """Clip `index`, or its mirror image."""
        found = self._cache.get((index, flip))
        if found is not None:
            return found
        read, view = self.source.read(index), self.views[flip]
        if self.finite and not isinstance(read, Clip):
            files.check_finite(read, self.source.ids[index])
        if view is not None:
            made = view(read)
        elif isinstance(read, Clip):
            raise UserError(f"{self.source.name} holds landmarks: set view.name")
        else:
            made = read
        if made.nbytes <= self._left:
            self._left -= made.nbytes
            self._cache[index, flip] = made
        return made

    def __getstate__(self) -> dict[str, Any]:
        kept = sum(made.nbytes for made in self._cache.values())
        return {**self.__dict__, "_cache": {}, "_left": self._left + kept}
