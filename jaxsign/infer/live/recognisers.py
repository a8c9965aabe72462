"""Which recogniser a run needs for a stream."""

import dataclasses
from collections.abc import Collection
from typing import Any

from jaxsign.errors import UserError
from jaxsign.infer.live import continuous, isolated
from jaxsign.infer.live.emitted import Recogniser


def create(
    run: Any, *, fps: float = 0.0, frame_size: tuple[int, int] = (0, 0), **given: Any
) -> Recogniser:
    """A recogniser of sentences for runs that give sequences, else one of single signs.

    Args:
      run: a loaded run.
      fps: frames a second of the stream, 0 where unknown.
      frame_size: (width, height) of the images.
      given: settings of the run's kind; None leaves one as it is.

    Raises:
      UserError: settings that cannot work with this run, or that are the other kind's.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if run.gives_sequences:
        _refuse_others(run, given, continuous.Settings, "single signs; this one gives sentences")
        return continuous.Continuous(run, continuous.of_run(run, fps=fps, **given))
    _refuse_others(run, given, isolated.Settings, "sentences; this one gives single signs")
    return isolated.Isolated(run, isolated.Settings(fps=fps, **given), frame_size)


def _refuse_others(run: Any, given: dict[str, Any], kind: Any, others: str) -> None:
    known = {field.name for field in dataclasses.fields(kind)}
    refuse(run, given.keys() - known, others)


def refuse(run: Any, names: Collection[str], others: str) -> None:
    """Tells that options only mean something for other runs.

    Raises:
      UserError: there are any.
    """
    if names:
        options = ", ".join("--" + name.replace("_", "-") for name in sorted(names))
        raise UserError(f"{run.workdir}: {options} only for runs of {others}. Leave it out.")
