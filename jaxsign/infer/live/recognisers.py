"""Which recogniser a run needs for a stream."""

import dataclasses
from typing import Any

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
      given: settings of either kind; None and those of the other kind are left out.

    Raises:
      UserError: settings that cannot work with this run.
    """
    if run.gives_sequences:
        return continuous.Continuous(
            run, continuous.of_run(run, fps=fps, **_of(continuous.Settings, given))
        )
    settings = isolated.Settings(fps=fps, **_of(isolated.Settings, given))
    return isolated.Isolated(run, settings, frame_size)


def _of(kind: Any, given: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(kind)}
    return {key: value for key, value in given.items() if key in known and value is not None}
