"""Passes over examples in which nothing is learnt: validations, and looks between epochs."""

import collections
import itertools
from collections.abc import Iterator

import numpy as np

from jaxsign import tasks
from jaxsign.input import batching
from jaxsign.tasks import measures
from jaxsign.train import compiling, records, setup, state

# Steps whose metrics are still on the devices: enough that the host never holds them up, few enough
# for the CPU backend, which dies with dozens of unfinished collectives in flight.
IN_FLIGHT = 6


def validate(
    session: setup.Session,
    current: state.TrainState,
    rates: measures.Rates,
    watch: compiling.Watch,
    most: int | None = None,
) -> measures.Means:
    """The means over the validation's batches, or over the first `most` of them."""
    totals: dict[str, float | np.ndarray] = {}
    pending: collections.deque[tasks.Evaluated] = collections.deque()

    def add(found: tasks.Evaluated) -> None:
        records.add(totals, session.compiled.scalars(found.sums))
        if found.rows:
            records.add(totals, session.task.count(session.compiled.rows(found.rows)))

    for batch in itertools.islice(session.val_batches, most):
        put = session.compiled.put_eval(batch)
        with watch.step("validation", put):
            pending.append(session.compiled.evaluate(current, put, rates.now))
        if len(pending) >= IN_FLIGHT:
            add(pending.popleft())
    for found in pending:
        add(found)
    return session.task.means(totals)


def looks(
    session: setup.Session,
    current: state.TrainState,
    batches: batching.EvalBatches,
    watch: compiling.Watch,
) -> Iterator[dict[str, np.ndarray]]:
    """What the task sees of every batch between epochs."""
    for batch in batches:
        put = session.compiled.put_eval(batch)
        with watch.step("look", put):
            seen = session.compiled.look(current, put)
        yield session.compiled.rows(seen)
