"""As four_devices.py, of nets of relations and of the detector: a process of its own.

Prints JSON: net:mode -> way of sharing -> the largest differences of parameters and of sums.
"""

import functools
import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "nets"))

import detector_devices
import four_devices
import fresh
import numpy as np
import scenes

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.input.scenes import vocabulary

NETS = (
    "sttran:predcls",
    "sttran:sgcls",
    "tempura:sgcls",
    "stket:sgcls",
    "scene_llm:sgcls",
    "easg:easgcls",
)
DETECTOR = "faster_rcnn:boxes"
ROWS = 4
GROUPS = (
    ("attention", "one", ("a", "b")),
    ("space", "one", ("c",)),
    ("touch", "several", ("d", "e", "f")),
)
ACTIONS = ("verb", "one", ("a", "b", "c")), ("edge", "several", ("d", "e"))


def words_of(name):
    groups = ACTIONS if name == "easg" else GROUPS
    return vocabulary.Vocabulary(
        ("__background__", "person", *"uvwx"),
        tuple(vocabulary.Group(name, names, kind) for name, kind, names in groups),
    )


def recipe(name, mode):
    config = configs.load(f"{name}:synthetic")
    config.net.mode = mode
    config.task.update(vocabulary.to_rows(words_of(name)))
    # Adam would make whole steps of the rounding in the gradient of a bias before BatchNorm.
    config.optim.name = "sgd"
    return config


def net_of(name, mode, axis):
    if name == "easg":
        return scenes.easg_of(mode, axis_name=axis)
    own = {"kinds": words_of(name).kinds["kinds"]} if name == "tempura" else {}
    return scenes.net_of(name, mode, axis_name=axis, **own)


def variables_of(name, mode, batch):
    if name != "easg":
        return dict(scenes.variables_of(name))
    net = net_of(name, mode, None)
    return fresh.variables(net, *(batch.get(one) for one in net.inputs))


def made(rng, rows, name, *, every):
    """Videos of several lengths; the last row only fills the batch."""
    sizes = [(1 + i % 3, 2 + i % 3) for i in range(rows)]
    batch = scenes.batch([scenes.video(rng, *size, every=every) for size in sizes], *scenes.SIZES)
    words, valid = words_of(name), batch["valid_pairs"]
    told = rng.integers(0, 2, (*valid.shape, len(words.predicates))).astype(bool)
    for group, part in zip(words.groups, words.parts, strict=True):
        if group.kind == "one":
            one = rng.integers(0, len(group), valid.shape)
            told[..., part] = one[..., None] == np.arange(len(group))
    if name == "easg":
        batch["verbs"] = told[..., words.parts[0]].argmax(-1).astype(np.int32)
        batch["graphs"] = np.tile(np.arange(valid.shape[1]) // 2, (rows, 1))
    weight = np.arange(rows) < rows - 1
    more = {"relations": told, "labelled": valid, "index": np.zeros(rows, np.int32)}
    return {**batch, **more, "weight": weight.astype(np.float32)}


def step_of(rng, name):
    """One step of two micro-batches."""
    parts = [made(rng, ROWS, name, every=False) for _ in range(four_devices.STEPS)]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def found(kind):
    """What differs on all devices of a kind of `NETS`, or of the detector."""
    if kind == DETECTOR:
        return detector_devices.found()
    name, mode = kind.split(":")
    rng = np.random.default_rng(0)
    batches = [step_of(rng, name) for _ in range(2)]
    asked = made(rng, ROWS, name, every=mode == "sgcls")
    of_axis = functools.partial(net_of, name, mode)
    variables = variables_of(name, mode, asked)
    return four_devices.compared(("pmap",), recipe(name, mode), of_axis, variables, batches, asked)


def main():
    runtime.compilation_cache()
    print(json.dumps({kind: found(kind) for kind in sys.argv[1:] or (*NETS, DETECTOR)}))


if __name__ == "__main__":
    sys.exit(main())
