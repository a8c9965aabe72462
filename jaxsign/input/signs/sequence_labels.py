"""The label sequences of batches: ids of whole clips and of pieces of them."""

from collections.abc import Sequence

import numpy as np

from jaxsign.input import planning

Array = np.ndarray
Alignment = Sequence[Sequence[int] | None]  # of every clip: the middle frame of each gloss


def frames_needed(glosses: Sequence[int]) -> int:
    """Frames of a net's output without which CTC has no path: one more between equal glosses."""
    return len(glosses) + sum(a == b for a, b in zip(glosses, glosses[1:], strict=False))


class SequenceLabels:
    """What a net for sequences learns from: class numbers + 1, because 0 is the blank.

    Args:
      sequences: class numbers of every clip, in order.
      frames_per_output: input frames of a frame of the net's output.
      lengths: int [N], frames of the clips.
    """

    def __init__(self, sequences: Sequence[Sequence[int]], frames_per_output: int, lengths: Array):
        self._ids = [tuple(int(n) + 1 for n in row) for row in sequences]
        self._per_output, self._lengths = frames_per_output, lengths
        self.longest = max(1, max(map(len, self._ids), default=1))
        self.alignment: Alignment | None = None  # known once a model has aligned the clips

    @property
    def several(self) -> list[int]:
        """The clips with more than one gloss: their pieces need an alignment."""
        return [i for i, ids in enumerate(self._ids) if len(ids) > 1]

    def of_piece(self, clip: int, piece: planning.Piece) -> tuple[int, ...] | None:
        """The ids of a clip, or of its piece (first frame, frames); None where nobody can tell.

        A single gloss belongs to pieces of at least half of its clip. Of several, those belong
        whose middle frame lies inside.
        """
        ids, total = self._ids[clip], int(self._lengths[clip])
        start, frames = piece or (0, total)
        if start == 0 and frames >= total:
            return ids
        if len(ids) == 1:
            return ids if 2 * frames >= total else ()
        middles = None if self.alignment is None else self.alignment[clip]
        if middles is None:
            return None
        return tuple(
            label
            for label, middle in zip(ids, middles, strict=True)
            if start <= middle < start + frames
        )

    def fit(self, ids: Sequence[int], frames: int) -> bool:
        """Whether an input of `frames` frames can give these ids."""
        return frames_needed(ids) <= -(-frames // self._per_output)

    def stack(self, rows: Sequence[Sequence[int]]) -> dict[str, Array]:
        """`sequence` int32 [B, L] (0 in padding) and `sequence_valid` bool [B, L]."""
        ids = np.zeros((len(rows), self.longest), np.int32)
        for row, labels in zip(ids, rows, strict=True):
            row[: len(labels)] = labels
        counts = np.array([len(row) for row in rows])
        return {"sequence": ids, "sequence_valid": np.arange(self.longest) < counts[:, None]}
