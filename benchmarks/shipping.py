"""Makes a trained run a model that comes with the package: weights in half precision, no paths.

    jaxsign train --config asl_hybrid:traduttore --workdir RUN --config.data.train.path=DIR \\
        --config.data.val.path=DIR
    python -m benchmarks.shipping RUN jaxsign/models/traduttore33

The folder's README.md (where the data come from, licence) and the texts of its model.json are
written by hand, as are the counts of `measured`: what `jaxsign evaluate --workdir model:NAME` says,
which a test holds. Everything else in it is replaced.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxsign import config as configs
from jaxsign import nets, reading, shipped
from jaxsign.infer import run_folder
from jaxsign.sections.data import SPLITS
from jaxsign.train import checkpoint, weights
from jaxsign.whole import write_json

_BY_HAND = ("README.md", shipped.ABOUT)
_COPIED = ("labels.json", "metrics.csv", "manifest.json")


def ship(run: Path, folder: Path) -> None:
    """Writes a run's best weights and all that is needed to use them into a model's folder.

    Args:
      run: the run folder.
      folder: of the model, with README.md and model.json.

    Raises:
      UserError: no run folder, or no such files.
      ValueError: weights that half precision cannot hold.
    """
    run_folder.check(run)
    about = reading.read_json(folder / shipped.ABOUT)
    reading.check(folder / "README.md", "It tells where a model's data come from.")
    variables, info = weights.load_variables(run)
    for old in folder.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name not in _BY_HAND:
            old.unlink()
    half = jax.tree.map(_half, variables)
    metric = info["metric"]
    assert metric is not None, "only epochs that were validated are a run's best"
    checkpoint.save_variables(folder, half, epoch=info["epoch"], metric=metric)
    (folder / "checkpoints" / "last").rmdir()
    for path in folder.rglob("commit_success.txt"):  # says where it was written
        path.write_text("Checkpoint commit was successful\n")
    for name in _COPIED:
        shutil.copyfile(run / name, folder / name)
    _write_recipe(run, folder)
    about["parameters"] = _count(variables)
    about["files"] = shipped.digests(folder)
    write_json(folder / shipped.ABOUT, about)


def _half(array: np.ndarray) -> np.ndarray:
    found = array.astype(np.float16) if array.dtype == np.float32 else array
    if not np.isfinite(found).all():
        raise ValueError("weights above 65,504: half precision cannot hold them")
    return found


def _count(variables: nets.Variables) -> int:
    return sum(array.size for array in jax.tree.leaves(variables["params"]))


def _write_recipe(run: Path, folder: Path) -> None:
    """The recipe without the maker's paths, and for clips in any format."""
    config = configs.load_run_config(run)
    for split in SPLITS:
        config.data[split].update(path="", labels="")
    config.data.source = "collection"
    configs.save_run_config(config, folder)


def main(argv: Sequence[str] | None = None) -> None:
    """`python -m benchmarks.shipping RUN FOLDER`."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="the trained run folder")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="jaxsign/models/NAME")
    words = parser.parse_args(argv)
    ship(words.run, words.folder)
    size = sum(path.stat().st_size for path in words.folder.rglob("*") if path.is_file())
    print(f"{words.folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
