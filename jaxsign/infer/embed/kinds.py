"""Clips -> what a run's net makes of them: its named outputs, of whole clips or of windows."""

import functools
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError, did_you_mean
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.input import windows

Array = np.ndarray
# Outputs that are no array of a clip by themselves, or are not there without a question.
_NO_KINDS = ("logits", "att_logits", "output_valid")
_PROBABILITIES = "probabilities"


def known(run: runs.Run) -> dict[str, str]:
    """Every kind of the run, and the head whose classes it tells of, "" where it tells of none.

    Of the recipe's first head these are `logits` and `probabilities`, of another `logits/HEAD`.
    """
    found = {name: "" for name in run.net.outputs if name not in _NO_KINDS}
    if "logits" in run.net.outputs:
        for head in run.heads:
            behind = "" if head == run.heads[0] else f"/{head}"
            found |= {f"{kind}{behind}": head for kind in ("logits", _PROBABILITIES)}
    return found


class Embedder:
    """Makes one kind of embeddings.

    Args:
      asker: of the run.
      kind: one of `known`.
      window: frames of a window; 0 = clips are taken whole.
      stride: frames from one window's start to the next one's; 0 = `window`. Behind the full
        windows comes one of what is left (`windows.pieces`).

    Raises:
      UserError: a kind that the net does not have, a stride without a window, or a window of more
        frames than the run takes.
    """

    def __init__(self, asker: asking.Asker, kind: str, *, window: int = 0, stride: int = 0):
        heads = known(asker.run)
        if kind not in heads:
            raise UserError(
                f"{kind!r}: the net {asker.run.config.net.name} has no output of that name."
                f"{did_you_mean(kind, heads)} It has: {', '.join(heads)}"
            )
        if stride and not window:
            raise UserError(f"a stride of {stride} frames needs a window. Give both, or neither")
        most = asker.run.max_length
        if most is not None and window > most:
            raise UserError(
                f"a window of {window} frames: {asker.run.workdir} looks at {most} at most. "
                "Give no more than these"
            )
        self._asker, self._kind, self._head = asker, kind, heads[kind]
        self._window, self._stride = window, stride

    def __call__(
        self, clips: Sequence[runs.NetInput], batch_size: int = 1, *, names: Sequence[str] = ()
    ) -> list[Array]:
        """The embeddings of clips, in their order.

        Args:
          clips: of any lengths; without windows longer ones than the run's `max_length` are cut.
          batch_size: rows of a batch.
          names: of the clips, for messages.

        Returns:
          float32 [E] or [classes] of each; outputs over time [T, ...], without padding. With
          windows [windows, ...], where NaN fills up what shorter windows lack in time.

        Raises:
          UserError: a clip is not what the net takes.
        """
        pieces: list[runs.NetInput] = []
        ends = []
        for clip in self._asker.taken(clips, names, whole=bool(self._window)):
            pieces += self._cut(clip)
            ends.append(len(pieces))
        made: dict[int, Array] = {}
        for members, batch in self._asker.batches(pieces, batch_size):
            rows = self._rows(batch, [len(pieces[i].x) for i in members])
            for row in rows:
                self._asker.check_number(row, "a clip")
            made |= zip(members, rows, strict=True)
        of_clips = [
            [made[i] for i in range(start, end)]
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        return [_stacked(found) if self._window else found[0] for found in of_clips]

    def _cut(self, clip: runs.NetInput) -> list[runs.NetInput]:
        places = windows.pieces(len(clip.x), self._window, self._stride)
        parts = [slice(start, start + count) for start, count in places]
        return [runs.NetInput(clip.x[part], clip.valid[part]) for part in parts]

    def _rows(self, batch: Mapping[str, Array], frames: Sequence[int]) -> list[Array]:
        """Of the first rows of a batch, which are real for so many frames."""
        run, inputs = self._asker.run, self._asker.inputs(batch)
        # Full float32 products, so that an answer does not depend on the device.
        with jax.default_matmul_precision("highest"):
            found = _outputs(run.net, self._kind, self._head, run.variables, inputs)
        rows = np.asarray(found["made"], np.float32)[: len(frames)]
        if "valid" in found:
            return [row[real] for row, real in zip(rows, np.asarray(found["valid"]), strict=False)]
        if self._kind in run.net.frame_outputs:
            return [row[:count] for row, count in zip(rows, frames, strict=True)]
        return list(rows)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _outputs(
    net: nets.Net,
    kind: str,
    head: str,
    variables: Mapping[str, Mapping[str, jax.Array]],
    batch: Mapping[str, jax.Array],
) -> dict[str, jax.Array]:
    """`made` [B, ...], and `valid` bool [B, T'] where the net has its own time."""
    found = nets.call(net, variables, batch)
    made = nets.logits_of(found)[head] if head else found[kind]
    if kind.startswith(_PROBABILITIES):
        made = jax.nn.softmax(made)
    return {"made": made} | ({"valid": found["output_valid"]} if "output_valid" in found else {})


def _stacked(rows: Sequence[Array]) -> Array:
    """[N, ...] of arrays whose first axes may differ: NaN behind the shorter ones."""
    longest = max(len(row) for row in rows)
    made = np.full((len(rows), longest, *rows[0].shape[1:]), np.nan, np.float32)
    for i, row in enumerate(rows):
        made[i, : len(row)] = row
    return made
