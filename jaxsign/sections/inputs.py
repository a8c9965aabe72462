"""`input`: from files to batches."""

import dataclasses

from jaxsign import fields
from jaxsign.sections.augment import Augment


@dataclasses.dataclass(frozen=True)
class WindowsSection:
    """Clips longer than a window are cut into some, shorter ones add a piece of themselves."""

    enabled: bool = False
    seconds: float = fields.value(3.0, fields.POSITIVE)
    overlap: float = fields.value(0.5, fields.RATE)


@dataclasses.dataclass(frozen=True)
class Input:
    """Sizes of batches, and who makes them."""

    # A micro-batch, over all devices; 0 = tried out
    batch_size: int = fields.value(32, fields.NOT_NEGATIVE)
    # Lengths that clips are padded to; () = one length.
    buckets: tuple[int, ...] = (64, 128, 192, 256, 300)
    # Frames kept of a clip; 0 = what the net takes
    max_length: int = fields.value(0, fields.NOT_NEGATIVE)
    workers: int = fields.value(0, fields.NOT_NEGATIVE)  # processes; 0 = threads only
    threads: int = fields.value(2, fields.NOT_NEGATIVE)
    prefetch: int = fields.value(2, fields.NOT_NEGATIVE)
    cache_mb: int = fields.value(1024, fields.NOT_NEGATIVE)
    augment: Augment = fields.section(Augment)
    windows: WindowsSection = fields.section(WindowsSection)
