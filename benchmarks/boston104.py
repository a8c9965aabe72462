"""Sentences of RWTH-BOSTON-104: the torch reference under jaxsign's recipe, and a jaxsign run.

    python -m benchmarks.boston104 --data DIR [--run RUN] [--epochs-scale 1.0] [--seed 42]

The torch side gets the very batches that jaxsign's input pipeline makes (order, augmentation,
windows, padding), the same rates, stages and choice of the best epoch, and the promised loss; its
net treats padding as the original does. It starts from torch's own random weights. Word errors of
the test sentences, all of them decoded without padding.
"""

import argparse
import collections
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ml_collections import ConfigDict
from rich.table import Table

from benchmarks import boston104_torch, whisper_sign
from jaxsign import config as configs
from jaxsign import runtime, tasks
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.input.signs import sources
from jaxsign.screen import Console
from jaxsign.tasks.sequences import answers, word_errors
from jaxsign.tasks.sequences import options as decoding
from jaxsign.train import inputs, setup
from parity.reference import whispersign_net

Counts = word_errors.Counts
Results = dict[str, Counts]


def recipe(data: Path, scale: float, seed: int) -> ConfigDict:
    """The shipped recipe on this data, its stages `scale` times as long."""
    config = configs.load("whisper_sign:boston104", [f"--config.data.train.path={data}"])
    config.seed = seed
    for name in configs.names(config.stages):
        epochs = config.stage[name].train.epochs
        config.stage[name].train.epochs = max(1, round(epochs * scale))
    return config


def train_torch(config: ConfigDict, workdir: Path) -> Results:
    """Word errors of the reference on the test sentences, after the recipe's stages."""
    run = setup.prepare(config, workdir)
    test = tasks.kind(run.config).open(run.config, "test").under(run.config)
    batches = inputs.evaluation(run.config, test)
    torch.manual_seed(config.seed)
    args = whisper_sign.original_args(run.config.net)
    trained = boston104_torch.Trained(whispersign_net.WhisperSignModel(**args))
    for current in run.stages:
        begun = time.monotonic()
        trained.stage(run, current)
        seconds = time.monotonic() - begun
        print(
            f"torch, {current.name}: {current.epochs} epochs in {seconds:.0f} s, best val WER "
            f"{trained.best:.4f}",
            flush=True,
        )
    weight = run.stages[-1].config.loss.alpha
    return {
        "torch, greedy": trained.greedy(batches),
        "torch, two passes": trained.two_pass(batches, decoding.DecodingOptions(ctc_weight=weight)),
    }


def evaluate_run(workdir: Path, test: Any) -> Results:
    """Word errors of a jaxsign run."""
    run = runs.load_run(workdir)
    asker, every = asking.Asker(run), (run.features(test.read(i)) for i in range(len(test)))
    clips = [runs.NetInput(x, np.ones(len(x), bool)) for x in every]
    found = {}
    for name, mode in (("greedy", "greedy"), ("two passes", "two_pass")):
        said = asker.answers(clips, answerer=run.task.answerer(run, {"mode": mode}))
        read = [one.names for one in said if isinstance(one, answers.SequenceAnswer)]
        found[f"jaxsign, {name}"] = errors(test, read)
    return found


def most_frequent(config: ConfigDict, test: Any) -> Results:
    """Word errors of answering with the training split's most frequent sequence, always."""
    train = sources.open_source(config.data, "train")
    counts = collections.Counter(map(tuple, glosses(train)))
    return {"most frequent sequence": errors(test, [counts.most_common(1)[0][0]] * len(test))}


def glosses(source: Any) -> list[list[str]]:
    """The clips' glosses by name, whose numbers may be others in a run."""
    names = source.class_names["gloss"]
    return [[names[number] for number in row] for row in source.sequences]


def errors(test: Any, rows: Sequence[Sequence[str]]) -> Counts:
    """Word errors of the answers to all clips, glosses by name."""
    pairs = zip(glosses(test), rows, strict=True)
    return sum((word_errors.count(truth, row) for truth, row in pairs), Counts())


def show(results: Results, title: str) -> None:
    """Prints the table."""
    table = Table(title=title)
    columns = ("word error rate", "deletions", "insertions", "substitutions", "sentences right")
    for name in ("test sentences", *columns):
        table.add_column(name, justify="left" if name == "test sentences" else "right")
    for name, counts in results.items():
        parts = (counts.deletions, counts.insertions, counts.substitutions)
        right = f"{counts.sentences - counts.wrong_sentences} of {counts.sentences}"
        table.add_row(name, f"{counts.wer:.2%}", *map(str, parts), right)
    Console(width=120).print(table)


def main(argv: Sequence[str] | None = None) -> None:
    """Trains the reference and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with sentences.npz")
    parser.add_argument("--run", type=Path, help="run folder of jaxsign to show beside it")
    parser.add_argument("--epochs-scale", type=float, default=1.0, help="shorter stages, e.g. 0.1")
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args(argv)
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    torch.set_num_threads(runtime.available_cores())
    config = recipe(options.data, options.epochs_scale, options.seed)
    test = sources.open_source(config.data, "test")
    results = most_frequent(config, test)
    with tempfile.TemporaryDirectory() as folder:
        results |= train_torch(config, Path(folder) / "run")
    if options.run:
        results |= evaluate_run(options.run, test)
    show(results, f"RWTH-BOSTON-104, seed {options.seed}: {runtime.processor()}")


if __name__ == "__main__":
    main()
