"""A run whose net remembers: what is kept, exactly as without a stop, on any number of devices."""

import subprocess
import sys

import jax
import numpy as np
import pytest
import recipes
from helpers import ROOT
from running import environment

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input.scenes import examples
from jaxsign.nets import memories
from jaxsign.train import inputs, log, loop, records, setup, weights

ON_TWO = """
import sys
sys.path[:0] = ["tests", "tests/train"]
import test_memories_run as of
of.train(sys.argv[1])
"""


def small():
    """Boxes and relations are remembered, by how uncertain the net is of them."""
    config = recipes.small("tempura:synthetic", None)
    config.net.update(mode="sgcls", object_memory=True, relation_weights="both", noise=False,
                      object_weights="al", dropout=0.0)  # fmt: skip
    config.train.epochs, config.schedule.warmup = 2, 1
    config.input.batch_size, config.deterministic = 2, True
    config.log.tensorboard = False
    return config


def train(place, stop=None, *, deterministic=True):
    config = small()
    config.deterministic = deterministic
    loop.train(config, place, log.TrainingDisplay(live=False), stop_after_steps=stop)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("memories") / "run"
    train(place)
    return place


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The same run, stopped behind each of its steps but the last; its memory behind the second."""
    place = tmp_path_factory.mktemp("memories") / "parts"
    for _ in range(2):
        train(place, 1)
    between = weights.load_variables(place, "last")[0]["memory"]
    train(place, 1)
    train(place)
    return place, between


def remembered(place, which="last"):
    kept = weights.load_variables(place, which)[0]["memory"]
    return {"relations": kept["memory"], "objects": kept["object_classifier"]["memory"]}


def test_a_run_keeps_the_weighed_means_of_its_training_examples(folder, parts):
    config = setup.prepare(small(), folder / "again").config
    found, net = examples.open_examples(config, "train", training=True), setup.build_net(config)
    # How uncertain the net is was told with the memory of the epoch before.
    variables = {**weights.load_variables(folder, "last")[0], "memory": parts[1]}
    sums = {name: [0.0, 0.0] for name in net.memories}
    told = net.clone(mode="sgdet", detected_classes="detector", ignore_memory=False)
    tell = jax.jit(lambda batch: nets.call(told, variables, batch))  # operations alone: 500
    for batch in inputs.evaluation(config, found):
        outputs = jax.device_get(tell(batch))
        for video in np.flatnonzero(batch["index"] >= 0):
            for place in np.argwhere(batch["valid_pairs"][video] & batch["labelled"][video]):
                at = (video, *place)
                sure = np.exp(outputs["aleatoric"][at] + outputs["epistemic"][at])
                weight = np.where(batch["relations"][at], sure, 0)
                sums["relations"][0] += weight[:, None] * outputs["pair_embeddings"][at]
                sums["relations"][1] += weight
            for place in np.argwhere(batch["valid_boxes"][video]):
                at = (video, *place)
                weight = np.exp(outputs["object_aleatoric"][at])
                weight = weight * (np.arange(len(weight)) == batch["labels"][at])
                sums["objects"][0] += weight[1:, None] * outputs["object_embeddings"][at]
                sums["objects"][1] += weight[1:]
    kept = remembered(folder)
    for name, (above, below) in sums.items():
        wanted = np.where(below[:, None] > 0, above / np.maximum(below, 1e-9)[:, None], 0)
        assert kept[name]["filled"] == 1 and np.abs(wanted).max() > 0.01
        np.testing.assert_allclose(kept[name]["rows"], wanted, rtol=1e-4, atol=1e-5)


def test_a_run_that_stops_within_and_between_epochs_goes_on_exactly(folder, parts):
    one, other = ((place / "metrics.csv").read_bytes() for place in (folder, parts[0]))
    assert one == other
    for which in ("last", "best"):
        pair = (weights.load_variables(place, which)[0] for place in (folder, parts[0]))
        jax.tree.map(np.testing.assert_array_equal, *pair)


def test_without_deterministic_a_stopped_run_differs_in_columns_of_times_alone(folder, tmp_path):
    train(tmp_path / "timed", 3, deterministic=False)
    train(tmp_path / "timed", deterministic=False)
    rows = [records.read_csv(place / "metrics.csv") for place in (folder, tmp_path / "timed")]
    differ = {
        key for one, other in zip(*rows, strict=True) for key in one if one[key] != other[key]
    }
    assert differ == {"epoch_time", "train_time", "val_time"}
    pair = (weights.load_variables(place, "last")[0] for place in (folder, tmp_path / "timed"))
    jax.tree.map(np.testing.assert_array_equal, *pair)


def test_two_devices_remember_what_one_does(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO, str(tmp_path / "two")],
        env=environment(2), capture_output=True, text=True, timeout=500, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    pair = (remembered(place) for place in (folder, tmp_path / "two"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=2e-3), *pair)
    rows = [records.read_csv(place / "metrics.csv") for place in (folder, tmp_path / "two")]
    for one, other in zip(*rows, strict=True):
        assert float(one["train_loss"]) == pytest.approx(float(other["train_loss"]), abs=1e-3)


def test_nothing_is_remembered_of_nothing():
    with pytest.raises(ValueError, match="no training example"):
        memories.Mean().rows()


def test_examples_count_by_uncertainty_only_where_there_is_one(tmp_path):
    config = small()
    config.net.object_head = "linear"
    run = setup.prepare(config, tmp_path / "run")
    with pytest.raises(UserError, match=r"net.object_weights='al'.*net.object_head='gmm'"):
        setup.begin(run, run.stages[0], None)
