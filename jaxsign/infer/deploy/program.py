"""What a file computes: the landmarks or features of one clip -> what the run says of it."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TypeAlias

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.infer.deploy import weights as packing
from jaxsign.input.examples import Batch
from jaxsign.input.signs.clip import POINTS
from jaxsign.input.signs.views import View
from jaxsign.tasks import answering

Shapes: TypeAlias = Mapping[str, jax.ShapeDtypeStruct]
Named: TypeAlias = Mapping[str, jax.Array]
LANDMARKS, FEATURES = "landmarks", "features"  # what a file may take
FRAME = np.zeros((POINTS, 3), np.float32)  # of landmarks
_PICTURE = (256, 256, 3)  # any size: a view of pictures brings them to its own


@dataclasses.dataclass(frozen=True)
class Program:
    """What one file computes of one clip.

    Attributes:
      frames: that its input has; shorter clips are padded.
      inputs: shapes and types of what it takes, [1, frames, ...]; `valid` marks the real frames.
      function: them -> the outputs by name.
    """

    frames: int
    inputs: Shapes
    function: Callable[[Named], dict[str, jax.Array]]

    @property
    def outputs(self) -> Shapes:
        """Shapes and types of what it gives."""
        found: Shapes = jax.eval_shape(self.function, self.inputs)
        return found


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A run as it is put into files.

    Attributes:
      run: the run.
      alone: how it is asked without jaxsign.
      takes: `LANDMARKS`: the view is in the files; `FEATURES`: what the view gives is asked for.
      kind: how weights lie in them, one of `weights.KINDS`.
    """

    run: runs.Run
    alone: answering.Standalone
    takes: str
    kind: str

    @property
    def input_name(self) -> str:
        """What a clip's array is called."""
        return LANDMARKS if self.takes == LANDMARKS else "x"

    def program(self, frames: int) -> Program:
        """The file for clips of at most so many frames."""
        return Program(frames, self.inputs(frames), self._function())

    def inputs(self, frames: int) -> dict[str, jax.ShapeDtypeStruct]:
        """Shapes and types of what that file takes."""
        frame = FRAME if self.takes == LANDMARKS else _frame(self.run)
        arrays = {
            **self.alone.blank(frames),
            "x": np.broadcast_to(frame, (1, frames, *frame.shape)),
        }
        return {
            self.input_name if name == "x" else name: jax.ShapeDtypeStruct(array.shape, array.dtype)
            for name, array in arrays.items()
        }

    def _function(self) -> Callable[[Named], dict[str, jax.Array]]:
        kept, view = packing.packed(self.run.variables, self.kind), self.run.view
        task, names = self.run.task, self.alone.outputs
        inside = self.takes == LANDMARKS

        def function(arrays: Named) -> dict[str, jax.Array]:
            batch = dict(arrays)
            if inside and view is not None:
                batch["x"] = view.of_arrays(batch.pop(LANDMARKS)[0])[None]
            # Full float32 products, as `asking.Asker` has them.
            with jax.default_matmul_precision("highest"):
                found = task.outputs(packing.restored(kept), batch)
            return {name: found[own] for name, own in names.items()}

        return function

    def given(self, batch: Batch, value: np.ndarray | None) -> dict[str, np.ndarray]:
        """What a file takes of one clip.

        Args:
          batch: [1, frames, ...] as the run takes it.
          value: its landmarks [T, 543, 3], for files that take these.
        """
        names = self.inputs(len(batch["valid"][0]))
        found = {name: batch[name] for name in names if name in batch}
        if value is not None:
            found[LANDMARKS] = np.zeros(
                (1, *batch["valid"].shape[1:], *value.shape[1:]), np.float32
            )
            found[LANDMARKS][0, : len(value)] = value
        if "language" in names and "language" not in found:
            found["language"] = np.full(1, self.run.language or 0, np.int32)
        return found


def _frame(run: runs.Run) -> np.ndarray:
    """A frame like those that the net takes: features, or pictures where the view makes such."""
    view = run.view
    if view is None or view.film_files is None:
        return np.zeros(run.frame_shape, np.float32)
    return view(np.zeros((1, *_PICTURE), np.uint8))[0]


def of_run(run: runs.Run, takes: str, kind: str) -> Deployed:
    """A run as it is put into files.

    Args:
      run: a loaded run.
      takes: `LANDMARKS` or `FEATURES`; "" = landmarks where the view can be in a file.
      kind: of weights.

    Raises:
      UserError: its task, its net or its view does not go into a file.
    """
    alone = run.task.standalone(run)
    if takes == LANDMARKS and (wrong := _no_view(run.view)):
        raise UserError(
            f"--input landmarks: {run.workdir}: {wrong}. Leave it out: the file then takes what "
            "the view gives, and deploy.json describes the view"
        )
    takes = takes or (FEATURES if _no_view(run.view) else LANDMARKS)
    return Deployed(run, alone, takes, kind)


def _no_view(view: View | None) -> str:
    """Why a view cannot be in a file; "" = it can."""
    if view is None:
        return "the run has no view, it takes stored features"
    if not view.portable:
        return f"the view {view.name} is not a function of arrays alone"
    return ""


def lengths(run: runs.Run, asked: list[int]) -> list[int]:
    """Frames that files are made for, ascending.

    Args:
      run: the run.
      asked: own choice; [] = its view's length, or the buckets it was trained in.

    Raises:
      UserError: lengths that the net does not take, or none where each has its own answer.
    """
    view = run.view
    fixed = 0 if view is None else view.length or view.own_length
    if fixed:
        if asked and asked != [fixed]:
            raise UserError(f"--lengths: the view of {run.workdir} always gives {fixed} frames")
        return [fixed]
    most = run.max_length
    if asked:
        if most is not None and max(asked) > most:
            raise UserError(f"--lengths {max(asked)}: {run.workdir} looks at {most} frames at most")
        return sorted(set(asked))
    if run.net.padding_counts:
        raise UserError(
            f"{run.workdir}: frames of padding change what this net says, so that a file is right "
            "for clips of one length alone. Say which: --lengths N [N ...]"
        )
    found = asking.Asker(run).sizes
    if not found:
        raise UserError(
            f"{run.workdir} has neither buckets nor a longest clip (input.buckets, "
            "input.max_length in its config.json). Say how long clips are: --lengths N [N ...]"
        )
    return found


def probe(deployed: Deployed, frames: int) -> np.ndarray:
    """A made-up clip [frames, ...]: points that drift, or noise; no sign of any language."""
    one = deployed.inputs(frames)[deployed.input_name]
    rng, shape = np.random.default_rng(0), one.shape[2:]
    if one.dtype == np.uint8:
        return rng.integers(0, 256, (frames, *shape), np.uint8)
    drift = np.cumsum(rng.normal(0, 0.01, (frames, *shape)), axis=0)
    return (rng.uniform(0.3, 0.7, (1, *shape)) + drift).astype(np.float32)
