"""What a detector costs those who use it: films by `detect`, and training on what was stored."""

import functools
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import original_scenes, scene_graphs, timing
from benchmarks.detector_sides import SIZES, Both, Size
from benchmarks.rows import Row
from jaxsign.infer.detect import folder
from jaxsign.input import film
from jaxsign.input.folders import progress
from jaxsign.input.scenes import videos
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, Vocabulary
from jaxsign.screen import Console
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making
from parity.reference import vidsgg_detector

_BOXES, _PAIRS = 4, 3  # of a frame of the made-up videos: a person and three objects


def measure(size: str) -> list[Row]:
    """A film beside the net alone, and a video's training step with and without the detector."""
    both = Both.of(SIZES[size])
    return [_film(SIZES[size], both), _training(size, both)]


def _film(size: Size, both: Both) -> Row:
    """All of `detect --mode sgdet`: decoding, looking, compressing, writing."""
    words = Vocabulary(ACTION_GENOME.objects[: size.classes], ACTION_GENOME.groups)
    detector = looking.FrameDetector(both.net, both.variables, words.objects)
    maker, numbers = making.SceneMaker(detector, "sgdet", words), itertools.count()
    silent = progress.Display("video", Console(quiet=True))
    with tempfile.TemporaryDirectory() as place:
        path = _drawn(Path(place) / "film.mp4", size)
        read = functools.partial(videos.film_frames, path, videos.FilmOptions())
        images = [frame.image for frame in read() if frame.image is not None]

        def detect() -> None:
            plan = folder.DetectPlan(Path(place) / str(next(numbers)), maker, {})
            one = videos.SceneVideo("film", "", str(path), path.stat().st_size, read)
            assert not folder.detect(plan, [one], display=silent)

        def alone() -> None:
            for chunk in _chunks(images, detector.chunk):
                maker.part(detector.see(chunk), None, training=False)

        times = timing.alternate({"detect": detect, "the net": alone}, rounds=size.rounds)
    note = f"{len(images)} frames, {size.backbone}, {size.image}; 0.91 is a tenth more than the net"
    return Row("Detector: a film by detect", times, note=note)


def _drawn(path: Path, size: Size) -> Path:
    """A film of noise, of as many frames as the videos that are trained on."""
    rng = np.random.default_rng(0)
    with film.Writer(path, 30.0) as writer:
        for number in range(size.frames):
            pixels = rng.integers(0, 255, (*size.image, 3), dtype=np.uint8)
            writer.add(Image.fromarray(pixels), number / 30)
    return path


def _chunks(images: list[np.ndarray], count: int) -> Iterator[list[np.ndarray]]:
    return (images[at : at + count] for at in range(0, len(images), count))


def _training(size: str, both: Both) -> Row:
    """STTran's PredCLS step on one video: features stored, and the original's, seen every time."""
    config, found = scene_graphs.opened(scene_graphs.SIZES[size], "sttran")
    batch = scene_graphs.batch_of(found, range(1))
    ours, theirs = scene_graphs.Jax(config, batch), original_scenes.Torch(config)
    given, entries = ours.prepare(batch), original_scenes.videos(batch)
    frames, look = int(found.sizes[0, 0]), _look_of_original(SIZES[size], both)

    def original() -> None:
        for _ in range(frames):
            look()
        theirs.train([entries])

    both_times: dict[str, timing.Run] = {
        "jaxsign": functools.partial(ours.train, [given]),
        "torch": original,
    }
    times = timing.alternate(both_times, rounds=SIZES[size].rounds)
    note = f"one video of {frames} frames: stored scenes, and the detector in every step"
    return Row("Detector: PredCLS training", times, note=note)


def _look_of_original(size: Size, both: Both) -> timing.Run:
    """What its detector does for a frame whose boxes are given."""
    height, width = size.image
    image = torch.randn(1, 3, height, width)
    box = torch.tensor([0, width * 0.2, height * 0.2, width * 0.7, height * 0.8])
    boxes, around = box.repeat(_BOXES, 1), box.repeat(_PAIRS, 1)

    def look() -> None:
        with torch.inference_mode():
            maps = both.module.RCNN_base(image)
            both.module.look(maps, boxes)
            vidsgg_detector.roi_align(maps, around)

    return look
