"""The compiled train and evaluation steps, for any number of devices."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import optax

from jaxsign import tasks
from jaxsign.train import penalties as penalties_
from jaxsign.train import placing, products
from jaxsign.train.step_functions import eval_step, look_step, train_step


@dataclasses.dataclass(frozen=True)
class Compiled(placing.Placement):
    """The steps of a stage, on its devices.

    Attributes:
      train: (state, batch, rates) -> (state, metrics); gives the state's buffers away.
      evaluate: (state, batch, the task's rates) -> what the task tells of it.
      look: (state, batch) -> arrays for the task's `survey` or `renew`.
    """

    train: jax.stages.Wrapped
    evaluate: jax.stages.Wrapped
    look: jax.stages.Wrapped


def build(
    task: tasks.Task,
    optimizer: optax.GradientTransformation,
    trainable: tuple[str, ...],
    *,
    ema_decay: float = 0.0,
    penalties: Sequence[penalties_.Penalty] = (),
    devices: Sequence[jax.Device] | None = None,
    parallel: str = "pmap",
    round_products: bool = False,
) -> Compiled:
    """Compiles the steps for `devices` of this process (default: all), as many in each.

    With `round_products` training's matrix products are those of `products.in_bfloat16`.
    """
    on = placing.on(devices, parallel)
    train = functools.partial(
        train_step,
        task=task,
        optimizer=optimizer,
        trainable=trainable,
        ema_decay=ema_decay,
        axis=on.axis,
        penalties=tuple(penalties),
    )
    functools.update_wrapper(train, train_step)  # its name, in traces of rounded products too
    evaluate = functools.partial(eval_step, task=task, axis=on.axis)
    return Compiled(
        **vars(on),
        train=on.compiled(
            products.in_bfloat16(train) if round_products else train, rates=True, donate=True
        ),
        evaluate=on.compiled(evaluate, rates=True),
        look=on.compiled(functools.partial(look_step, task=task)),
    )
