"""The recorded training run of FSLR, through jaxsign's own compiled steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.nets import state_dict
from jaxsign.tasks.classes import loss as losses
from jaxsign.tasks.classes import task as classes
from jaxsign.train import by_path, optimizer, schedule, step
from jaxsign.train import state as states
from parity import cases, weights
from parity.settings import fslr as settings
from parity.targets import fslr_nets

Arrays = dict[str, np.ndarray]
_HEADS = ("gloss", "cat")


def run_config(run: settings.Run) -> ConfigDict:
    """jaxsign's config for the original's settings of a run."""
    config = configs.base()
    config.optim.update(
        name="adam",
        b1=run.betas[0],
        b2=run.betas[1],
        eps=run.eps,
        lr=run.lr,
        weight_decay=run.weight_decay,
        grad_clip=run.grad_clip or 0.0,
        accumulation=run.accumulation,
    )
    config.schedule.update(
        name=run.scheduler or "constant",
        patience=run.scheduler_patience,
        warmup=run.warmup_epochs,
        # The original's plain cosine ends at 0. Without warm-up epochs it stays at a tenth.
        final_factor=0.0 if run.scheduler == "cosine" else 0.01,
        legacy_start=True,
    )
    config.loss.name = run.loss
    config.loss.weights = (run.alpha, run.beta)
    config.train.epochs = run.epochs
    return config


def padded(batch: Mapping[str, np.ndarray], rows: int, frames: int) -> Arrays:
    """The original's batch as one of jaxsign's: `rows` rows of `frames` frames, fillers weigh 0."""
    missing = rows - len(batch["x"])
    x = np.pad(batch["x"], ((0, missing), (0, frames - batch["x"].shape[1]), (0, 0)))
    # A filler row has one frame that counts, as in jaxsign's batches: no row is without any.
    lengths = np.pad(batch["lengths"], (0, missing), constant_values=1)
    labels = {h: np.pad(batch[h], (0, missing)).astype(np.int32) for h in _HEADS}
    weight = (np.arange(rows) < len(batch["x"])).astype(np.float32)
    return {"x": x, "valid": np.arange(frames) < lengths[:, None], "weight": weight, **labels}


def same_shape(*parts: Sequence[Mapping[str, np.ndarray]]) -> list[list[Arrays]]:
    """All batches of all parts padded to the largest number of rows and frames."""
    shapes = np.array([batch["x"].shape for part in parts for batch in part])
    rows, frames = (int(n) for n in shapes.max(0)[:2])
    return [[padded(batch, rows, frames) for batch in part] for part in parts]


def groups(batches: Sequence[Arrays], size: int) -> list[Arrays]:
    """Micro-batches stacked to [A, B, ...]; the last group is filled up with weightless ones.

    The original divides a left-over group by `size` too, and so does the step with these.
    """
    made = []
    for start in range(0, len(batches), size):
        group = list(batches[start : start + size])
        filler = {**group[-1], "weight": np.zeros_like(group[-1]["weight"])}
        group += [filler] * (size - len(group))
        made.append({key: np.stack([batch[key] for batch in group]) for key in group[0]})
    return made


class Runner:
    """A net, its compiled steps and its state, driven batch by batch as the original was."""

    def __init__(self, config: ConfigDict, net: Any, variables: Mapping[str, Any]):
        self.config = config
        paths = by_path.flat(variables["params"])
        unused = net.unused_params
        chosen = by_path.select(paths, config.train.trainable, config.train.frozen, unused)
        transform = optimizer.build(config.optim)
        self.steps = step.build(
            tasks.build(config, net), transform, chosen, devices=jax.local_devices()[:1]
        )
        fresh = states.create(variables, transform, chosen, seed=config.seed)
        self.state = self.steps.place(fresh)
        self.rate = schedule.build(config.schedule, config.optim.lr, config.train.epochs)
        self.weights = {"loss_weights": jnp.asarray(config.loss.weights, jnp.float32)}

    def evaluate(self, batch: Arrays) -> dict[str, float]:
        """Means over the batch's real rows with the weights as they are."""
        sums = self.steps.evaluate(self.state, self.steps.put_eval(batch), self.weights).sums
        means = {key: float(value) for key, value in self.steps.scalars(sums).items()}
        return {key: value / means["examples"] for key, value in means.items()}

    def train(self, group: Arrays, epoch: int) -> None:
        """One optimizer step over a group [A, B, ...]."""
        rates = {"lr": jnp.float32(self.rate.rate(epoch)), **self.weights}
        self.state, _ = self.steps.train(self.state, self.steps.put_train(group), rates)

    def variables(self) -> dict[str, Any]:
        """The net's variables as they are now, on the host."""
        state = self.steps.fetch(self.state)
        return jax.device_get({"params": state.params, **state.collections})


