"""Memory while a long film is looked at by `jaxsign scene` and `jaxsign detect`.

    python -m benchmarks.film_memory [--minutes 10] [--fps 1]

Prints the most MB that the process has held in each minute of the film, and while its files are
ended. The film is made up (a box moves over noise), and the nets are tiny, of random weights. Pages
of files, which the system takes back when it needs them, do not count.
"""

import argparse
import contextlib
import math
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
from rich.table import Table

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.infer import run as runs
from jaxsign.infer.detect import folder
from jaxsign.infer.graphs import films, looker, outputs, session, sliding
from jaxsign.input import film
from jaxsign.input.scenes import videos, vocabulary
from jaxsign.nets import faster_rcnn
from jaxsign.screen import Console
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making
from jaxsign.train import setup

_WORDS = vocabulary.from_json(
    {
        "objects": ["person", "cup"],
        "groups": [
            {"name": "look", "kind": "one", "predicates": ["at", "away"]},
            {"name": "touch", "predicates": ["holds", "near"]},
        ],
    },
    "film_memory",
)
_RELATIONS = {"hidden_dim": 8, "word_dim": 4, "map_dim": 8, "classifier_dim": 8, "ff_dim": 8}
_SIZE = 64, 48
_NAP = 0.05  # seconds
_ENDING = "ending"


class MemoryWatch:
    """The most MB that this process holds, by the minute of a film that it is in.

    Attributes:
      most: by the minute, from 1, or `_ENDING`.
    """

    def __init__(self) -> None:
        self.most: dict[int | str, float] = {}
        self._now: int | str = 1
        self._done = threading.Event()

    def frames(self, frames: Iterable[videos.ShownFrame]) -> Iterator[videos.ShownFrame]:
        """The frames; as they pass, time does."""
        for frame in frames:
            self._now = math.floor((frame.time or 0.0) / 60) + 1
            yield frame
        self._now = _ENDING

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Looks every moment, until the block ends."""
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def _look(self) -> None:
        while not self._done.wait(_NAP):
            self.most[self._now] = max(_held(), self.most.get(self._now, 0.0))

    @property
    def grown(self) -> float:
        """MB more than in the first minute, at most."""
        return max(self.most.values()) - self.most[1]


def _held() -> float:
    """MB of this process that are no pages of files."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "Linux tells it"
    return int(found[1]) * 1024 / 1e6


def made(path: Path, minutes: float, fps: float) -> Path:
    """A film of a box that moves over noise."""
    rng = np.random.default_rng(0)
    width, height = _SIZE
    with film.Writer(path, fps) as writer:
        for number in range(round(minutes * 60 * fps)):
            image = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
            left = number % (width // 2)
            image[8:28, left : left + 24] += 120
            writer.add(Image.fromarray(image), number / fps)
    return path


def a_detector() -> looking.FrameDetector:
    """One of random weights, which finds about as many boxes in every frame."""
    net = faster_rcnn.FasterRCNN(
        backbone="resnet18",
        proposal_dim=8,
        proposals=12,
        short_side=64,
        num_classes=len(_WORDS.objects),
    )
    variables = jax.jit(net.init)(jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    return looking.FrameDetector(net, variables, _WORDS.objects)


def a_run(detector: looking.FrameDetector) -> runs.Run:
    """A run of random weights that tells relations of what the detector sees."""
    config = configs.load("sttran:scenes")
    config.net.update(_RELATIONS, mode="sgdet")
    widths = {"feature_dim": detector.feature_dim, "union_dim": detector.union_dim}
    counts = {"num_objects": len(_WORDS.objects), "predicates": tuple(map(len, _WORDS.groups))}
    config = setup.filled(config, {"net": widths | counts, "task": vocabulary.to_rows(_WORDS)})
    net, key = nets.build(**config.net.to_dict()), jax.random.key(0)
    batch = tasks.build(config, net).imagined(config, key)
    variables = jax.jit(lambda: nets.init(net, key, batch))()
    return runs.Run(Path("random"), "best", config, {}, net, variables, {})


def scene(path: Path, out: Path, watch: MemoryWatch) -> str:
    """As `jaxsign scene`; gives its line."""
    detector = a_detector()
    follower = sliding.FrameFollower(a_run(detector))
    looks = looker.FilmLooker(follower.run, detector, Path("random"))
    shown = looks(path.stem, watch.frames(films.frames_of(path)))
    return session.tell(follower, shown, out, path.stem, outputs.USUAL).line


def detect(path: Path, out: Path, watch: MemoryWatch) -> str:
    """As `jaxsign detect`; gives what it wrote."""
    plan = folder.DetectPlan(out, making.SceneMaker(a_detector(), "sgdet", _WORDS), {})

    def frames() -> Iterator[videos.ShownFrame]:
        return watch.frames(videos.film_frames(path, videos.FilmOptions()))

    size = path.stat().st_size
    assert not folder.detect(plan, [videos.SceneVideo(path.stem, "", str(path), size, frames)])
    written = sum(one.stat().st_size for one in out.glob("*.npz"))
    return f"{written / 1e6:.0f} MB written"


def watched(
    verb: Callable[[Path, Path, MemoryWatch], str], path: Path, out: Path
) -> tuple[MemoryWatch, str]:
    """What a verb held, and its last line."""
    watch = MemoryWatch()
    with watch.looking():
        line = verb(path, out, watch)
    return watch, line


def main() -> None:
    """Prints a table of both verbs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", type=float, default=1.0)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = made(Path(place) / "film.mp4", words.minutes, words.fps)
        found = [watched(verb, path, Path(place) / verb.__name__) for verb in (scene, detect)]
    table = Table("minute", "scene, MB", "detect, MB")
    for minute in found[0][0].most:
        table.add_row(str(minute), *(f"{watch.most.get(minute, 0):.0f}" for watch, _ in found))
    table.add_row("more than in the first", *(f"{watch.grown:+.0f}" for watch, _ in found))
    console = Console()
    console.print(table)
    console.print(f"scene: {found[0][1]}; detect: {found[1][1]}")


if __name__ == "__main__":
    main()
