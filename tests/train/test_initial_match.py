"""Start weights from a run whose arrays do not all fit."""

import re

import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import memories
from jaxsign.train import initial


class _Two(nets.Net):
    """A net of two layers and a head."""

    @property
    def class_biases(self):
        return {"gloss": "head/bias"}

    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        raise AssertionError("nobody asks it")


class _Deep(_Two):
    """The same, its head of two layers."""

    @property
    def class_biases(self):
        return {"gloss": "head/out/bias"}


class _Named(_Two):
    """The same, of things and predicates."""

    @property
    def head_params(self):
        return "^head/", *self.object_params

    @property
    def object_params(self):
        return ("^words/",)


def variables(value, **shapes):
    made = {"first": {"kernel": (4, 3)}, "second": {"kernel": (3, 3)}, "head": {"bias": (5,)}}
    params = {
        part: {name: np.full(shape, value, np.float32) for name, shape in arrays.items()}
        for part, arrays in {**made, **shapes}.items()
    }
    return {"params": params, "batch_stats": {"norm": {"mean": np.full(3, value, np.float32)}}}


def fitted(theirs, **settings):
    config = configs.base().train
    config.update(init_from="runs/a", **settings)
    return initial.fitting(variables(0.0), theirs, config, _Two())


def test_strict_refuses_and_names_what_does_not_fit():
    theirs = variables(1.0, second={"kernel": (3, 7)}, third={"kernel": (2,)})
    with pytest.raises(UserError, match="runs/a does not fit this net: 2 variables") as told:
        fitted(theirs)
    assert "second/kernel: [3, 7] there, [3, 3] here" in str(told.value)
    assert "third/kernel: unexpected, [2] there" in str(told.value)
    assert "train.init_match=matching" in str(told.value)


def test_matching_takes_what_fits_and_lists_the_rest():
    theirs = variables(1.0, second={"kernel": (3, 7)}, third={"kernel": (2,)}, head={"bias": (6,)})
    made, notes = fitted(theirs, init_match="matching")
    means = {name: float(next(iter(part.values())).mean()) for name, part in made["params"].items()}
    assert means == {"first": 1.0, "second": 0.0, "head": 0.0}
    assert made["params"]["second"]["kernel"].shape == (3, 3)
    assert made["batch_stats"]["norm"]["mean"].tolist() == [1.0] * 3
    told = "\n".join(notes)
    assert "2 of 4 variables are those of runs/a" in told and "2 do not fit" in told
    assert "second/kernel: [3, 7] there, [3, 3] here" in told and "third/kernel" in told
    assert "1 variables left out of runs/a: params/head/bias" in told


def test_matching_that_matches_nothing_is_refused():
    theirs = variables(1.0, first={"weight": (9,)}, second={"weight": (9,)}, head={"bias": (7,)})
    with pytest.raises(UserError, match="nothing there fits this net") as told:
        fitted(theirs, init_match="matching")
    assert "first/kernel: missing there, [4, 3] here" in str(told.value)


def test_matching_is_strict_where_all_fits():
    made, notes = fitted(variables(1.0), init_match="matching")
    strict, nothing = fitted(variables(1.0))
    np.testing.assert_equal(made, strict)
    assert notes == ["init     4 of 4 variables are those of runs/a"] and nothing == []


@pytest.mark.parametrize("with_head", [True, False])
def test_a_head_that_one_side_lacks_is_left_out_whole(with_head):
    config = configs.base().train
    config.init_from = "runs/a"
    mine, theirs = (variables(value) for value in (0.0, 1.0))
    head = {"hidden": {"kernel": np.zeros((3, 3))}, "out": {"bias": np.zeros(5)}}
    for one, has in ((mine, with_head), (theirs, not with_head)):
        del one["params"]["head"]
        one["params"] |= {"head": head} if has else {}
    made, notes = initial.fitting(mine, theirs, config, _Deep())
    assert ("head" in made["params"]) == ("head" in "".join(notes)) == with_head
    assert all(made["params"][name]["kernel"].all() for name in ("first", "second"))


def task_of(objects, predicates):
    groups = (("gaze", "one", False, predicates[:1]), ("contact", "several", False, predicates[1:]))
    return ConfigDict({"objects": objects, "groups": groups})


@pytest.mark.parametrize(
    ("theirs", "anew", "told"),
    [
        ((("none", "cup", "dog"), ("at", "holds")), set(), ""),
        ((("none", "cup", "cat"), ("at", "holds")), {"words"}, "objects of runs/a.* 'cat' for 'do"),
        ((("none", "cup", "dog"), ("at", "eats")), {"words", "head"}, "predicates of runs/a.*eats"),
        ((("none", "thing 1", "thing 2"), ("at 0", "touch 0")), set(), ""),
        (((), ()), set(), ""),
    ],
)
def test_what_belongs_to_other_classes_of_equal_number_starts_anew(theirs, anew, told):
    ours, net = task_of(("none", "cup", "dog"), ("at", "holds")), _Named()
    others, notes = initial.of_other_classes(ours, task_of(*theirs), "runs/a", net)
    assert re.search(told, "\n".join(notes)) and bool(notes) == bool(told)
    config = configs.base().train
    config.update(init_from="runs/a", init_match="matching")
    parts = {"words": {"table": (3, 2)}, "head": {"bias": (2,)}}
    mine, given = (variables(value, **parts) for value in (0.0, 1.0))
    made, _ = initial.fitting(mine, given, config, net, others)
    fresh = {
        part for part, arrays in made["params"].items() for a in arrays.values() if not a.any()
    }
    assert fresh == anew


def test_what_tempura_remembers_belongs_to_its_classes():
    net = nets.build("tempura", relation_memory="joint", object_memory=True)
    rows = {name: np.ones(shape) for name, shape in net.memory_shapes.items()}
    ours = {"params": {}, **memories.placed({}, rows, filled=False)}
    theirs = {"params": {}, **memories.placed({}, rows)}
    config = configs.base().train
    config.init_from = "runs/a"
    kept, _ = initial.fitting(ours, theirs, config, net)
    assert kept["memory"]["memory"]["filled"] == 1
    for patterns, places in (
        (net.head_params, [("memory",), ("object_classifier", "memory")]),
        (net.object_params, [("object_classifier", "memory")]),
    ):
        made, _ = initial.fitting(ours, theirs, config, net, patterns)
        empty = [place for place in memories.PLACES.values() if not _at(made["memory"], place)]
        assert empty == places


def _at(tree, place):
    for name in place:
        tree = tree[name]
    return int(tree["filled"])