def run(runner: Runner, train: Sequence[Arrays], val: Sequence[Arrays]) -> dict[str, list[Any]]:
    """A whole run.

    Returns:
      `loss_gloss`, `loss_cat` [epoch, batch], each batch's before its update; `val_loss` (mean
      over batches), `val_gloss_acc`, `val_cat_acc` (over clips), `lr` (the next epoch's) [epoch].
    """
    size = runner.config.optim.accumulation
    rows: dict[str, list[Any]] = {}
    for epoch in range(runner.config.train.epochs):
        seen = []
        for start, group in zip(range(0, len(train), size), groups(train, size), strict=True):
            seen += [runner.evaluate(batch) for batch in train[start : start + size]]
            runner.train(group, epoch)
        row: dict[str, Any] = {f"loss_{h}": [one[f"loss/{h}"] for one in seen] for h in _HEADS}
        checked = [runner.evaluate(batch) for batch in val]
        counts = [batch["weight"].sum() for batch in val]
        row["val_loss"] = np.mean([one["loss"] for one in checked])
        for head in _HEADS:
            hits = [one[f"correct/{head}"] for one in checked]
            row[f"val_{head}_acc"] = np.average(hits, weights=counts)
        runner.rate.observe(row["val_gloss_acc"])
        row["lr"] = runner.rate.rate(epoch + 1)
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
    return rows


def train_run(case: cases.Case) -> Arrays:
    """The recorded run: losses before every update, log columns, weights at the end."""
    net = fslr_nets.transformer_net(case.args)
    table = net.key_table()
    variables, _ = weights.load(case, table, fslr_nets.is_norm)
    runner = Runner(run_config(settings.run(case)), net, variables)
    train, val = (settings.batches(case, part) for part in ("train", "val"))
    rows = {k: np.asarray(v) for k, v in run(runner, *same_shape(train, val)).items()}
    after = state_dict.to_state_dict(table, runner.variables())
    losses = {f"output/{name}": rows[name] for name in ("loss_gloss", "loss_cat")}
    columns = {f"output/csv/{name}": value for name, value in rows.items()}
    return losses | columns | settings.after(case, after)


class _Ramp(classes.Classify):
    """A task whose only parameter grows by the learning rate in every step."""

    def loss(self, variables, batch, rng, now):
        del rng, now
        return tasks.Learnt(-(variables["params"]["p"] * batch["share"].sum()), {}, {})


def moving_average(start: float, decay: float, count: int) -> list[float]:
    """The average that the compiled step keeps of a parameter that goes start + 1, start + 2..."""
    config = configs.base()
    config.optim.update(name="sgd", momentum=0.0)
    transform = optimizer.build(config.optim)
    ramp = _Ramp(nets.Net(), losses.HeadLosses((), "ce"))
    steps = step.build(ramp, transform, ("p",), ema_decay=decay, devices=jax.local_devices()[:1])
    variables = {"params": {"p": jnp.float32(start)}}
    state = steps.place(states.create(variables, transform, ("p",), seed=0, average=True))
    rates = {"lr": jnp.float32(1.0)}
    found = []
    for _ in range(count):
        batch = steps.put_train({"weight": np.ones((1, 1), np.float32)})
        state, _ = steps.train(state, batch, rates)
        average = steps.fetch(state).average
        assert average is not None  # as asked for
        found.append(float(average["p"]))
    return found


def sign_transformer_case(case: cases.Case) -> Arrays:
    """A case of SignTransformer of either kind."""
    kinds = {"forward": fslr_nets.transformer_forward, "train": train_run}
    return kinds[case.meta["kind"]](case)
