"""Makes the small stopped runs of tests/stopped_runs and what the code at hand gives for them.

    python tests/old_runs.py [SYSTEM ...]

Each run is left in the middle of an epoch, as a kill leaves it; the folder's README says more.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE / "train")]

import running  # noqa: E402

from jaxsign import cli, runtime  # noqa: E402
from jaxsign import config as configs  # noqa: E402
from jaxsign.train import log, loop  # noqa: E402

FOLDER = HERE / "stopped_runs"
_EVERY_STEP = {"deterministic": True, "checkpoint": {"every_steps": 1}}
# The tiny recipes as other tests train them: what those compile is there already.
# system -> its recipe, and the step after whose checkpoint it is stopped.
RUNS = {
    "fslr_transformer": (
        lambda: running.tiny_config("deterministic=True", "checkpoint.every_steps=1"),
        5,
    ),
    "asl_hybrid": (
        lambda: running.tiny_asl(net={"dim": 8}, train={"epochs": 2}, **_EVERY_STEP),
        4,
    ),
    "whisper_sign": (lambda: running.tiny_whisper(**_EVERY_STEP), 5),
}


class _Killed(Exception):
    """Ends a run where a kill would."""


class _Killer(log.TrainingDisplay):
    """A display that ends the run in its step `last` + 1, of which nothing is saved."""

    def __init__(self, last: int):
        super().__init__(live=False)
        self._steps_to_go = last

    def step(self, done: int, note: str) -> None:
        """Counts the steps down."""
        self._steps_to_go -= 1
        if self._steps_to_go < 0:
            raise _Killed


def make(system: str) -> None:
    """Writes a system's folder: the stopped run, and what becomes of it."""
    recipe, last = RUNS[system]
    target = FOLDER / system
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        try:
            loop.train(recipe(), run, _Killer(last))
        except _Killed:
            _tidy(run)
        shutil.make_archive(str(target / "run"), "xztar", scratch, "run")
        for name, value in answers(run, Path(scratch)).items():
            (target / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")
        loop.train(configs.load_run_config(run), run, log.TrainingDisplay(live=False))
        shutil.copy(run / "metrics.csv", target / "metrics.csv")


def unpack(system: str, folder: Path) -> Path:
    """A system's stopped run, put into `folder`."""
    shutil.unpack_archive(FOLDER / system / "run.tar.xz", folder, filter="data")
    return folder / "run"


def _tidy(run: Path) -> None:
    """Leaves out what tells of this machine or is only for people."""
    for name in ("history.png", ".lock"):
        (run / name).unlink(missing_ok=True)
    for mark in run.rglob("commit_success.txt"):
        mark.write_text("Checkpoint commit was successful\n")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["device"] = "1 x cpu"
    (run / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def answers(run: Path, scratch: Path) -> dict[str, Any]:
    """What `evaluate` and `predict` write for a run, but for times, paths and devices."""
    _call("evaluate", "--workdir", str(run), "--out", str(scratch / "results"))
    names = ("complete_validation_results.json", "results.json")
    found = next(p for p in (scratch / "results" / name for name in names) if p.exists())
    evaluated = json.loads(found.read_text())
    evaluated.pop("model_info", None)
    predicted = scratch / "predicted.json"
    _call("predict", "--workdir", str(run), str(FOLDER / "clips"), "--out", str(predicted))
    return {"evaluated": evaluated, "predicted": json.loads(predicted.read_text())}


def _call(*words: str) -> None:
    if status := cli.main(list(words)):
        raise RuntimeError(f"jaxsign {words[0]} ended with {status}")


if __name__ == "__main__":
    runtime.quiet()
    runtime.compilation_cache()
    for name in sys.argv[1:] or RUNS:
        make(name)
