"""A sanity check without data: forward, backward, save, load."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.train import checkpoint, precision, ranges, setup, weights


def _mean(output: nets.Outputs) -> jax.Array:
    """Sum of the heads' mean logits, or of the means of all that a net without heads gives."""
    numbers = jax.tree.leaves(output["logits"] if "logits" in output else output)
    return sum((a.mean() for a in numbers if jnp.issubdtype(a.dtype, jnp.floating)), jnp.zeros(()))


def smoke_test(config: ConfigDict, workdir: str | Path) -> list[str]:
    """Runs a net once on random numbers and its checkpoint through a save and a load.

    Input of random numbers as the task imagines it, and for each optional part of the net (the
    backbone that makes features of images) input that needs it; train mode; loss = sum of all
    heads' mean logits (or of the outputs' means); gradients checked to be finite; variables saved
    under WORKDIR/smoke, or WORKDIR/smoke-PART, and loaded back.

    Returns:
      The lines to print, one an input.

    Raises:
      UserError: a gradient is not finite or the loaded variables differ.
    """
    config = setup.filled(config, tasks.kind(config).assumed(config))
    ranges.check(config)
    net = setup.build_net(config, precision.compute_dtype(config.precision))
    key, task = jax.random.key(config.seed), tasks.build(config, net)
    inputs = {"smoke": task.imagined(config, key)}
    for part in net.optional_parts:
        inputs[f"smoke-{part.name}"] = task.imagined_for(part, config, key)
    told = [_tried(net, batch, key, Path(workdir) / name) for name, batch in inputs.items()]
    return [f"smoke test passed: {config.net.name}, {line}" for line in told]


def _tried(net: nets.Net, batch: dict[str, jax.Array], key: jax.Array, folder: Path) -> str:
    """What is told of one input."""
    variables = nets.init(net, key, batch)

    def loss(params: nets.Tree) -> jax.Array:
        now = {**variables, "params": params}
        output, _ = nets.call(net, now, batch, train=True, rng=key, mutable=["batch_stats"])
        return _mean(output)

    value, grads = jax.jit(jax.value_and_grad(loss))(variables["params"])
    if not all(bool(jnp.isfinite(g).all()) for g in jax.tree.leaves((value, grads))):
        raise UserError("smoke test: a gradient is not finite; check the net's fields")
    checkpoint.save_variables(folder, variables, epoch=1, metric=0.0)
    loaded, _ = weights.load_variables(folder)
    saved = jax.tree.map(np.asarray, dict(variables))
    same = jax.tree.all(jax.tree.map(np.array_equal, saved, loaded))
    if not same:
        raise UserError(f"smoke test: {folder} does not give back what was saved in it")
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    return (
        f"{count:,} parameters, input {batch[net.inputs[0]].shape}, sum of mean outputs "
        f"{float(value):.4f}, finite gradients; saved to and loaded from {folder}"
    )
