"""Streams of landmarks: what a hop of `jaxsign stream` and `jaxsign live` costs, frame by frame.

python -m benchmarks.streaming [--quick] [--json FILE]
"""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from benchmarks import command, timing, views
from benchmarks.rows import Row
from configs import whisper_sign as recipes
from jaxsign import nets
from jaxsign.infer import run as runs
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs.rows import Chunk

FPS = 30.0  # of the camera
_SMALL = (("dim", 256), ("num_heads", 4), ("num_layers", 4), ("ff_dim", 1024))
_TINY = (("dim", 16), ("num_heads", 2), ("num_layers", 1), ("ff_dim", 32), ("num_gloss", 20))


@dataclasses.dataclass(frozen=True)
class Size:
    """What is measured.

    Attributes:
      nets: name -> fields of the recipe's net that are not the published ones.
      seconds: of a window; the overlap is half of it.
      rounds: measurements of each net.
    """

    nets: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    seconds: float = 3.0
    rounds: int = 15


SIZES = {
    "full": Size((("default net", ()), ("small net", _SMALL))),
    "quick": Size((("small net", _SMALL),), rounds=5),
    "check": Size((("tiny net", _TINY),), seconds=1.0, rounds=1),
}


def measure(size: str) -> list[Row]:
    """One hop: half a window of frames, one at a time, and the window that they complete."""
    chosen = SIZES[size]
    return [_row(name, dict(fields), chosen) for name, fields in chosen.nets]


def _row(name: str, fields: dict[str, int], size: Size) -> Row:
    run = _run(fields)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(run.variables["params"]))
    recogniser = Recogniser(run, run.task.follower(run, {"window": size.seconds}))
    stream = _Stream(recogniser, size.seconds / 2)
    recogniser.warm_up()
    for _ in range(2):
        stream.hop()
    stream.net_s.clear()
    times = timing.alternate({"jaxsign": stream.hop}, rounds=size.rounds, shortest=0.0)
    hop, net = times["jaxsign"].median, float(np.median(stream.net_s))
    note = (
        f"net {1e3 * net:.1f} ms, the rest {1e3 * (hop - net):.1f} ms; "
        f"{size.seconds / 2 / hop:.0f} times real time"
    )
    title = f"stream, {name} ({parameters / 1e6:.1f} M), a hop of {size.seconds / 2:g} s"
    return Row(title, times, note=note)


class _Stream:
    """A camera's landmarks without end, the same few seconds over and over."""

    def __init__(self, recogniser: Recogniser, seconds: float):
        self._recogniser, self._frames = recogniser, round(seconds * FPS)
        self._landmarks = views.recordings(1, 300)[0].landmarks
        self._count = 0
        self.net_s: list[float] = []  # of every hop

    def hop(self) -> None:
        """The next frames, each pushed when it comes."""
        before = self._recogniser.cost.net_s
        for _ in range(self._frames):
            frame = self._landmarks[self._count % len(self._landmarks)]
            self._recogniser.push(Chunk(frame[None], np.array([self._count / FPS])))
            self._count += 1
        self.net_s.append(self._recogniser.cost.net_s - before)


def _run(fields: dict[str, int]) -> runs.Run:
    """A run of the published recipe with random weights."""
    config = recipes.get_config()
    config.net.update({"num_gloss": 1295, **fields})
    net = nets.build(**config.net.to_dict())
    batch = {"x": np.zeros((1, 8, *net.frame_shape), np.float32)}
    shapes = jax.eval_shape(lambda: nets.init(net, jax.random.key(0), batch))
    rng = np.random.default_rng(0)
    # Any positive numbers will do, for the variances too.
    variables = jax.tree.map(
        lambda leaf: np.abs(0.02 * rng.standard_normal(leaf.shape, np.float32)), dict(shapes)
    )
    return runs.Run(
        workdir=Path(),
        which="best",
        config=config,
        labels={"gloss": None},
        net=net,
        variables=jax.device_put(variables),
        info={},
    )


MEASURES = (command.Measure("streaming", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
