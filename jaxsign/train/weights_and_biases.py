"""A run's numbers on Weights & Biases, where a person has asked for it."""

import contextlib
import hashlib
import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LOG = logging.getLogger("jaxsign")
_PROJECT = "slr"
_KEY = "WANDB_API_KEY"
# Nobody waits long for a network; the console stays the run's own.
_SETTINGS = {"init_timeout": 30, "console": "off", "silent": True}


class Board:
    """Sends a run's config, scalars and best checkpoint.

    Does nothing when it is off, and after a call that failed: training goes on without it.

    Args:
      choice: 'on', 'off', or 'auto': on if there is a key in the environment.
      workdir: the run folder, whose name the run gets there.
      started: when the run began: one that goes on has the same page there.
      config: the recipe.
      module: the package; None = `wandb`.
    """

    def __init__(
        self,
        choice: str,
        workdir: Path,
        started: str,
        config: Mapping[str, Any],
        module: Any = None,
    ):
        self._workdir, self._module, self._run = workdir, module, None
        if choice == "off" or (choice == "auto" and not os.environ.get(_KEY)):
            return
        with self._guarded():
            self._module = module or importlib.import_module("wandb")
            self._run = self._module.init(
                project=_PROJECT,
                name=workdir.name,
                id=hashlib.sha256(f"{workdir.name} {started}".encode()).hexdigest()[:16],
                resume="allow",
                dir=str(workdir),
                config=dict(config),
                settings=_SETTINGS,
            )

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """Sends `values` at `step`."""
        if self._run is not None:
            with self._guarded():
                self._run.log(dict(values), step=step)

    def flush(self) -> None:
        """Nothing: it sends in the background."""

    def close(self) -> None:
        """Sends the best checkpoint, if there is one, and ends."""
        if self._run is None:
            return
        best = self._workdir / "checkpoints" / "best"
        with self._guarded():
            if best.is_dir():
                artifact = self._module.Artifact(f"{self._run.id}-best", type="model")
                artifact.add_dir(str(best))
                self._run.log_artifact(artifact)
            self._run.finish()
        self._run = None

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except ImportError:
            self._end("the package is not there: pip install 'jaxsign[wandb]'")
        except Exception as error:  # a foreign service can fail in any way
            self._end(f"{type(error).__name__}: {error}")

    def _end(self, reason: str) -> None:
        self._run = None
        _LOG.warning(
            "Weights & Biases: %s. Nothing more is sent there; everything else goes on. "
            "--config.log.wandb=off does without it.",
            reason,
        )
