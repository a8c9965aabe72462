"""WhisperSign's recorded training runs, through jaxsign's own compiled step and schedule."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import tasks
from jaxsign.nets import state_dict, whisper_sign
from jaxsign.train import by_path, optimizer, schedule, step
from jaxsign.train import state as states
from parity import cases, targets
from parity.settings import whispersign as settings
from parity.settings import whispersign_runs as runs
from parity.targets import whispersign_loss, whispersign_nets

Arrays = dict[str, np.ndarray]
# Names of the original's log and ours.
SCALARS = {"total_loss": "loss", "ctc_loss": "loss/ctc", "att_loss": "loss/attention"}


@dataclasses.dataclass
class Records:
    """What a stage reports: `lr`, `grad_norm`, `losses` of every update, the rest of epochs."""

    lr: list[float] = dataclasses.field(default_factory=list)
    grad_norm: list[float] = dataclasses.field(default_factory=list)
    losses: dict[str, list[float]] = dataclasses.field(
        default_factory=lambda: {name: [] for name in SCALARS.values()}
    )
    train_loss: list[float] = dataclasses.field(default_factory=list)
    val_loss: list[float] = dataclasses.field(default_factory=list)


class Runner:
    """A net, its compiled steps and its state through one stage, batch by batch.

    A decoder that is never fed gets neither decay nor moments, which `fed=False` says.
    """

    def __init__(
        self,
        config: ConfigDict,
        net: whisper_sign.WhisperSign,
        variables: Mapping[str, Any],
        *,
        updates: int,
        fed: bool,
    ):
        paths = by_path.flat(variables["params"])
        unused = () if fed else (whispersign_loss.DECODER,)
        chosen = by_path.select(paths, config.train.trainable, config.train.frozen, unused)
        chain = optimizer.build(config.optim)
        self.task = tasks.build(config, net)
        self.steps = step.build(self.task, chain, chosen, devices=jax.local_devices()[:1])
        self.state = self.steps.place(states.create(variables, chain, chosen, seed=0))
        self.schedule = schedule.build(
            config.schedule, config.optim.lr, config.train.epochs, updates
        )
        self.updates, self.records = updates, Records()

    def train(self, batch: Mapping[str, np.ndarray]) -> None:
        """One update."""
        lr = self.schedule.rate(len(self.records.lr) / self.updates)
        group = self.steps.put_train({name: value[None] for name, value in batch.items()})
        rates = {"lr": jnp.float32(lr)}
        self.state, metrics = self.steps.train(self.state, group, rates)
        metrics = self.steps.scalars(metrics)
        self.records.lr.append(lr)
        self.records.grad_norm.append(float(metrics["grad_norm"]))
        for name, values in self.records.losses.items():
            values.append(self.task.summarise(metrics).get(name, 0.0))

    def evaluate(self, batches: Sequence[Mapping[str, np.ndarray]]) -> float:
        """Mean of the batches' losses, as the original has it."""
        losses = []
        for batch in batches:
            sums = self.steps.evaluate(self.state, self.steps.put_eval(batch), {}).sums
            losses.append(self.task.summarise(self.steps.scalars(sums))["loss"])
        return float(np.mean(losses))

    def variables(self) -> dict[str, Any]:
        """The net's variables as they are now, on the host."""
        state = self.steps.fetch(self.state)
        return jax.device_get({"params": state.params, **state.collections})


def trainer(case: cases.Case) -> Arrays:
    """The original's three stages, its decoder never fed; the state after each, and its log."""
    net, table, variables, produced = whispersign_loss.load(case)
    train, val = (
        [whispersign_loss.as_batch(batch) for batch in runs.batches(case, kind)]
        for kind in ("train", "val")
    )
    records, trainable = [], []
    stages = runs.stages(case)
    for number, config in enumerate(map(whispersign_loss.run_config, stages), 1):
        runner = Runner(config, net, variables, updates=len(train), fed=False)
        for _ in range(config.train.epochs):
            for batch in train:
                runner.train(batch)
            losses = runner.records.losses["loss"][-len(train) :]
            runner.records.train_loss.append(float(np.mean(losses)))
            runner.records.val_loss.append(runner.evaluate(val))
        variables, found = runner.variables(), runner.records
        records.append(found)
        trainable.append(_trainable(config, variables["params"]))
        produced |= {
            f"output/lr/stage{number}": np.array(found.lr),
            f"output/grad_norm/stage{number}": np.array(found.grad_norm),
        }
        last = number == len(stages)
        produced |= _state_after(state_dict.to_state_dict(table, variables), number, last)
    produced["output/trainable"] = np.array(trainable)
    files = runs.files([(one.train_loss, one.val_loss) for one in records])
    settings.check_files(case.call, files["output/files/names"].tolist())
    return produced | _scalars(records, len(train)) | files


