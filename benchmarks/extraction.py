"""Extraction of landmarks against MediaPipe called bare on the same frames.

    python -m benchmarks.extraction [--quick] [--json FILE]

JAXSIGN_BENCH_MODEL names the holistic landmarker's .task file and JAXSIGN_BENCH_VIDEO a video; by
default those of ../shared beside the project. One process; MediaPipe runs its own threads, so the
seconds of processor time are given too: they are what a core is busy with.
"""

import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import command, timing
from benchmarks.rows import Row
from jaxsign.errors import UserError
from jaxsign.input.signs.extract import landmarkers, libraries, models, recording, video
from jaxsign.input.signs.extract.settings import ExtractionSettings

ROUNDS = {"full": 15, "quick": 3, "check": 1}
_SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
_DEFAULTS = {
    "JAXSIGN_BENCH_MODEL": _SHARED / "mediapipe_models" / "holistic_landmarker_lite.task",
    "JAXSIGN_BENCH_VIDEO": _SHARED / "sign_clip_mit" / "clips" / "test_video.mp4",
}


def measure(size: str) -> list[Row]:
    """A video to a clip, against detection alone and against decoding and detection."""
    model, clip = (_place(name) for name in _DEFAULTS)
    files, settings = models.check({"holistic": str(model)}), ExtractionSettings()
    frames = _decode(clip)
    shown = [(round(seconds * 1000), image) for seconds, image in frames]
    sides = {
        "jaxsign": _Meter(functools.partial(_extract, clip, files, settings)),
        "MediaPipe": _Meter(functools.partial(_bare, shown, files, settings)),
        "decoding": _Meter(functools.partial(_decode, clip)),
    }
    times = timing.alternate(sides, rounds=ROUNDS[size])
    busy = {name: side.median for name, side in sides.items()}
    count = len(frames)
    name = f"extraction, {count} frames of {frames[0][1].shape[1]} x {frames[0][1].shape[0]}"
    return [_row(name, times, busy, other, count) for other in ("MediaPipe", "decoding")]


def _row(
    name: str,
    times: dict[str, timing.Timing],
    busy: dict[str, float],
    other: str,
    count: int,
) -> Row:
    if other == "decoding":
        note = f"decoding is {times[other].median / times['jaxsign'].median:.0%} of the extraction"
    else:
        decoding = times["decoding"].median
        all_over = times["jaxsign"].median / times[other].median - 1
        own = (times["jaxsign"].median - decoding) / times[other].median - 1
        busy_over = busy["jaxsign"] / busy[other] - 1
        note = (
            f"{count / times['jaxsign'].median:.1f} frames/s; over bare MediaPipe "
            f"{all_over:+.1%} with decoding, {own:+.1%} without; processor time "
            f"{1e3 * busy['jaxsign'] / count:.1f} ms a frame ({busy_over:+.1%})"
        )
    sides = {side: times[side] for side in ("jaxsign", other)}
    return Row(f"{name}, against {other}", sides, note=note)


class _Meter:
    """Runs something and remembers the processor time of each run."""

    def __init__(self, run: Callable[[], object]):
        self._run = run
        self._seconds: list[float] = []

    def __call__(self) -> None:
        begun = time.process_time()
        self._run()
        self._seconds.append(time.process_time() - begun)

    @property
    def median(self) -> float:
        """Seconds, without the two runs that warm up."""
        return float(np.median(self._seconds[2:]))


def _extract(path: Path, files: dict[str, Path], settings: ExtractionSettings) -> None:
    landmarker = landmarkers.create(files, settings)
    try:
        recording.record(path, landmarker, settings)
    finally:
        landmarker.close()


def _bare(
    frames: list[tuple[int, np.ndarray]], files: dict[str, Path], settings: ExtractionSettings
) -> list[object]:
    """What one writes with MediaPipe's own documentation at hand; the results are kept."""
    mediapipe, vision = libraries.mediapipe()
    options = vision.HolisticLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(files["holistic"])),
        running_mode=vision.RunningMode.VIDEO,
    )
    with vision.HolisticLandmarker.create_from_options(options) as task:
        return [
            task.detect_for_video(mediapipe.Image(mediapipe.ImageFormat.SRGB, image), when)
            for when, image in frames
        ]


def _decode(path: Path) -> list[tuple[float, np.ndarray]]:
    with video.Video(path) as opened:
        return [(frame.seconds, frame.pixels(ExtractionSettings().max_side)) for frame in opened]


def _place(name: str) -> Path:
    path = Path(os.environ.get(name) or _DEFAULTS[name])
    if not path.is_file():
        raise UserError(f"{path}: no such file. This benchmark needs {name}=FILE, see its head.")
    return path


MEASURES = (command.Measure("extraction", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
