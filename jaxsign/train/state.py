"""What a run carries from step to step."""

import jax
import jax.numpy as jnp
import optax
from flax import struct

from jaxsign import nets
from jaxsign.train import by_path, precision

Array = jax.Array


class TrainState(struct.PyTreeNode):
    """Everything that a step reads and changes.

    Attributes:
      step: int32, optimizer steps done in the whole run.
      params: nested parameters, all of them.
      collections: the net's other variables (`batch_stats`, `buffers`).
      opt_state: of the parameters that train.
      average: flat exponential moving average of the parameters that train, or None.
      rng: key data of the run's base key; the step number is folded in.
      loss_scale: for float16, else None.
    """

    step: Array
    params: nets.Tree
    collections: nets.Variables
    opt_state: optax.OptState
    average: dict[str, Array] | None
    rng: Array
    loss_scale: precision.LossScale | None

    @property
    def variables(self) -> nets.Variables:
        """What the net is evaluated with: the moving average where there is one."""
        params = self.params
        if self.average is not None:
            params = by_path.nested({**by_path.flat(params), **self.average})
        return {"params": params, **self.collections}

    def renewed(self, variables: nets.Variables) -> "TrainState":
        """The same state around other variables; a moving average takes over what is another.

        Raises:
          ValueError: they have other names or shapes.
        """
        new = jax.tree.map(jnp.asarray, dict(variables))
        old = {"params": self.params, **self.collections}
        shapes = (jax.tree.map(lambda a: (a.shape, a.dtype), tree) for tree in (old, new))
        if len({str(shape) for shape in shapes}) > 1:
            raise ValueError("renewed variables have other names, shapes or types")
        params = new.pop("params")
        average = self.average
        if average is not None:
            flat, before = by_path.flat(params), by_path.flat(self.params)
            average = {
                path: jnp.where(jnp.array_equal(flat[path], before[path]), value, flat[path])
                for path, value in average.items()
            }
        return self.replace(params=params, collections=new, average=average)


def create(
    variables: nets.Variables,
    optimizer: optax.GradientTransformation,
    trainable: tuple[str, ...],
    *,
    seed: int,
    step: int = 0,
    average: bool = False,
    scaled: bool = False,
) -> TrainState:
    """A fresh state: optimizer moments and averages for the `trainable` paths only."""
    # Copies, because the step gives its input buffers away and these may be used again.
    copied = jax.tree.map(jnp.array, dict(variables))
    params = copied.pop("params")
    flat = by_path.flat(params)
    chosen = {path: flat[path] for path in trainable}
    return TrainState(
        step=jnp.int32(step),
        params=params,
        collections=copied,
        opt_state=optimizer.init(chosen),
        average=jax.tree.map(jnp.array, chosen) if average else None,
        rng=jax.random.key_data(jax.random.key(seed)),
        loss_scale=precision.LossScale.create() if scaled else None,
    )
