"""The run's history as text, in the training guide's form."""

import json

from jaxsign import config as configs
from jaxsign.tasks import measures
from jaxsign.train import logfile, records

NUMBERS = {
    "recall@10": measures.Number("recall@10", "validation R@10", "max"),
    "recall@20": measures.Number("recall@20", "validation R@20", "max"),
    "loss": measures.Number("loss", "validation loss", "min"),
}
COLUMNS = (
    measures.Column("val_recall@10", "val", "recall@10"),
    measures.Column("val_recall@20", "val", "recall@20"),
    measures.Column("train_recall@20", "train", "recall@20"),
)


def row(epoch, loss, seconds, **val):
    empty = {"val_loss": "", "val_recall@10": "", "val_recall@20": ""}
    row = {"epoch": epoch, "train_loss": loss, "lr": 9.0, "epoch_time": seconds}
    return {**row, **empty, **{key.replace("_at_", "@"): value for key, value in val.items()}}


def rows():
    evaluated = {"val_loss": 2.5, "val_recall_at_10": 0.082, "val_recall_at_20": 0.1214}
    return [row(1, 2.45, 120.2), row(2, 2.321, 7000.0, **evaluated)]


def made(at):
    config = configs.load("fslr_transformer:synthetic")
    config.task.monitor = "recall@20"
    config.optim.lr = 3e-4
    config.data.train.path = "data/AG"
    return logfile.text(config, NUMBERS, COLUMNS, at, started="2024-01-15T10:11:12+00:00", epochs=9)


def test_the_lines_are_the_guides():
    at = records.Records(epoch=2, rows=rows(), rates=[1e-4, 2.5e-5], best=records.Best(0.1214, 2))
    head, _, body = made(at).partition("Hyperparameters:\n")
    assert head == (
        "Training Log - sign_transformer classify\n"
        "========================================\n"
        "Date: 2024-01-15\nModel: sign_transformer\nDataset: synthetic (data/AG)\n"
        "Mode: classify\n\n"
    )
    keys, _, body = body.partition("\n\n")
    assert "- optim.lr: 0.0003" in keys.splitlines()
    assert "- task.monitor: 'recall@20'" in keys.splitlines()
    assert "optim.b1" not in keys and "schedule.step_size" not in keys  # defaults, and not used
    assert body == (
        "Epoch 1/9 - Loss: 2.45 - LR: 1e-4 - Time: 120s\n"
        "Epoch 2/9 - Loss: 2.321 - LR: 2.5e-5 - Time: 7000s\n"
        "Epoch 2/9 - Eval - Recall@10: 8.2 - Recall@20: 12.1 - Loss: 2.5\n"
        "\nResults:\n- Best Recall@20: 12.1% (epoch 2)\n"
        "- Training Time: 2.0 hours\n- Final Loss: 2.321\n"
    )


def test_a_run_that_went_on_has_it_whole():
    at = records.Records(epoch=2, rows=rows(), rates=[1e-4, 2.5e-5], best=records.Best(0.1214, 2))
    again = records.Records.from_json(json.loads(json.dumps(at.to_json())))
    assert made(again) == made(at)
    # A run that is older than the rates of its epochs.
    older = at.to_json()
    del older["rates"]
    at = records.Records.from_json(older)
    at.rates.append(1e-5)
    told = made(at)
    assert "Epoch 1/9 - Loss: 2.45 - LR: - - Time" in told and "LR: 1e-5" in told


def test_before_the_first_epoch_there_is_the_head():
    told = made(records.Records())
    assert told.startswith("Training Log") and "Results" not in told and "Epoch" not in told
