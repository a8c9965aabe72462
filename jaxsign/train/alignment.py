"""Where in the training clips a model finds their labels (Viterbi on its CTC output)."""

from typing import Any

import numpy as np


def find(session: Any, state: Any) -> list[list[int] | None]:
    """The middle frame of every label of every training clip.

    Args:
      session: a stage's session (`setup.Session`) with `align_batches`.
      state: on the devices.

    Returns:
      A list a clip; None where its labels do not fit into its frames.
    """
    found: list[list[int] | None] = [None] * len(session.align_batches.features.source)
    for batch in session.align_batches:
        rows = session.compiled.rows(
            session.compiled.align(state, session.compiled.put_eval(batch))["rows"]
        )
        for index, spans in zip(rows["index"], rows["spans"], strict=True):
            labels = spans[(spans >= 0).all(axis=-1)]
            if index >= 0 and len(labels):
                found[int(index)] = _middles(labels)
    return found


def _middles(spans: np.ndarray) -> list[int]:
    return [int(n) for n in spans.sum(axis=-1) // 2]
