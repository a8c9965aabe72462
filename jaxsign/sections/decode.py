"""`decode`: how label sequences are found in a net's scores."""

import dataclasses
import math

from jaxsign import fields

_WEIGHT = fields.Rule(lambda v: -math.inf < v <= 1, "0 to 1, or below 0 for loss.alpha")


@dataclasses.dataclass(frozen=True)
class Decode:
    """Of runs that recognise sequences."""

    mode: str = fields.value("two_pass", fields.among("greedy", "beam", "two_pass"))
    beam: int = fields.value(10, fields.COUNT)
    n_best: int = fields.value(8, fields.COUNT)
    # Share of CTC in the second pass; negative = loss.alpha.
    ctc_weight: float = fields.value(-1.0, _WEIGHT)
    length_bonus: float = fields.value(0.0, fields.FINITE)
