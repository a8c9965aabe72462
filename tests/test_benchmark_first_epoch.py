"""The times of a first epoch."""

import time

from running import NAME, TINY

from benchmarks import first_epoch


def test_a_first_epoch_is_told_in_order():
    found = first_epoch.train(NAME, [*TINY], time.time(), 8)
    assert 0 < found.imported < found.step < found.epoch
    assert found.compiling > 0 and found.tracing > 0
    assert first_epoch.table({NAME: {"empty": found}}).row_count == 1
