"""SignON's recorded training steps, through jaxsign's own compiled step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.nets import state_dict
from jaxsign.tasks.classes import task as classes
from jaxsign.train import by_path, optimizer, penalties, step
from jaxsign.train import state as states
from parity import cases, weights
from parity.settings import signon as settings
from parity.targets import signon_nets

Arrays = dict[str, np.ndarray]
# The first dense layer, and the feed-forward parts of a net whose layers are `encoder/layer_N`: the
# norm of a matrix is its largest singular value, as in the original.
_FIRST, _FEED_FORWARD = "^(frame_embed|pose_embedding)/linear_0/", "/linear[12]/"


def run_config(given: settings.Steps) -> ConfigDict:
    """jaxsign's config for the original's settings."""
    config = configs.base()
    config.optim.update(
        name="adam",
        b1=given.betas[0],
        b2=given.betas[1],
        eps=given.eps,
        weight_decay=given.weight_decay,
    )
    config.loss.update(name="label_smoothing", label_smoothing=given.smoothing, weights=(1.0,))
    config.task.update(heads=("gloss",), monitor="gloss")
    return config


def steps(net: nets.Net, case: cases.Case) -> Arrays:
    """Adam steps on one batch, without dropout."""
    given, clips = settings.steps(case), settings.clips(case)
    table = net.key_table()
    variables, _ = weights.load(case, table, settings.is_norm)
    config = run_config(given)
    chain = optimizer.build(config.optim)
    trainable = by_path.select(by_path.flat(variables["params"]), (".*",))
    rows = ((_FIRST, "l1", given.l1), (_FEED_FORWARD, "spectral", given.l2))
    task = classes.Classify.build(config, net)
    compiled = step.build(
        task,
        chain,
        trainable,
        penalties=penalties.resolve([row for row in rows if row[2]], trainable),
        devices=jax.local_devices()[:1],
    )
    current = compiled.place(states.create(variables, chain, trainable, seed=0))
    x = clips.x.swapaxes(0, 1)
    batch = {
        "x": x,
        "valid": np.ones(x.shape[:2], bool),
        "weight": np.ones(len(x), np.float32),
        "gloss": clips.targets.astype(np.int32),
        "language": clips.languages.astype(np.int32),
    }
    rates = {"lr": jnp.float32(given.learning_rate), "loss_weights": jnp.ones(1)}
    losses = []
    for _ in range(given.count):
        group = compiled.put_train({name: value[None] for name, value in batch.items()})
        current, metrics = compiled.train(current, group, rates)
        losses.append(task.means(metrics)["loss"])
    state = compiled.fetch(current)
    after: dict[str, Any] = jax.device_get({"params": state.params, **state.collections})
    logits = nets.logits_of(nets.call(net, after, batch))["gloss"]
    stored = state_dict.to_state_dict(table, after)
    produced = {"output/losses": np.array(losses), "output/logits_after": np.asarray(logits)}
    return produced | {f"after/{key}": value for key, value in stored.items()}


def poseformer_case(case: cases.Case) -> Arrays:
    """A case of PoseFormer of either kind."""
    if case.meta["kind"] == "forward":
        return signon_nets.points(signon_nets.original_poseformer(case), case)
    quiet = {"dropout": 0.0, "pos_dropout": 0.0, "drop_path": 0.0}
    return steps(signon_nets.original_poseformer(case, **quiet), case)


def ptn_case(case: cases.Case) -> Arrays:
    """A case of PTN of either kind."""
    if case.meta["kind"] == "forward":
        return signon_nets.points(signon_nets.original_ptn(case), case)
    quiet = {"dropout": 0.0, "pos_dropout": 0.0, "embed_dropout": 0.0}
    return steps(signon_nets.original_ptn(case, **quiet), case)
