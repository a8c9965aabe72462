"""As four_devices.py, of nets of relations: a process of its own.

Prints JSON: net:mode -> way of sharing -> the largest differences of parameters and of sums.
"""

import functools
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "nets"))

import four_devices
import numpy as np
import scenes

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.input.scenes import vocabulary

NETS = ("sttran:predcls", "sttran:sgcls")  # others as words
ROWS = 4
GROUPS = (
    ("attention", "one", ("a", "b")),
    ("space", "one", ("c",)),
    ("touch", "several", ("d", "e", "f")),
)
WORDS = vocabulary.Vocabulary(
    ("__background__", "person", *"uvwx"),
    tuple(vocabulary.Group(name, names, kind) for name, kind, names in GROUPS),
)


def recipe(name, mode):
    config = configs.load(f"{name}:synthetic")
    config.net.mode = mode
    config.task.update(vocabulary.to_rows(WORDS))
    # Adam would make whole steps of the rounding in the gradient of a bias before BatchNorm.
    config.optim.name = "sgd"
    return config


def net_of(name, mode, axis):
    return scenes.net_of(name, mode, axis_name=axis)


def made(rng, rows, *, every):
    """Videos of several lengths; the last row only fills the batch."""
    sizes = [(1 + i % 3, 2 + i % 3) for i in range(rows)]
    batch = scenes.batch([scenes.video(rng, *size, every=every) for size in sizes], *scenes.SIZES)
    told = rng.integers(0, 2, (*batch["valid_pairs"].shape, len(WORDS.predicates))).astype(bool)
    told[..., 1], told[..., 2] = ~told[..., 0], True
    weight = np.arange(rows) < rows - 1
    more = {"relations": told, "labelled": batch["valid_pairs"], "index": np.zeros(rows, np.int32)}
    return {**batch, **more, "weight": weight.astype(np.float32)}


def step_of(rng):
    """One step of two micro-batches."""
    parts = [made(rng, ROWS, every=False) for _ in range(four_devices.STEPS)]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def main():
    runtime.compilation_cache()
    told = {}
    for kind in sys.argv[1:] or NETS:
        name, mode = kind.split(":")
        rng = np.random.default_rng(0)
        batches = [step_of(rng) for _ in range(2)]
        asked = made(rng, ROWS, every=mode == "sgcls")
        of_axis = functools.partial(net_of, name, mode)
        variables = dict(scenes.variables_of(name))
        told[kind] = four_devices.compared(
            ("pmap",), recipe(name, mode), of_axis, variables, batches, asked
        )
    print(json.dumps(told))


if __name__ == "__main__":
    sys.exit(main())
