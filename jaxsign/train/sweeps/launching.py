"""A trial's training: `jaxsign train` in a process of its own, and its last words."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from jaxsign import interrupts

RECIPE = "recipe.py"
CONSOLE = "console.txt"


class Job(Protocol):
    """A trial's training that goes on."""

    def status(self) -> int | None:
        """Its exit status once it has ended; below 0 the signal that killed it."""

    def stop(self) -> None:
        """Asks it to end after the step at hand, and to be able to go on."""


# (the trial's folder, which holds RECIPE; the device, "" = as the machine says) -> the job
Launch = Callable[[Path, str], Job]


class TrainJob:
    """`jaxsign train` on the recipe of a trial's folder; it ends with this process.

    Args:
      folder: of the trial; what is printed is added to its `CONSOLE`.
      device: number of the GPU that it alone sees; "" = all that this process sees.
    """

    def __init__(self, folder: Path, device: str):
        words = ["train", "--config", str(folder / RECIPE), "--workdir", str(folder)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **interrupts.started_here()}
        if device:
            environment["CUDA_VISIBLE_DEVICES"] = device
        with open(folder / CONSOLE, "ab") as console:
            # A session of its own: Ctrl-C reaches the sweep alone, which ends its trials gently.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jaxsign", *words],
                env=environment, stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                start_new_session=True,
            )  # fmt: skip

    def status(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        self._process.terminate()


def devices() -> list[str]:
    """The GPUs that this process may use, by number; [""] where there are none: the CPU.

    JAX is not asked: it would take them.
    """
    wanted = os.environ.get("JAX_PLATFORMS", "")
    if wanted and not re.search("cuda|gpu", wanted):
        return [""]
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if seen is not None:
        return [word.strip() for word in seen.split(",") if word.strip()] or [""]
    found = [path.name for path in Path("/dev").glob("nvidia*")]
    numbers = sorted(int(n[1]) for name in found if (n := re.fullmatch(r"nvidia(\d+)", name)))
    return [str(number) for number in range(len(numbers))] or [""]


def last_words(folder: Path, status: int) -> str:
    """Why a trial's process ended badly."""
    if status < 0:
        known = {int(number): number.name for number in signal.Signals}
        name = known.get(-status, f"signal {-status}")
        memory = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return f"its process was killed ({name}{memory})"
    path = folder / CONSOLE
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    said = " ".join(lines[told[-1] :]).removeprefix("error: ") if told else "".join(lines[-1:])
    return said[:1000] or f"its process ended with status {status}"
