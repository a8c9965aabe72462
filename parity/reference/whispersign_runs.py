"""The recorded training runs of WhisperSign through the reference's loop."""

import numpy as np

from parity import cases
from parity.reference import whispersign_train
from parity.reference.fslr import state_dict_of, tensors
from parity.reference.whispersign_net import WhisperSignModel
from parity.settings import whispersign
from parity.settings import whispersign_runs as settings

Arrays = dict[str, np.ndarray]
SCALARS = {"att_loss": "attention", "ctc_loss": "ctc", "total_loss": "total"}


def trainer(case: cases.Case, module: WhisperSignModel) -> Arrays:
    """Three stages; the state after each, and everything that the trainer logs."""
    train, val = (
        [tensors(batch) for batch in settings.batches(case, kind)] for kind in ("train", "val")
    )
    produced: Arrays = {}
    records = []
    for number, stage in enumerate(settings.stages(case), 1):
        found = whispersign_train.run_stage(module, stage, lambda: train, val, len(train))
        records.append(found)
        produced |= {
            f"output/lr/stage{number}": np.array(found.lr),
            f"output/grad_norm/stage{number}": np.array(found.grad_norm),
        }
        produced |= state_after(state_dict_of(module), number)
    produced["output/trainable"] = np.array([found.trainable for found in records])
    written = settings.files([(one.train_loss, one.val_loss) for one in records])
    whispersign.check_files(case.call, written["output/files/names"].tolist())
    return produced | scalars(records, len(train)) | written


def state_after(state: Arrays, number: int) -> Arrays:
    """The state after a stage under the case's names; `after/` holds that of the last one."""
    copied = {key: value.copy() for key, value in state.items()}
    stage = f"output/after_stage{number}"
    found = {f"{stage}/{key}": value for key, value in copied.items()}
    found |= {f"after/{key}": value for key, value in copied.items() if number == 3}
    tables = [key for key in copied if key.endswith("rel_pos_bias.weight")]
    return found | {f"{stage}_rows_1990_2009/{key}": copied[key][1990:2009] for key in tables}


def scalars(records: list[whispersign_train.Records], updates: int) -> Arrays:
    """What the trainer logs: a value an update, and a validation loss an epoch."""
    found: Arrays = {}
    for tag, name in SCALARS.items():
        values = np.array([value for record in records for value in getattr(record, name)])
        found[f"output/scalars/train/{tag}"] = values
        found[f"output/scalar_steps/train/{tag}"] = np.arange(1, len(values) + 1)
    losses = np.array([loss for record in records for loss in record.val_loss])
    found["output/scalars/val/loss"] = losses
    found["output/scalar_steps/val/loss"] = np.arange(1, len(losses) + 1) * updates
    return found


def hybrid(case: cases.Case, module: WhisperSignModel) -> Arrays:
    """Updates with the promised loss, two batches in turn."""
    given = settings.updates(case)
    stage = given.stage
    pair = [tensors(case.under(f"input/train{i}/")) for i in range(2)]
    optimizer = whispersign_train.make_optimizer(module.parameters(), stage)
    records = whispersign_train.Records()
    for number in range(given.count):
        rate = whispersign_train.learning_rate(
            number, stage.lr, stage.warmup, given.total, stage.min_lr
        )
        optimizer.param_groups[0]["lr"] = rate
        whispersign_train.update(module, pair[number % 2], optimizer, stage, records)
    losses = {name: getattr(records, name) for name in ("total", "ctc", "attention")}
    produced = {f"output/losses/{name}": np.array(values) for name, values in losses.items()}
    produced |= {
        "output/grad_norms": np.array(records.grad_norm),
        "output/lrs": np.array(records.lr),
    }
    return produced | {f"after/{key}": value for key, value in state_dict_of(module).items()}
