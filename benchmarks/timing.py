"""Measuring: two sides in turn, medians with spread, and what the machine can do at best."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import runtime

Run = Callable[[], object]
# Memory that a process takes anew is slow for a run or more. Shorter ones are repeated anyhow, and
# longer ones take their time.
_WARMED_UP = 0.01, 2.0  # seconds
_WARMING = 4  # runs at most, behind the first one


@dataclasses.dataclass(frozen=True)
class Timing:
    """Times of one thing.

    Attributes:
      first: seconds of the first run, compilation included.
      seconds: one number a round: seconds of one run.
    """

    first: float
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return float(np.median(self.seconds))

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles, as a share of the median."""
        low, high = np.percentile(self.seconds, (25, 75))
        return float((high - low) / 2 / self.median)

    @property
    def compiling(self) -> float:
        """Seconds that the first run took longer."""
        return max(self.first - self.median, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """For the file of results; the median and the spread are for its readers alone."""
        return {
            "first_s": self.first,
            "rounds_s": list(self.seconds),
            "median_s": self.median,
            "spread": self.spread,
        }

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Timing":
        """From what `as_dict` gave."""
        return cls(saved["first_s"], tuple(saved["rounds_s"]))


def alternate(
    sides: Mapping[str, Run], *, rounds: int, shortest: float = 0.1, pause: float = 0.05
) -> dict[str, Timing]:
    """Times the sides in turn, so that a change of the machine's mood meets all of them.

    Args:
      sides: functions that return when their work is done.
      rounds: measured ones. Runs of each side warm it up until they get no faster; the last of
        these is measured where it needs no repeating.
      shortest: seconds that one measurement takes at least: shorter runs are repeated.
      pause: seconds of rest between the sides, for idling threads of one to leave the cores.
    """
    first, second, repeats = {}, {}, {}
    order = list(sides)
    for name, run in sides.items():
        first[name], second[name] = _seconds(run, 1), _settled(run)
        repeats[name] = max(1, math.ceil(shortest / second[name]))
    once = max(repeats.values()) == 1
    times = {name: [second[name]] if once else [] for name in sides}
    for number in range(rounds - once):
        # Every other round backwards, so that no side always follows the same one.
        for name in order if number % 2 == 0 else order[::-1]:
            time.sleep(pause)
            times[name].append(_seconds(sides[name], repeats[name]))
    return {name: Timing(first[name], tuple(times[name])) for name in sides}


def _settled(run: Run) -> float:
    """Seconds of a run as soon as it is hardly faster than the one before: memory is taken then."""
    seconds = _seconds(run, 1)
    least, most = _WARMED_UP
    for _ in range(_WARMING if least < seconds < most else 0):
        before, seconds = seconds, _seconds(run, 1)
        if seconds > 0.8 * before:
            break
    return seconds


def _seconds(run: Run, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def matmul_peak(size: int = 2048, rounds: int = 15) -> float:
    """Floating-point operations a second of the best of `rounds` square float32 products in XLA."""
    a = jnp.asarray(np.random.default_rng(0).normal(size=(size, size)), jnp.float32)
    product = jax.jit(jnp.dot)
    timing = alternate(
        {"jax": lambda: jax.block_until_ready(product(a, a))},
        rounds=rounds,
        shortest=0.0,
        pause=0.0,
    )["jax"]
    return 2 * size**3 / min(timing.seconds)


def machine() -> dict[str, Any]:
    """What was measured on."""
    import torch

    return {
        "devices": runtime.describe_devices(),
        "platform": jax.default_backend(),
        "cores": runtime.available_cores(),
        "torch_threads": torch.get_num_threads(),
        "packages": {**runtime.packages(), "torch": str(torch.__version__)},
    }