def _trainable(config: ConfigDict, params: Mapping[str, Any]) -> int:
    """How many numbers the stage does not freeze, those of the decoder that is not fed too."""
    flat = by_path.flat(params)
    chosen = by_path.select(flat, config.train.trainable, config.train.frozen)
    return sum(int(np.size(flat[path])) for path in chosen)


def _state_after(state: Arrays, number: int, last: bool) -> Arrays:
    """The state after a stage under the case's names; `after/` holds that of the last one."""
    stage = f"output/after_stage{number}"
    found = {f"{stage}/{key}": value for key, value in state.items()}
    found |= {f"after/{key}": value for key, value in state.items() if last}
    tables = [key for key in state if key.endswith("rel_pos_bias.weight")]
    return found | {f"{stage}_rows_1990_2009/{key}": state[key][1990:2009] for key in tables}


def _scalars(records: Sequence[Records], updates: int) -> Arrays:
    """What the original logs: a value an update, and a validation loss an epoch."""
    found: Arrays = {}
    for tag, name in SCALARS.items():
        values = np.array([value for record in records for value in record.losses[name]])
        found[f"output/scalars/train/{tag}"] = values
        found[f"output/scalar_steps/train/{tag}"] = np.arange(1, len(values) + 1)
    losses = np.array([loss for record in records for loss in record.val_loss])
    found["output/scalars/val/loss"] = losses
    found["output/scalar_steps/val/loss"] = np.arange(1, len(losses) + 1) * updates
    return found


def hybrid_run(case: cases.Case) -> Arrays:
    """Updates with the promised loss, two batches in turn."""
    net, table, variables, produced = whispersign_loss.load(case)
    given = runs.updates(case)
    config = whispersign_loss.run_config(given.stage)
    runner = Runner(config, net, variables, updates=given.total, fed=True)
    pair = [whispersign_loss.as_batch(case.under(f"input/train{i}/")) for i in range(2)]
    for number in range(given.count):
        runner.train(pair[number % 2])
    records = runner.records
    named = {"total": "loss", "ctc": "loss/ctc", "attention": "loss/attention"}
    losses = {f"output/losses/{name}": records.losses[key] for name, key in named.items()}
    produced |= {name: np.array(values) for name, values in losses.items()}
    produced |= {
        "output/grad_norms": np.array(records.grad_norm),
        "output/lrs": np.array(records.lr),
    }
    after = state_dict.to_state_dict(table, runner.variables())
    return produced | {f"after/{key}": value for key, value in after.items()}


def learning_rates(path: Path) -> targets.FileCheck:
    """The rates of the schedule, update by update, up to the stage's last.

    Behind it the original's cosine rises again; no stage of jaxsign goes on so far.
    """
    expected, produced = {}, {}
    for number, row in enumerate(json.loads(path.read_text(encoding="utf-8"))["cases"]):
        sizes = {"warmup": row["warmup_steps"], "min_lr": row["min_lr"]}
        config = whispersign_loss.run_config(runs.Stage(1, row["base_lr"], 0.0, **sizes))
        total = row["total_steps"]
        rates = schedule.build(config.schedule, row["base_lr"], 1, total)
        kept = [(update, lr) for update, lr in row["lr_by_update"] if update < total]
        expected[f"{number}"] = np.array([lr for _, lr in kept])
        produced[f"{number}"] = np.array([rates.rate(update / total) for update, _ in kept])
    return targets.FileCheck(expected, produced, {"default": [1e-9, 0]})


def model_case(case: cases.Case) -> Arrays:
    """A case of the whole net of any kind."""
    if settings.updates(case.call):
        return hybrid_run(case)
    settings.described(case)
    if settings.alpha(case) is not None:
        return whispersign_loss.model_loss(case)
    return whispersign_nets.model(case)
