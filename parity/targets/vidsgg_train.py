"""STTran's recorded training steps, with jaxsign's own optimizer."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.nets import state_dict
from jaxsign.train import by_path, optimizer
from parity import cases, weights
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_sttran

Arrays = dict[str, np.ndarray]


def chain(given: settings.Steps) -> optax.GradientTransformation:
    """jaxsign's optimizer for the original's settings."""
    config = configs.base()
    config.optim.update(
        name="adamw",
        b1=given.betas[0],
        b2=given.betas[1],
        eps=given.eps,
        eps_corrected=False,
        weight_decay=given.weight_decay,
        grad_clip=given.clip,
    )
    return optimizer.build(config.optim)


def steps(case: cases.Case) -> Arrays:
    """Steps on one video, without dropout: losses, norms before clipping, parameters."""
    net, video = vidsgg_sttran.original(case), settings.given_video(case)
    given = settings.steps(case)
    table = net.key_table()
    variables, produced = weights.load(case, table, settings.is_norm)
    batch = settings.with_truth(case, video)
    terms, scale = settings.loss_terms(case), chain(given)
    flat = by_path.flat(variables["params"])
    chosen = by_path.select(flat, (".*",), unused=net.unused_params)
    params = {path: jnp.asarray(flat[path]) for path in chosen}

    def loss(params: Any, statistics: Any) -> Any:
        now = {"params": by_path.nested({**flat, **params}), "batch_stats": statistics}
        outputs, changed = nets.call(net, now, batch, train=True, mutable=["batch_stats"])
        values = vidsgg_sttran.loss_values(outputs, batch)
        return sum(values[term] for term in terms), changed["batch_stats"]

    @jax.jit
    def step(params: Any, statistics: Any, state: Any) -> Any:
        (value, statistics), grads = jax.value_and_grad(loss, has_aux=True)(params, statistics)
        updates, state = scale.update(grads, state, params)
        params = jax.tree.map(lambda p, u: p - given.learning_rate * u, params, updates)
        return params, statistics, state, value, optax.tree.norm(grads)

    statistics, state = variables["batch_stats"], scale.init(params)
    losses, norms = [], []
    for _ in range(given.count):
        params, statistics, state, value, norm = step(params, statistics, state)
        losses.append(float(value))
        norms.append(float(norm))
    after = {"params": by_path.nested({**flat, **params}), "batch_stats": statistics}
    stored = state_dict.to_state_dict(table, jax.device_get(after))
    before = state_dict.to_state_dict(table, variables)
    moved = {key: stored[key] - before[key] for key in stored}
    produced |= {"output/losses": np.array(losses), "output/grad_total_norms": np.array(norms)}
    produced |= {f"output/param_delta/{key}": value for key, value in moved.items()}
    return produced | {f"after/{key}": value for key, value in stored.items()}
