"""Masks of a pair's boxes in the box around both, in torch."""

import torch
from torch import Tensor

from parity import cases

SIZE = 27


def fractional(pairs: Tensor) -> Tensor:
    """float32 [P, 2, 4] -> [P, 2, 27, 27], the share of every cell that a box covers."""
    first, last = _placed(pairs)
    cells = torch.arange(SIZE)
    after = (cells + 1 - first[..., None]).clamp(0, 1)
    before = (last[..., None] - cells).clamp(0, 1)
    shares = after * before
    return shares[:, :, 1, :, None] * shares[:, :, 0, None, :]


def hard(pairs: Tensor) -> Tensor:
    """float32 [P, 2, 4] -> [P, 2, 27, 27], 1 from a box's truncated corner to the other."""
    found = torch.zeros(*pairs.shape[:2], SIZE, SIZE)
    firsts, lasts = _placed(pairs)
    for pair in range(len(pairs)):
        for box in range(2):
            (x1, y1), (x2, y2) = firsts[pair, box].int(), lasts[pair, box].int()
            inside = slice(max(y1, 0), y2 + 1), slice(max(x1, 0), x2 + 1)
            if x2 > x1 and y2 > y1:
                found[pair, box][inside] = 1
    return found


def _placed(pairs: Tensor) -> tuple[Tensor, Tensor]:
    """Corners [P, 2, 2] of boxes in cells of the box around both."""
    low, high = pairs[..., :2].amin(1, keepdim=True), pairs[..., 2:].amax(1, keepdim=True)
    size = high - low
    return (pairs[..., :2] - low) * SIZE / size, (pairs[..., 2:] - low) * SIZE / size


def union_masks(case: cases.Case) -> dict[str, object]:
    """Both kinds."""
    case.call.one_of("pooling_size", SIZE)
    pairs = torch.from_numpy(case.inputs["pair_rois"].reshape(-1, 2, 4))
    found = {"fractional": fractional(pairs), "m3sgg_hard": hard(pairs)}
    return {f"output/{name}": masks.numpy() for name, masks in found.items()}
