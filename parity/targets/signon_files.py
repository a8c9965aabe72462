"""SignON's Lightning files: imported and exported again, and the answers of one of them."""

import tempfile
from pathlib import Path
from typing import Any

from jaxsign.infer import evaluate
from jaxsign.infer import run as runs
from jaxsign.infer.torch import importing, originals
from jaxsign.input import tables
from jaxsign.nets import state_dict, torch_files
from parity.targets import FileCheck

# Of probabilities.
_ANSWERS = {"default": [0.0, 1e-5]}


def checkpoint(path: Path) -> FileCheck:
    """`lightning_*.ckpt`: keys, arrays and arguments come back as they were."""
    stored = torch_files.read(path)
    with tempfile.TemporaryDirectory() as folder:
        importing.import_checkpoint(path, Path(folder, "run"))
        run = runs.load_run(Path(folder, "run"))
        weights = state_dict.to_state_dict(run.net.key_table(), run.variables)
        made = originals.find(run.config.net.name).checkpoint(run, weights)
    return FileCheck(_told(stored), _told(made))


def _told(content: dict[str, Any]) -> dict[str, Any]:
    arguments = {f"argument {k}": [v] for k, v in content["hyper_parameters"].items()}
    return {
        "keys": list(content["state_dict"]),
        "epoch": content["epoch"],
        **arguments,
        **content["state_dict"],
    }


def answers(path: Path) -> FileCheck:
    """`e2e/`: what the original's `test` writes of the clips to validate and to test with."""
    wanted = tables.read_rows(path / "test_predictions.csv", ("Path", "Subset"))
    with tempfile.TemporaryDirectory() as folder:
        weights = path.parent / "lightning_poseformer_tiny.ckpt"
        importing.import_checkpoint(weights, Path(folder, "run"))
        evaluate.write_table(Path(folder, "run"), Path(folder, "t.csv"), path=path)
        found = tables.read_rows(Path(folder, "t.csv"), ("Path", "Subset"))
    made = [row for row in found if row.cells["Subset"] != "train"]
    return FileCheck(_answered(wanted, ".mp4"), _answered(made, ""), _ANSWERS)


def _answered(rows: list[tables.Row], ending: str) -> dict[str, Any]:
    told = ("Subset", "Ground truth", "Prediction")
    return {
        "clips": [row.cells["Path"].removesuffix(ending) for row in rows],
        "answers": [[row.cells[name] for name in told] for row in rows],
        "probabilities": [
            float(cell) for row in rows for name, cell in row.cells.items() if name[0] == "p"
        ],
    }
