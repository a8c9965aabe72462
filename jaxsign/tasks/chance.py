"""What chance leaves open of an accuracy that was counted on so many examples."""

import math

from jaxsign.tasks import measures

Interval = tuple[float, float]

# Fewer mistakes than these, or a wider interval, hardly tell one epoch from another.
_MISTAKES, _WIDEST = 5, 0.2


def interval(right: int, count: int) -> Interval:
    """The 95 % interval (Wilson's) of a share of which `right` of `count` > 0 were seen."""
    from scipy import stats

    found = stats.binomtest(right, count).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def of_share(share: float, count: int) -> Interval:
    """The interval of a share of `count` > 0 examples."""
    return interval(round(share * count), count)


def spelt(found: Interval, digits: int = 1) -> str:
    """An interval in percent: `85.1-93.2`, with so many digits behind the point."""
    return "-".join(f"{100 * end:.{digits}f}" for end in found)


def doubt(number: measures.Number, value: float, count: int) -> str:
    """Why the best epoch's number tells little, in a sentence; "" where it does or is no accuracy.

    Args:
      number: that chose the best epoch.
      value: of that epoch.
      count: validation examples.
    """
    if not number.counted or not count or not math.isfinite(value):
        return ""
    low, high = of_share(value, count)
    mistakes = count - round(value * count)
    if mistakes >= _MISTAKES and high - low <= _WIDEST:
        return ""
    return (
        f"{count} validation clips ({mistakes} wrong in the best epoch) are too few to tell good "
        f"epochs apart: the true accuracy may be {spelt((low, high))} %. More clips there, or "
        "--config.task.monitor=loss, choose more surely"
    )
