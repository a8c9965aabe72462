"""Which programs a stage will need, in the order of need, so that they can be compiled ahead."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import jax
from jax.typing import ArrayLike

from jaxsign.input import batching
from jaxsign.tasks import measures
from jaxsign.train import compiling, records, setup, state
from jaxsign.train.placing import OnDevices

_Tree = TypeVar("_Tree")
_Now = Mapping[str, ArrayLike]


def validation(
    session: setup.Session,
    current: state.TrainState,
    rates: measures.Rates,
    most: int | None = None,
) -> Iterator[compiling.Coming]:
    """Of a validation, or of its first `most` batches."""
    batches, step = session.val_batches, session.compiled.evaluate
    yield from _Stage(session, current).evaluation("validation", step, batches, most, rates.now)


def epoch(
    session: setup.Session,
    current: state.TrainState,
    at: records.Records,
    now: _Now,
    steps: int,
) -> Iterator[compiling.Coming]:
    """Of what is left of an epoch, but for its validation.

    Args:
      session: of the stage at hand.
      current: the state on the devices.
      at: where the run stands.
      now: what a training step is told.
      steps: of the whole epoch.
    """
    stage, look = _Stage(session, current), session.compiled.look
    if session.survey_batches is not None:
        yield from stage.evaluation("look", look, session.survey_batches)
    yield from stage.training(at, now, steps)
    if session.renew_batches is not None:
        yield from stage.evaluation("look", look, session.renew_batches)


class _Stage:
    """A session, and shapes of its state: a step gives the state's own buffers away."""

    def __init__(self, session: setup.Session, current: state.TrainState):
        self._session, self._state = session, _stand_ins(current)

    def training(self, at: records.Records, now: _Now, steps: int) -> Iterator[compiling.Coming]:
        batches = self._session.train_batches
        compiled = self._session.compiled
        first = int((at.iterator or {"batch": 0})["batch"])
        for size in batches.needed(first, steps - at.steps_in_epoch):
            batch = compiled.put_train(batches.blank(size))
            yield self._coming("training", compiled.train, batch, now)

    def evaluation(
        self,
        what: str,
        step: jax.stages.Wrapped,
        batches: batching.EvalBatches,
        most: int | None = None,
        *more: _Now,
    ) -> Iterator[compiling.Coming]:
        count = len(batches) if most is None else min(most, len(batches))
        for size in batches.needed(0, count):
            blank = batches.blank(size, batches.shape[1:])
            yield self._coming(what, step, self._session.compiled.put_eval(blank), *more)

    def _coming(
        self, what: str, step: jax.stages.Wrapped, batch: OnDevices, *more: _Now
    ) -> compiling.Coming:
        state, shapes = self._state, _stand_ins(batch)

        def compile_it() -> object:
            return step.lower(state, shapes, *more).compile()

        return compiling.Coming(what, shapes, compile_it)


def _stand_ins(tree: _Tree) -> _Tree:
    """What jax takes for arrays when it compiles: shape, type and place."""

    def stand_in(a: jax.Array) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=a.sharding, weak_type=a.weak_type)

    found: _Tree = jax.tree.map(stand_in, tree)
    return found
