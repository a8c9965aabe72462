"""`input`: from files to batches."""

import dataclasses

from jaxsign import fields
from jaxsign.sections.augment import Augment


def _are_sizes(value: tuple[int | tuple[int, ...], ...]) -> bool:
    sizes = (size if isinstance(size, tuple) else (size,) for size in value)
    return all(1 <= length <= 2**31 for size in sizes for length in size)


_LENGTHS = fields.Rule(_are_sizes, "positive whole numbers, or a tuple of them for each size")


@dataclasses.dataclass(frozen=True)
class WindowsSection:
    """Clips longer than a window are cut into some, shorter ones add a piece of themselves."""

    enabled: bool = fields.value(False, None, "whether clips are cut into windows")
    seconds: float = fields.value(3.0, fields.POSITIVE, "of a window")
    overlap: float = fields.value(0.5, fields.RATE, "of neighbouring windows, as a share of one")


@dataclasses.dataclass(frozen=True)
class Input:
    """Sizes of batches, and who makes them."""

    batch_size: int = fields.value(
        32, fields.NOT_NEGATIVE, "clips of a micro-batch, over all devices; 0 = tried out"
    )
    buckets: tuple[int | tuple[int, ...], ...] = fields.value(
        (64, 128, 192, 256, 300),
        _LENGTHS,
        "lengths in frames that clips are padded to; () = one length",
    )
    max_length: int = fields.value(
        0, fields.NOT_NEGATIVE, "frames kept of a clip; 0 = what the net takes"
    )
    fixed_length: int = fields.value(
        0,
        fields.NOT_NEGATIVE,
        "so many frames stand for a clip, every second one about its middle (SignON: 16); 0 = all",
    )
    difficulty: float = fields.value(
        1.0,
        fields.Rule(lambda v: 0 < v <= 1, "above 0, up to 1"),
        "share of the training examples that an epoch takes, the easiest: the shortest clips, the "
        "scenes of fewest and commonest relations; 1 = all",
    )
    workers: int = fields.value(
        0, fields.NOT_NEGATIVE, "processes that make batches; 0 = threads only"
    )
    threads: int = fields.value(2, fields.NOT_NEGATIVE, "threads of each process")
    prefetch: int = fields.value(2, fields.NOT_NEGATIVE, "batches that are made ahead")
    cache_mb: int = fields.value(
        1024, fields.NOT_NEGATIVE, "memory for features that were read once, in MB"
    )
    augment: Augment = fields.section(Augment)
    windows: WindowsSection = fields.section(
        WindowsSection, fields.When("task.name", "ctc_attention")
    )
