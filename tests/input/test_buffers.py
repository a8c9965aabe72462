import threading

import jax
import numpy as np
import pytest

from jaxsign.input import buffers

SHAPE = (3, 100, 2048)


@pytest.fixture(autouse=True)
def fresh_stock(monkeypatch):
    monkeypatch.setattr(buffers, "_stock", {})


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_serves_again_when_the_last_view_is_gone():
    first = buffers.empty(SHAPE, np.float32)
    assert first.shape == SHAPE and first.dtype == np.float32 and first.flags.writeable
    place, view = address(first), first[1].reshape(-1)[5:]
    del first
    other = buffers.empty(SHAPE, np.float32)
    assert address(other) != place  # a view still refers to it
    del view
    assert buffers.waiting() == other.nbytes
    assert address(buffers.empty(SHAPE, np.float32)) == place


def test_aligned_and_typed():
    for _ in range(4):
        array = buffers.empty((5, 400, 200, 3), np.uint8)
        assert address(array) % 64 == 0 and array.dtype == np.uint8


def test_small_arrays_are_plain():
    array = buffers.empty((4, 5), np.float32)
    del array
    assert buffers.waiting() == 0


def test_stock_is_bounded(monkeypatch):
    monkeypatch.setattr(buffers, "LARGEST_STOCK", 5_000_000)
    arrays = [buffers.empty(SHAPE, np.float32) for _ in range(4)]
    assert len({address(a) for a in arrays}) == 4
    del arrays
    assert 0 < buffers.waiting() <= 5_000_000


def test_jax_arrays_keep_their_values():
    on_device = []
    for value in range(12):
        array = buffers.empty(SHAPE, np.float32)
        array[:] = value
        on_device.append(jax.device_put(array))
        del array
    for value, array in enumerate(on_device):
        assert (np.asarray(array) == value).all()


def test_threads_never_share_memory():
    wrong = []

    def work(number):
        for turn in range(40):
            array = buffers.empty((1, 300, 1000), np.float32)
            array[:] = number * 1000 + turn
            if not (array == number * 1000 + turn).all():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
