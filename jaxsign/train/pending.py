"""Steps whose metrics are still on the devices: fetched later, added up, shown, and checked."""

import collections
import dataclasses
import math
from collections.abc import Mapping

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.train import outputs, passes, placing, records, setup

Array = jax.Array
_SKIPPED_STEPS = 25  # float16 overflows in a row that no loss scale will cure


@dataclasses.dataclass(frozen=True)
class MadeStep:
    """A step of training.

    Attributes:
      number: its number in the run, from 1.
      metrics: what it told, on the devices.
      index: int32, which examples its batch held, on the devices.
      lr: its learning rate.
    """

    number: int
    metrics: Mapping[str, Array]
    index: Array | np.ndarray
    lr: float


class Pending:
    """The steps of an epoch that were made and not looked at yet.

    Args:
      session: of their stage.
      at: where the run stands; it takes their sums.
      shown: shows them.
      scaled: losses are scaled: a step that is not finite has changed nothing, and is left out.
    """

    def __init__(
        self,
        session: setup.Session,
        at: records.Records,
        shown: outputs.Outputs,
        *,
        scaled: bool,
    ):
        self._session, self._at, self._shown, self._scaled = session, at, shown, scaled
        self._made: collections.deque[MadeStep] = collections.deque()

    def add(self, made: MadeStep) -> None:
        """Takes a step, and looks at one before it once there are enough."""
        self._made.append(made)
        if len(self._made) >= passes.IN_FLIGHT:
            self._look(self._made.popleft())

    def drain(self) -> None:
        """Looks at all of them.

        Raises:
          UserError: one whose loss or gradient is not finite.
        """
        while self._made:
            self._look(self._made.popleft())

    def _look(self, made: MadeStep) -> None:
        at, task = self._at, self._session.task
        values = self._session.compiled.scalars(made.metrics)
        grad_norm = float(values.pop("grad_norm"))
        finite = bool(values.pop("finite"))
        if finite and not values["examples"]:  # no row that can be learnt: there is no mean
            return
        means = task.means(values)
        finite = finite and math.isfinite(means["loss"])
        at.skipped = 0 if finite else at.skipped + 1
        if not finite and (not self._scaled or at.skipped >= _SKIPPED_STEPS):
            self._fail_on(made, means["loss"], grad_norm)
        if finite:
            at.add(values)
            self._shown.step(task, made.number, made.lr, means, grad_norm)
            so_far = task.means(at.sums)
            self._shown.display.step(at.steps_in_epoch, f"loss {so_far['loss']:.4f}")

    def _fail_on(self, made: MadeStep, loss: float, grad_norm: float) -> None:
        ids = [self._shown.run.train.ids[i] for i in placing.everywhere(made.index) if i >= 0]
        raise UserError(
            f"the loss or its gradient is not finite at step {made.number} (epoch "
            f"{self._at.epoch + 1}): loss {loss}, gradient norm {grad_norm}. The batch "
            f"held: {', '.join(ids[:8])}{', ...' if len(ids) > 8 else ''}. An earlier epoch's "
            "checkpoint is kept. Lower optim.lr, set optim.grad_clip (e.g. 1.0), or use "
            "precision=float32."
        )
