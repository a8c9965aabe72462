"""The recorded training steps of the ASL hybrid, through jaxsign's own compiled step."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.nets import asl_hybrid, state_dict
from jaxsign.tasks.classes import loss as criteria
from jaxsign.train import by_path, optimizer, step
from jaxsign.train import state as states
from parity import cases, weights
from parity.settings import asl_hybrid as settings
from parity.targets import asl_hybrid_nets

Arrays = dict[str, np.ndarray]


def run_config(given: settings.Steps) -> ConfigDict:
    """jaxsign's config for the original's settings."""
    config = configs.base()
    config.optim.update(
        name="adamw",
        b1=given.betas[0],
        b2=given.betas[1],
        eps=given.eps,
        weight_decay=given.weight_decay,
        grad_clip=given.clip,
    )
    config.loss.update(name="label_smoothing", label_smoothing=given.smoothing, weights=(1.0,))
    config.task.update(heads=("gloss",), monitor="gloss")
    return config


def train_steps(case: cases.Case) -> Arrays:
    """AdamW steps on one batch in train mode, without dropout."""
    net = asl_hybrid_nets.original_net(case.args, dropout_offset=-1.0)
    table = net.key_table()
    variables, _ = asl_hybrid_nets.load(case, table)
    given = settings.steps(case)
    config = run_config(given)
    chain = optimizer.build(config.optim)
    trainable = by_path.select(by_path.flat(variables["params"]), (".*",))
    task = tasks.build(config, net)
    steps = step.build(task, chain, trainable, devices=jax.local_devices()[:1])
    current = steps.place(states.create(variables, chain, trainable, seed=0))
    x, labels = case.inputs["x"], case.inputs["labels"].astype(np.int32)
    batch = {
        "x": x,
        "valid": np.ones(x.shape[:2], bool),
        "weight": np.ones(len(x), np.float32),
        "gloss": labels,
    }
    produced = _first(net, table, variables, batch, given.smoothing)
    losses, norms = [], []
    for number, lr in enumerate(given.rates):
        group = steps.put_train({name: value[None] for name, value in batch.items()})
        rates = {"lr": jnp.float32(lr), "loss_weights": jnp.ones(1)}
        current, metrics = steps.train(current, group, rates)
        losses.append(float(metrics["loss"]) / len(x))
        norms.append(float(metrics["grad_norm"]))
        if number == 0:
            stored = _stored(table, steps.fetch(current))
            produced |= {f"output/after_step1/{k}": v for k, v in stored.items()}
    produced |= {"output/losses": np.array(losses), "output/grad_norms": np.array(norms)}
    after = _stored(table, steps.fetch(current))
    settings.check_steps(case, produced)
    return produced | {f"after/{key}": value for key, value in after.items()}


def _stored(table: list[state_dict.KeyEntry], current: states.TrainState) -> Arrays:
    variables = jax.device_get({"params": current.params, **current.collections})
    return state_dict.to_state_dict(table, variables)


def _first(
    net: asl_hybrid.ASLHybrid,
    table: list[state_dict.KeyEntry],
    variables: state_dict.Variables,
    batch: Arrays,
    smoothing: float,
) -> Arrays:
    """Logits and gradients of the first step, before clipping."""

    def first(params):
        output, _ = net.apply(
            {**variables, "params": params}, batch["x"], train=True, mutable=["batch_stats"]
        )
        logits = output["logits"]["gloss"]
        rows = criteria.per_example(
            "label_smoothing", logits, batch["gloss"], label_smoothing=smoothing
        )
        return rows.mean(), logits

    gradient = jax.jit(jax.value_and_grad(first, has_aux=True))
    (_, logits), grads = gradient(variables["params"])
    produced = {"output/logits_step1": np.asarray(logits)}
    return produced | weights.gradients(table, variables, grads)


def asl_model_case(case: cases.Case) -> Arrays:
    """A case of ASLModel of either kind."""
    kinds = {"forward": asl_hybrid_nets.model, "train": train_steps}
    return kinds[case.meta["kind"]](case)
