"""From scenes to answers to files: one film at a time."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

import jaxsign
from jaxsign.errors import UserError, did_you_mean
from jaxsign.infer.graphs import pictures as frames_pictures
from jaxsign.infer.graphs.counting import FilmCounts
from jaxsign.infer.graphs.outputs import FilmOutputs, Wanted, check_apart
from jaxsign.infer.graphs.seen import SeenFrame
from jaxsign.infer.graphs.sliding import FrameFollower
from jaxsign.input.scenes import cutting, examples
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.tasks.scenes.answers import FrameAnswer
from jaxsign.train import signals

T = TypeVar("T")
Shown = tuple[Scene, np.ndarray | None]  # a frame as a scene of its own, and its picture


def seen(
    follower: FrameFollower, frames: Iterable[Shown], ended: Callable[[], bool] = lambda: False
) -> Iterator[SeenFrame]:
    """The frames of a film with what is told of them, in their order.

    Args:
      follower: of the run.
      frames: of the film.
      ended: asked behind each frame; once it says so, the film ends there.
    """
    waiting: list[Shown] = []
    numbers = itertools.count()

    def those(answers: Iterable[FrameAnswer]) -> Iterator[SeenFrame]:
        for answer in answers:
            scene, picture = waiting.pop(0)
            number = next(numbers)
            seconds = float(number) if answer.time is None else answer.time
            width, height = scene.image_sizes[0].tolist()
            yield SeenFrame(number, seconds, answer, (width, height), picture)

    for scene, picture in frames:
        waiting.append((scene, picture))
        yield from those(follower.push(scene))
        if ended():
            break
    yield from those(follower.finish())


@dataclasses.dataclass(frozen=True)
class ChosenFrames:
    """Which frames are looked at: one in `every`, and no more than `most` (0 = all)."""

    every: int = 1
    most: int = 0

    def __call__(self, frames: Iterable[T]) -> Iterator[T]:
        stop = self.every * self.most if self.most else None
        return itertools.islice(frames, 0, stop, self.every)


ALL = ChosenFrames()


@dataclasses.dataclass(frozen=True)
class ToldFilm:
    """What became of a film.

    Attributes:
      folder: of its files.
      files: that were written.
      counts: of what was told.
    """

    folder: Path
    files: Sequence[Path]
    counts: FilmCounts

    @property
    def line(self) -> str:
        """What was seen, for the console."""
        return self.counts.line()


def one_of(source: SceneSource, name: str | None) -> SceneSource:
    """The scene of a name; all of them where there is none.

    Raises:
      UserError: no such scene.
    """
    if not name:
        return source
    if name not in source.ids:
        raise UserError(
            f"--clip {name}: {source.name} holds no such scene.{did_you_mean(name, source.ids)}"
        )
    row = list(source.ids).index(name)
    return dataclasses.replace(
        source,
        ids=[name],
        outlines=[source.outlines[row]],
        read=lambda _: source.read(row),
        heads=None,
        bare=None,
    )


def stored(
    follower: FrameFollower, source: SceneSource, number: int, pictures: Path | None
) -> Iterator[Shown]:
    """The frames of a scene; the follower is told which pairs count."""
    follower.candidates = examples.SceneExamples.asked(source, follower.mode, training=False)
    scene = source.read(number)
    return zip(cutting.frames(scene), frames_pictures.of_scene(scene, pictures), strict=True)


def tell_scenes(
    follower: FrameFollower,
    source: SceneSource,
    pictures: Path | None,
    out: Path,
    wanted: Wanted,
    chosen: ChosenFrames = ALL,
) -> Iterator[ToldFilm]:
    """Writes what happens in scenes: one's into `out`, of several each into a folder of its own.

    Args:
      follower: of the run.
      source: of the scenes.
      pictures: the film of the only scene, or the folder that all frames are named in; None: they
        are drawn on an empty ground.
      out: the folder.
      wanted: what is written.
      chosen: which frames.

    Raises:
      UserError: scenes of other classes or widths than the run's, or pictures that do not fit.
    """
    single = len(source.ids) == 1
    if pictures is not None and not single and pictures.is_file():
        raise UserError(
            f"--pictures {pictures}: is one film, but {source.name} holds {len(source.ids)} "
            "scenes. Say which: --clip NAME"
        )
    if single:
        check_apart(out, pictures)
    for number, name in enumerate(source.ids):
        shown = stored(follower, source, number, pictures)
        place = out if single else out / name
        yield tell(follower, chosen(shown), place, name, wanted)


def tell(
    follower: FrameFollower,
    frames: Iterable[Shown],
    out: Path,
    film: str,
    wanted: Wanted,
    detector: str = "",
    watch: Callable[[Image.Image], bool] | None = None,
) -> ToldFilm:
    """Writes what happens in a film.

    Ctrl-C ends it as if the film ended; it is raised behind that. A second one stops at once.

    Args:
      follower: of the run; it begins anew.
      frames: of the film.
      out: the folder.
      film: its name.
      wanted: what is written.
      detector: what the boxes come from.
      watch: takes every painted frame, and says whether to go on.

    Raises:
      UserError: there is no frame.
    """
    follower.begin()
    about = {
        "film": film,
        "run": str(follower.run.workdir),
        "net": follower.run.config.net.name,
        "mode": follower.mode,
        "constraint": follower.constraint,
        "window": follower.window,
        "detector": detector,
        "made_by": f"jaxsign {jaxsign.__version__}",
    }
    with (
        signals.StopRequest() as stop,
        FilmOutputs(out, follower.words, about, wanted) as outputs,
    ):
        for frame in seen(follower, frames, lambda: stop.requested):
            image = outputs.painter.paint(frame) if watch else None
            outputs.add(frame, image)
            if watch and image and not watch(image):
                break
        if outputs.counts.frames:
            files = outputs.close()
        elif not stop.requested:
            raise UserError(f"{film}: there is no frame to tell of")
    if stop.requested:
        raise KeyboardInterrupt
    return ToldFilm(out, files, outputs.counts)
