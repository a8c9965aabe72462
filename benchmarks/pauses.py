"""Pauses between sentences: how many are found, and how many sentences are cut by mistake.

python -m benchmarks.pauses DATA

DATA holds `boston104_hands/sentences.npz` (201 sentences, hands marked in every frame; no body) and
`traduttore_keypoints/sequences.npz` (single signs with MediaPipe's body and hands). They follow
each other with rests between: behind a sentence its last hands held still, with noise, besides what
the recordings themselves have before the first gloss and behind the last; behind four signs hands
out of sight, or still in the lap.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import pauses
from jaxsign.input.signs.rows import Rows

Array = np.ndarray
_PAUSES = (0.5, pauses.PAUSE, 1.0)
_RESTS = (1.0, 1.5)
_NEAR = 5  # frames that glosses are marked longer than hands move
_WRISTS = (clips.POSE.start + 15, clips.POSE.start + 16)
_HANDS = (clips.LEFT_HAND, clips.RIGHT_HAND)
_GROUPS, _SIGNS = 150, 4


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    print("sentences, rests of s      pause s   found   cut by mistake")
    for seconds in _RESTS:
        rng = np.random.default_rng(0)
        sides = {
            "BOSTON-104, still": (_boston(data, seconds, rng), 30, (195, 165)),
            "signs, out of sight": (_signs(data, seconds, _away, rng), 20, (0, 0)),
            "signs, in the lap": (_signs(data, seconds, _lap, rng), 20, (0, 0)),
        }
        for name, (parts, rate, size) in sides.items():
            _print(f"{name}, {seconds}", list(parts), rate, size)


def _print(name: str, parts: list[tuple[Array, Array]], rate: int, size: tuple[int, int]) -> None:
    x = np.concatenate([part for pair in parts for part in pair])
    times = np.arange(len(x)) / rate
    lengths = np.array([[len(part) for part in pair] for pair in parts])
    ends = np.cumsum(lengths.sum(axis=1))  # of the rests
    starts = ends - lengths[:, 1]
    for pause in _PAUSES:
        cutter = pauses.PauseCutter(pause, size)
        told = cutter.push(Rows(x, times, times))
        known = np.array([one.known for one in told if one.ended]) * rate
        found = sum(
            bool(((known > a - _NEAR) & (known < b + _NEAR)).any())
            for a, b in zip(starts, ends, strict=True)
        )
        wrong = len(known) - found
        print(f"{name:26} {pause:7} {found:5}/{len(parts)} {wrong:8}")


def _boston(data: Path, seconds: float, rng: np.random.Generator) -> list[tuple[Array, Array]]:
    """What is signed, and the rest behind it, each landmarks [T, 543, 3]."""
    with np.load(data / "boston104_hands/sentences.npz") as found:
        points = found["features"].reshape(-1, 3, 2) / np.array([195, 165])
        offsets, of_gloss, spans = (
            found[name] for name in ("frame_offset", "gloss_offset", "gloss_segment")
        )
    x = np.full((len(points), 543, 3), np.nan, np.float32)
    for part, number in zip(_HANDS, (0, 1), strict=True):
        x[:, part, :2] = points[:, number, None]
    begins = offsets[:-1] + spans[of_gloss[:-1], 0]
    ends = offsets[:-1] + spans[of_gloss[1:] - 1, 1] + 1
    parts = []
    for number, (begin, end, last) in enumerate(zip(begins, ends, offsets[1:], strict=True)):
        still = np.repeat(x[last - 1 : last], round(30 * seconds), axis=0)
        for part in _HANDS:
            # Marked in whole pixels; a pixel of 195 is half a hundredth.
            still[:, part, :2] += rng.normal(0, 0.005, (len(still), 1, 2))
        following = x[last : begins[number + 1]] if number + 1 < len(begins) else x[:0]
        parts.append((x[begin:end], np.concatenate([x[end:last], still, following])))
    return parts


def _signs(
    data: Path, seconds: float, rest: Callable[[Array, int, Array], Array], rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """As `_boston`: four signs of the test clips one after the other."""
    with np.load(data / "traduttore_keypoints/sequences.npz") as found:
        raw, split, names = found["landmarks"], found["split"], found["classes"][found["label"]]
    x = np.full((*raw.shape[:2], 543, 3), np.nan, np.float32)
    x[:, :, clips.POSE], x[:, :, clips.LEFT_HAND] = raw[:, :, :33], raw[:, :, 33:54]
    x[:, :, clips.RIGHT_HAND] = raw[:, :, 54:]
    still = x[np.isin(names, ("b", "l", "k"))][:, :, clips.RIGHT_HAND, :2]
    noise = np.nan_to_num(still - still.mean(axis=1, keepdims=True))  # of a hand held still
    test = np.flatnonzero((split == 2) & (names != "-"))
    for _ in range(_GROUPS):
        signed = np.concatenate(x[rng.choice(test, _SIGNS)])
        yield signed, rest(signed[-1], round(20 * seconds), noise[rng.integers(len(noise))])


def _away(last: Array, frames: int, noise: Array) -> Array:
    x = np.repeat(last[None], frames, axis=0)
    x[:, clips.LEFT_HAND] = x[:, clips.RIGHT_HAND] = np.nan
    x[:, _WRISTS, 1] = 1.1
    return x


def _lap(last: Array, frames: int, noise: Array) -> Array:
    x = _away(last, frames, noise)
    shoulders, hips = (last[[clips.POSE.start + n for n in pair], 1].mean()
                       for pair in ((11, 12), (23, 24)))  # fmt: skip
    there = np.array([0.5, shoulders + 0.92 * (hips - shoulders)])
    hand = np.concatenate([noise, noise[::-1]] * 2)[:frames]
    for part in _HANDS:
        x[:, part, :2] = there + hand
    x[:, _WRISTS, :2] = there + hand[:, :1]
    return x


if __name__ == "__main__":
    main()
