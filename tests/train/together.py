"""Runs that two processes train together, or one with two devices; prints a line of JSON.

    python tests/train/together.py FOLDER PORT INDEX
    python tests/train/together.py FOLDER alone

Of two: `pmap` is stopped by a signal to the second one and goes on; recipes that differ are
refused; in `jit` the second one is killed. The one that is alone ends that, and has both whole.
"""

import json
import os
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent), str(HERE)]

from running import tiny_config  # noqa: E402

from jaxsign import runtime  # noqa: E402
from jaxsign.errors import UserError  # noqa: E402
from jaxsign.machines import finding, joining  # noqa: E402
from jaxsign.screen import Console  # noqa: E402
from jaxsign.train import log, loop  # noqa: E402


class Signalling(log.TrainingDisplay):
    """A silent one that sends its own process a signal at the end of the first epoch."""

    def __init__(self, number=None):
        super().__init__(live=False, console=Console(quiet=True))
        self.number = number

    def end_epoch(self, epoch, epochs, text, **of):
        super().end_epoch(epoch, epochs, text, **of)
        if epoch == 1 and self.number:
            os.kill(os.getpid(), self.number)


def train(folder, parallel, number=None, **changed):
    config = tiny_config("train.epochs=4", "deterministic=True", f"parallel={parallel}")
    config.optim.update(changed)
    return loop.train(config, folder, Signalling(number))


def refused(folder, *words, **changed):
    try:
        train(folder, *words, **changed)
    except UserError as error:
        return str(error)
    return ""


def together(folder, index, told):
    second = index == 1
    stopped = train(folder / "pmap", "pmap", signal.SIGTERM if second else None)
    told |= {"interrupted": stopped.interrupted, "stopped": stopped.step}
    told["pmap"] = train(folder / "pmap", "pmap").step
    told["differs"] = refused(folder / "other", "jit", lr=2e-3 if second else 1e-3)
    train(folder / "jit", "jit", signal.SIGKILL if second else None)


def alone(folder):
    return {
        "pmap": train(folder / "one-pmap", "pmap").step,
        "jit": train(folder / "one-jit", "jit").step,
        "killed": train(folder / "jit", "jit").step,
    }


def main(folder, port, index=0):
    runtime.quiet()
    runtime.compilation_cache()
    if port == "alone":
        print(json.dumps(alone(Path(folder))))
        return
    seat, told = finding.Seat("127.0.0.1", int(port), int(index), 2), {}
    try:
        with joining.joined(seat, 120):
            together(Path(folder), seat.index, told)
    except UserError as error:
        told["ended"] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
