"""A run's numbers on Weights & Biases, where a person has asked for it."""

import contextlib
import hashlib
import importlib
import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import run_files

_LOG = logging.getLogger("jaxsign")
_PROJECT = "slr"
_KEY = "WANDB_API_KEY"
# Nobody waits long for a network; the console stays the run's own.
_SETTINGS = {"init_timeout": 30, "console": "off", "silent": True}


class Board:
    """Sends a run's config, scalars and best checkpoint, in a thread of its own.

    Does nothing when it is off, and after a call that failed: training goes on without it and never
    waits for it but at its end.

    Args:
      choice: 'on', 'off', or 'auto': on if there is a key in the environment.
      workdir: the run folder, whose name the run gets there.
      started: when the run began: one that goes on has the same page there.
      config: the recipe.
      module: the package; None = `wandb`.
      patience: seconds that the run's end waits for what is still to be sent.
    """

    def __init__(
        self,
        choice: str,
        workdir: Path,
        started: str,
        config: Mapping[str, object],
        module: Any = None,
        patience: float = 60.0,
    ):
        self._workdir, self._module, self._patience = workdir, module, patience
        self._waiting: queue.SimpleQueue[tuple[Mapping[str, float], int] | None]
        self._waiting = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._warned = False
        if choice == "off" or (choice == "auto" and not os.environ.get(_KEY)):
            return
        named = {
            "project": _PROJECT,
            "name": workdir.name,
            "id": hashlib.sha256(f"{workdir.name} {started}".encode()).hexdigest()[:16],
            "resume": "allow",
            "dir": str(workdir),
            "config": dict(config),
            "settings": _SETTINGS,
        }
        self._thread = threading.Thread(target=self._send, args=(named,), daemon=True)
        self._thread.start()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Sends `values` at `step`."""
        if self._thread is not None and self._thread.is_alive():
            self._waiting.put((dict(values), step))

    def flush(self) -> None:
        """Nothing: it sends in the background."""

    def close(self) -> None:
        """Sends the best checkpoint, if there is one, and ends."""
        if self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join(self._patience)
        if self._thread.is_alive():
            self._warn(f"no answer for {self._patience:g} seconds")
        self._thread = None

    def _send(self, named: Mapping[str, Any]) -> None:
        try:
            module = self._module or importlib.import_module("wandb")
            run = module.init(**named)
            with contextlib.ExitStack() as page:
                page.callback(run.finish)
                while (scalars := self._waiting.get()) is not None:
                    run.log(scalars[0], step=scalars[1])
                best = self._workdir / run_files.CHECKPOINTS / "best"
                if best.is_dir():
                    artifact = module.Artifact(f"{run.id}-best", type="model")
                    artifact.add_dir(str(best))
                    run.log_artifact(artifact)
        except ImportError:
            self._warn("the package is not there: pip install 'jaxsign[wandb]'")
        except Exception as error:  # a foreign service can fail in any way
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, reason: str) -> None:
        if self._warned:
            return
        self._warned = True
        _LOG.warning(
            "Weights & Biases: %s. Nothing more is sent there; everything else goes on. "
            "--config.log.wandb=off does without it.",
            reason,
        )
