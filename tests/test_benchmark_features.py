"""The benchmark of features runs and reports; no time is asserted."""

import pytest

from benchmarks import features
from parity.reference import inception as reference

torch = pytest.importorskip("torch")


def products():
    """Multiplications of the reference's convolutions in one frame, padding included."""
    counts = []
    model = reference.InceptionV3().eval()
    for part in model.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(
                lambda unit, _, y: counts.append(y[0, 0].numel() * unit.weight.numel())
            )
    with torch.inference_mode():
        model.features(torch.zeros(1, 3, 299, 299))
    return sum(counts)


def test_the_comparison_is_reported():
    (row,) = features.measure("check")
    assert list(row.sides) == ["jaxsign", "torch"] and "ms a frame" in row.note
    # Products with padding are not counted by XLA, some sums and maxima are.
    assert 0.92 < row.flops / (2 * products()) < 1
