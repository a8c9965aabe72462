"""`decode`: how label sequences are found in a net's scores."""

import dataclasses
import math

from jaxsign import fields

_WEIGHT = fields.Rule(lambda v: -math.inf < v <= 1, "0 to 1, or below 0 for loss.alpha")


@dataclasses.dataclass(frozen=True)
class Decode:
    """Of runs that recognise sequences."""

    mode: str = fields.value(
        "two_pass",
        fields.among("greedy", "beam", "two_pass"),
        "how glosses are found in the net's scores",
    )
    beam: int = fields.value(10, fields.COUNT, "prefixes that are kept a frame")
    n_best: int = fields.value(8, fields.COUNT, "hypotheses that the second pass weighs")
    ctc_weight: float = fields.value(
        -1.0, _WEIGHT, "share of CTC in the second pass; below 0 = loss.alpha"
    )
    length_bonus: float = fields.value(0.0, fields.FINITE, "added to the score for every gloss")
