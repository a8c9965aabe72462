"""Where a run's answers mean little, because what it is asked is unlike what it has learnt from.

What is odd is counted, and told in one warning a kind, however many clips there are.
"""

import logging
from collections.abc import Iterator

from jaxsign.infer import run as runs
from jaxsign.input import traits
from jaxsign.input.examples import Examples
from jaxsign.input.signs import rates
from jaxsign.sections.data import MADE_UP

_LOG = logging.getLogger("jaxsign")
# Few frames show a hand (...) if their share is below this part of what is usual.
_FEW = 1 / 3
# Where a run does not know: recordings of signs show a hand in this share of their frames.
_USUAL = {"hand": 0.75}
# How many times as fast or slow, as long or short, a clip may be as nearly all of training.
_RATE, _LENGTH = 1.5, 2.0
_SIZE = 10.0  # and how many times as large or small its numbers
_WORDS = {"hand": "a hand", "face": "a face", "pose": "a body"}
_UNITS = {"rate": "frames/s", "seconds": "s", "frames": "frames"}


class Doubts:
    """Looks at what a run is asked.

    Args:
      run: a loaded run; what its training clips were like stands in its manifest, if it is known.
    """

    def __init__(self, run: runs.Run):
        self._run, self._seen = run, 0
        self._odd: dict[str, list[tuple[str, str]]] = {}
        self._cut: list[tuple[str, int]] = []
        self._made_up = run.config.data.source in MADE_UP

    def see(self, name: str, found: traits.Traits) -> None:
        """Takes one clip or stream that the run answers to."""
        self._seen += 1
        for kind, numbers in self._judged(found):
            self._odd.setdefault(kind, []).append((name, numbers))

    def see_stream(self, name: str, found: traits.Traits) -> None:
        """Takes a stream, whose length says nothing: it is heard in windows."""
        self.see(name, {key: x for key, x in found.items() if key not in ("frames", "seconds")})

    def see_cut(self, name: str, frames: int) -> None:
        """Takes a clip of more frames than the run looks at."""
        self._cut.append((name, frames))

    def see_examples(self, examples: Examples) -> None:
        """Takes a sample of labelled examples."""
        for name, found in examples.traits(self._run.config, traits.SAMPLE):
            self.see(name, found)

    def tell(self) -> None:
        """Warns of what was seen since the last time; that the signs are made up, once."""
        for line in self.lines():
            _LOG.warning("%s", line)
        self._seen, self._odd, self._cut, self._made_up = 0, {}, [], False

    def lines(self) -> list[str]:
        """What `tell` would say, a line a kind."""
        return [*self._of_made_up(), *self._of_cut(), *map(self._line, self._odd)]

    def _of_made_up(self) -> Iterator[str]:
        if self._made_up:
            yield (
                f"{self._run.workdir} was trained on made-up examples: what "
                "it says of real ones means nothing"
            )

    def _of_cut(self) -> Iterator[str]:
        if self._cut:
            most, (name, frames) = self._run.max_length, self._cut[0]
            yield (
                f"{len(self._cut)} clip{'s' * (len(self._cut) > 1)} longer than {most} frames; "
                f"only the first {most} were used ({name} has {frames})"
            )

    def _line(self, kind: str) -> str:
        (name, first), *more = self._odd[kind]
        what, which = name, ""
        if self._seen > 1:
            what, which = f"{1 + len(more)} of {self._seen} looked at", f"{name}: "
        return f"{what}: {kind} ({which}{first}). What the run says of such means little."

    def _judged(self, found: traits.Traits) -> Iterator[tuple[str, str]]:
        """What is odd of a clip: its kind, and in numbers."""
        usual = self._run.manifest.trained_on
        view = self._run.view
        for part in view.looks_at if view is not None else ():
            _, middle, _ = usual.get(part, (0, _USUAL.get(part, 0), 0))
            if part in found and found[part] < _FEW * middle:
                known = f"; in training usually {middle:.0%}" if part in usual else ""
                kind = f"few frames show {_WORDS[part]}"
                yield kind, f"{found[part]:.1%} of the frames{known}"
        yield from self._of_shape(found)
        low, _, high = usual.get("size", (0, 0, float("inf")))
        size = found.get("size", low)
        if not low / _SIZE <= size <= high * _SIZE:
            numbers = f"{size:.3g} on average; in training {low:.3g} to {high:.3g}"
            yield "numbers of another size than in training", f"{numbers}: pixels, or fractions?"
        rate = found.get("rate", 0)
        if rates.strange(rate):
            way = "--source-fps N, or data.source_fps of a recipe, gives the true one"
            yield "impossible frame rate", f"{rate:.4g} a second; expected {rates.USUAL}; {way}"
            return
        # Seconds tell more than frames, where both know them.
        length = "seconds" if "seconds" in found and "seconds" in usual else "frames"
        for name, kind, by in (("rate", "frame rate", _RATE), (length, "length", _LENGTH)):
            low, _, high = usual.get(name, (0, 0, float("inf")))
            value = found.get(name, low)
            if name == "rate" and self._run.config.view.get("rate"):
                value = min(value, high)  # the view drops the frames of faster clips
            if not low / by <= value <= high * by:
                numbers = f"{value:.4g} {_UNITS[name]}; in training {low:.4g} to {high:.4g}"
                yield f"another {kind} than in training", numbers

    def _of_shape(self, found: traits.Traits) -> Iterator[tuple[str, str]]:
        """Where the view goes by a film's shape, which training clips told and this one does not.

        Or the other way round: the same signs are then other numbers.
        """
        view, usual = self._run.view, self._run.manifest.trained_on.get("shape")
        if view is None or not view.by_shape or usual is None or "shape" not in found:
            return
        least, _, most = usual
        if found["shape"] and not most:
            numbers = (
                f"height / width {found['shape']:.3g}; in training no clip told its frame size"
            )
            yield "frames of a known shape, as none in training", numbers
        elif least and not found["shape"]:
            numbers = f"no frame size; in training height / width {least:.3g} to {most:.3g}"
            yield "frames of an unknown shape, as none in training", numbers
