"""`detect`: how a detector learns, and which of its boxes count."""

import dataclasses

from jaxsign import fields

_SIDES = fields.Rule(
    lambda v: all(isinstance(side, int) and 16 <= side <= 2**14 for side in v),
    "whole numbers of pixels, 16 or more",
)


@dataclasses.dataclass(frozen=True)
class Detect:
    """Of runs that find boxes in images."""

    sides: tuple[int, ...] = fields.value(
        (),
        _SIDES,
        "shorter sides of images, of which one is drawn each time one is learnt from; () = "
        "net.short_side",
    )
    flip: float = fields.value(
        0.5, fields.PROBABILITY, "how often an image is learnt from as in a mirror"
    )
    anchors: int = fields.value(256, fields.COUNT, "anchors of an image that the loss looks at")
    anchor_share: float = fields.value(0.5, fields.SHARE, "the most of them that are on something")
    anchor_from: float = fields.value(
        0.7,
        fields.SHARE,
        "overlap with a box from which an anchor is on something; each box's best ones always are",
    )
    anchor_below: float = fields.value(
        0.3, fields.SHARE, "overlap with all boxes below which an anchor is on nothing"
    )
    anchor_sigma: float = fields.value(
        3.0, fields.POSITIVE, "smooth L1 of anchors is square up to 1 / sigma^2"
    )
    proposals: int = fields.value(128, fields.COUNT, "proposals of an image that the loss looks at")
    proposal_share: float = fields.value(
        0.25, fields.SHARE, "the most of them that are on something"
    )
    proposal_from: float = fields.value(
        0.5, fields.SHARE, "overlap with a box from which a proposal is on something"
    )
    proposal_least: float = fields.value(
        0.0, fields.SHARE, "the least overlap of one on nothing; jwyang's VGG16 has 0.1"
    )
    proposal_sigma: float = fields.value(1.0, fields.POSITIVE, "as anchor_sigma, of proposals")
    least: float = fields.value(
        0.05, fields.SHARE, "boxes of which a detector is not surer do not count"
    )
    overlap: float = fields.value(
        0.3, fields.SHARE, "above which the worse of two boxes of a class goes"
    )
    most: int = fields.value(100, fields.COUNT, "boxes of an image that count, the surest")
