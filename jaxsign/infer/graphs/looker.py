"""From the frames of a film, one after the other, to scenes with what a detector sees in them."""

import itertools
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.detect import opening
from jaxsign.infer.graphs.session import Shown
from jaxsign.input.scenes import boxes_of_others, cutting, videos
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making, scene_tasks

_LOG = logging.getLogger("jaxsign")


def numbered(frames: Iterable[np.ndarray]) -> Iterator[videos.ShownFrame]:
    """Frames uint8 [H, W, 3], RGB, without times, which are called by their numbers."""
    for number, image in enumerate(frames):
        yield videos.ShownFrame(f"{number:06d}", number, image)


class FilmLooker:
    """Looks at each frame of films once, with a detector.

    Args:
      run: of relations, for which the scenes are.
      detector: it.
      path: its run folder or file, for messages.
      boxes: of another detector, in a file; this one then only makes their features.
      box_classes: the table of their classes.

    Attributes:
      name: of what the boxes come from.

    Raises:
      UserError: a detector of other classes or widths than the run's, or a bad file.
    """

    def __init__(
        self,
        run: runs.Run,
        detector: looking.FrameDetector,
        path: Path,
        *,
        boxes: Path | None = None,
        box_classes: Path | None = None,
    ):
        words, mode = scene_tasks.words_of(run.config), run.config.net.mode
        _check(run, detector, path, words, given=boxes is not None)
        self._others = None if boxes is None else boxes_of_others.read(boxes, words, box_classes)
        asked = mode if mode == "sgcls" else "sgdet"
        self._maker = making.SceneMaker(
            detector, asked, words, float16=False, others=self._others is not None
        )
        self.name = str(boxes or path)

    def __call__(self, film: str, frames: Iterable[videos.ShownFrame]) -> Iterator[Shown]:
        """Each frame as a scene of its own, with its picture.

        Args:
          film: its name.
          frames: with their names and numbers in the film, in order.

        Raises:
          UserError: boxes are given, all of them of other films.
        """
        if self._others is not None:
            self._others.check_film(film)
        return self._looked(film, iter(frames))

    def _looked(self, film: str, frames: Iterator[videos.ShownFrame]) -> Iterator[Shown]:
        names, numbers, sizes = list[str](), list[int](), list[tuple[int, int]]()
        while part := list(itertools.islice(frames, self._maker.detector.chunk)):
            if self._others is not None:
                names += [one.name for one in part]
                numbers += [one.number for one in part]
                shapes = [one.image.shape for one in part if one.image is not None]
                sizes += [(width, height) for height, width, _ in shapes]
            yield from self._look(film, part)
        if self._others is not None and names:
            for told in self._others.remarks(film, names, np.array(sizes), numbers):
                _LOG.warning("%s: %s", film, told)

    def _look(self, film: str, part: list[videos.ShownFrame]) -> Iterator[Shown]:
        names, numbers = [one.name for one in part], [one.number for one in part]
        images = [one.image for one in part if one.image is not None]
        times = [one.time for one in part if one.time is not None]
        sizes = np.array([image.shape[1::-1] for image in images])
        known = self._others.scene(film, names, sizes, numbers) if self._others else None
        made = self._maker.part(self._maker.detector.see(images), known, training=False)
        timed = np.array(times, np.float64) if len(times) == len(part) else None
        scene = self._maker.scene(film, names, sizes, [made], [len(part)], times=timed)
        yield from zip(cutting.frames(scene), images, strict=True)


def opened(
    run: runs.Run,
    detector: Path,
    *,
    chunk: int = 4,
    recipe: str = "paper",
    boxes: Path | None = None,
    box_classes: Path | None = None,
) -> FilmLooker:
    """A looker with the detector of a run folder or a file.

    Args:
      run, boxes, box_classes: see `FilmLooker`.
      detector: the folder or file.
      chunk: frames that are looked at together.
      recipe: which boxes count; one of `looking.RECIPES`.

    Raises:
      UserError: no detector, or one that does not fit.
    """
    found = opening.detector(detector, chunk=chunk, likely=looking.RECIPES[recipe])
    return FilmLooker(run, found, detector, boxes=boxes, box_classes=box_classes)


def _check(
    run: runs.Run, found: looking.FrameDetector, path: Path, words: Vocabulary, *, given: bool
) -> None:
    """Refuses a detector that the run's net cannot take boxes from."""
    net = run.config.net
    if net.mode == "sgcls" and not given:
        raise UserError(
            f"{run.workdir}: tells the classes of given boxes (net.mode=sgcls). Give --boxes FILE, "
            "or a run of mode sgdet"
        )
    if not given and found.objects != words.objects:
        raise UserError(
            f"--detector {path}: tells {len(found.objects) - 1} classes "
            f"({', '.join(found.objects[1:4])} ...), {run.workdir} has learnt "
            f"{len(words.objects) - 1} ({', '.join(words.objects[1:4])} ...). Give the detector "
            "that its scenes were made with"
        )
    learnt = run.config.task.detector
    if learnt not in ("", found.digest):
        raise UserError(
            f"--detector {path}: is {found.digest}, but the scenes that {run.workdir} has learnt "
            f"were made with {learnt}: to its net these are other numbers. Give that one"
        )
    widths = {"feature_dim": found.feature_dim, "union_dim": found.union_dim}
    wrong = [f"{name} {value}, not {net[name]}" for name, value in widths.items()
             if net[name] != value]  # fmt: skip
    if wrong:
        raise UserError(
            f"--detector {path}: gives features of {' and '.join(wrong)}, which {run.workdir} has "
            "learnt. Give the detector that its scenes were made with"
        )
