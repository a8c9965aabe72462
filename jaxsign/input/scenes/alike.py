"""What the scenes of a source must have alike for one net to learn from them."""

from collections.abc import Sequence

from jaxsign.errors import UserError
from jaxsign.input.scenes import scene_source


def detector(source: scene_source.SceneSource) -> str:
    """That all scenes were made with; raises UserError where they were made with several."""
    found: dict[str, str] = {}
    for name, row in zip(source.ids, source.outlines, strict=True):
        if row.detector:
            found.setdefault(row.detector, name)
    if len(found) < 2:
        return next(iter(found), "")
    told = " and ".join(f"{name} ({made})" for made, name in [*found.items()][:2])
    raise UserError(
        f"{source.name}: scenes of {len(found)} detectors, such as {told}; their features are not "
        "comparable. Make all of them with one (jaxsign detect --overwrite)"
    )


def width(source: scene_source.SceneSource, widths: Sequence[int], name: str) -> int:
    """Of the features `name` of all scenes; raises UserError where some have another, or none."""
    first = widths[0]
    other = next((i for i, width in enumerate(widths) if width != first or not width), None)
    if other is None:
        return first
    raise UserError(
        f"{source.name}: {name} of {source.ids[other]} are {widths[other] or 'absent'}"
        + (f", those of {source.ids[0]} are {first} wide" if other else "")
        + ". A net of relations takes features of one width of all scenes."
    )
