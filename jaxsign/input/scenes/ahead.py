"""Frames that are read and scaled by other threads while the device looks at those before them."""

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np

from jaxsign.input.scenes import pictures, videos

Array = np.ndarray
ScaledChunk = tuple[
    list[videos.ShownFrame], list[tuple[Array, float]], list[tuple[int, int]]
]  # without images, as the detector sees them, widths and heights


def chunks(
    video: videos.SceneVideo, size: int, reasons: list[str]
) -> Iterator[list[videos.ShownFrame]]:
    """Frames that can be read, so many at once; of the others the reasons."""
    good = (frame for frame in video.frames() if _is_good(frame, reasons))
    while chunk := list(itertools.islice(good, size)):
        yield chunk


def _is_good(frame: videos.ShownFrame, reasons: list[str]) -> bool:
    if frame.image is None:
        reasons.append(frame.reason)
    return frame.image is not None


def scaled(chunks: Iterator[list[videos.ShownFrame]], side: int) -> Iterator[ScaledChunk]:
    """Chunks read and scaled by other threads, one while the device looks at another."""

    def following() -> ScaledChunk | None:
        frames = next(chunks, None)
        if frames is None:
            return None
        named = [(frame.image, frame.name) for frame in frames if frame.image is not None]
        images = [image for image, _ in named]
        larger = list(scaling.map(lambda row: pictures.scaled(row[0], side, row[1]), named))
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        return [dataclasses.replace(frame, image=None) for frame in frames], larger, sizes

    executor = concurrent.futures.ThreadPoolExecutor
    with executor(1) as reading, executor() as scaling:
        coming = reading.submit(following)
        while (chunk := coming.result()) is not None:
            coming = reading.submit(following)
            yield chunk
