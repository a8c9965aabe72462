"""Large arrays from memory that was used before.

A batch of image features is tens of megabytes. Fresh memory of that size costs several times the
copy into it, because the system hands it out page by page; a batch's memory goes back here instead
when the last view of it is gone, and serves a later batch.
"""

import math
import weakref

import numpy as np
import numpy.typing as npt

SMALLEST = 1 << 20  # bytes; malloc handles less well enough
LARGEST_STOCK = 512 << 20  # bytes that wait for use
# Devices that share the host's memory take an array without a copy if it starts at such an address.
_ALIGNMENT = 64

_stock: dict[int, list[np.ndarray]] = {}


def empty(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """As `np.empty`: the values are whatever the memory held. Safe to call from several threads."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < SMALLEST:
        return np.empty(shape, dtype)
    try:
        store = _stock[size].pop()
    except (KeyError, IndexError):
        store = _fresh(size)
    # Views of an array made from a foreign buffer refer to that array, not to the buffer: `flat`
    # lives exactly as long as any view of it, within numpy or jax.
    flat: np.ndarray = np.frombuffer(store.data, dtype)
    weakref.finalize(flat, _take_back, store).atexit = False
    return flat.reshape(shape)


def waiting() -> int:
    """Bytes in stock."""
    return sum(size * len(stores) for size, stores in list(_stock.items()))


def _fresh(size: int) -> np.ndarray:
    raw = np.empty(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size]


def _take_back(store: np.ndarray) -> None:
    # No lock: this runs wherever the last view dies, and list.append and pop are atomic.
    if waiting() + store.nbytes <= LARGEST_STOCK:
        _stock.setdefault(store.nbytes, []).append(store)
