"""Views alone: clips a second of one core, for clips of 100 frames.

python -m benchmarks.views [--quick] [--json FILE]
"""

import functools
import time
from collections.abc import Callable

import numpy as np

from benchmarks import command, timing
from benchmarks.rows import Row
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views import asl_hybrid, fslr156, signon, whisper_sign

# frames a clip, different clips, rounds
SIZES = {"full": (100, 64, 9), "quick": (100, 32, 3), "check": (12, 2, 1)}
VIEWS: dict[str, Callable[[Clip], np.ndarray]] = {
    "fslr156, gaps of 5": fslr156.Fslr156View(),
    "asl_hybrid": asl_hybrid.AslHybridView(),
    "whisper_sign, 60 frames/s": whisper_sign.WhisperSignView(),
    "whisper_sign, as the original": whisper_sign.WhisperSignView(missing="upstream"),
    "signon A": signon.SignonView(generation="A"),
    "signon B": signon.SignonView(generation="B"),
}


def measure(size: str) -> list[Row]:
    """Every view over the same clips, whose hands come and go as real ones do."""
    frames, count, rounds = SIZES[size]
    clips = recordings(count, frames)
    rows = []
    for name, view in VIEWS.items():
        run = functools.partial(_through, view, clips)
        times = timing.alternate({"view": run}, rounds=rounds)
        # Of one core: seconds of the processor, which count the threads of matrix products too.
        start = time.process_time()
        for _ in range(rounds):
            run()
        seconds = (time.process_time() - start) / rounds
        note = f"{count / seconds:.0f} clips a second of one core"
        rows.append(Row(f"view {name}, {count} x {frames}", times, note=note))
    return rows


def _through(view: Callable[[Clip], np.ndarray], clips: list[Clip]) -> None:
    for clip in clips:
        view(clip)


def recordings(count: int, frames: int) -> list[Clip]:
    """Clips at 30 frames/s of smoothly moving points; each hand is away for two stretches."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        steps = rng.normal(0, 0.003, (frames, 543, 3)).cumsum(axis=0)
        landmarks = (rng.uniform(0.3, 0.7, (1, 543, 3)) + steps).astype(np.float32)
        for hand in (LEFT_HAND, RIGHT_HAND):
            for start in rng.integers(0, frames, 2):
                landmarks[start : start + int(rng.integers(1, 1 + frames // 5)), hand] = np.nan
        landmarks[rng.random(frames) < 0.02, FACE] = np.nan
        landmarks[rng.random(frames) < 0.01, POSE] = np.nan
        visibility = rng.uniform(0.3, 1, (frames, 33))
        made.append(Clip(landmarks, np.arange(frames) / 30, (640, 480), 30.0, "", visibility))
    return made


MEASURES = (command.Measure("views", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
