"""What stays as it is while the rest trains: parts by the original's names, and batch norms."""

import json
import re

import helpers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets.layers import batch_norm
from jaxsign.train import by_path, freezing, initial, records


def frozen(net, **changes):
    settings = configs.base().train
    settings.update(changes)
    return freezing.patterns(settings, net)


def test_parts_go_by_the_originals_names():
    net = nets.build("sign_transformer", emb_dim=16, n_heads=2, n_layers=2, num_gloss=3)
    table = {entry.key: entry for entry in net.key_table()}
    paths = ["/".join(e.path[1:]) for e in table.values() if e.path[0] == "params"]
    found = frozen(net, frozen=("^cls_token$",), freeze_parts="gloss_head.3, embedding")
    assert set(paths) - set(by_path.select(paths, (".*",), found)) == {
        "cls_token", "gloss_head/out/kernel", "gloss_head/out/bias", "embedding/kernel",
        "embedding/bias",
    }  # fmt: skip
    assert frozen(net) == ()
    with pytest.raises(UserError, match=r"no part 'glos_head'. Did you mean 'gloss_head'\?.*embed"):
        frozen(net, freeze_parts="glos_head")


class Normed(nets.Net):
    """A batch norm inside and one outside a part."""

    @nn.compact
    def __call__(self, x, valid=None, *, train=False):
        h = batch_norm.BatchNorm(name="first")(x, train=train)
        return {"h": batch_norm.BatchNorm(name="last")(h, train=train), "first": h}


@pytest.fixture(scope="module")
def normed():
    batch = {"x": jnp.array([[1.0, 2.0], [3.0, 8.0]])}
    return batch, Normed().init(jax.random.key(0), batch["x"])


def test_a_frozen_batch_norm_stands_still_unless_the_recipe_moves_it(normed):
    batch, variables = normed
    still = freezing.still(variables, ["last/bias"], ())
    assert still == ("first",)
    assert freezing.still(variables, ["last/bias"], ("^first/",)) == ()
    for net, stays in ((Normed(still=still), True), (Normed(), False)):
        given = {"train": True, "rng": jax.random.key(0), "mutable": ["batch_stats"]}
        output, new = nets.call(net, variables, batch, **given)
        moved = new["batch_stats"]
        assert bool((moved["first"]["mean"] == 0).all()) is stays
        assert int(moved["last"]["count"]) == 1 and int(moved["first"]["count"]) == 1 - stays
        if stays:
            np.testing.assert_allclose(output["first"], batch["x"], rtol=1e-4)


@pytest.mark.shared
def test_stages_thaw_when_the_original_does():
    cases = json.loads((helpers.SHARED / "golden/signon/finetuning.json").read_text())
    for case in cases["convergence"]:
        at, thaws = records.Records(), []
        for index, loss in enumerate(case["val_losses"]):
            at.observe_stopping(-float("nan" if loss is None else loss), 0.0)
            thaws += [index] if at.since_best >= 5 else []
        wanted = case["thaw_after_validation_index"]
        assert thaws[:1] == ([] if wanted is None else [wanted])


@pytest.mark.parametrize(
    ("given", "warned"),
    [
        ({}, False),
        ({"freeze_parts": "blocks"}, True),
        ({"freeze_parts": "blocks", "init_from": "runs/ngt"}, False),
        ({"freeze_parts": "backbone", "backbone_weights": "random"}, True),
        ({"freeze_parts": "backbone", "backbone_weights": "resnet34.pth"}, False),
    ],
)
def test_random_numbers_that_stand_still_are_told(given, warned):
    settings = configs.base().train
    settings.update(given)
    assert ("random numbers" in initial.doubt(settings)) == warned


# Of what the original refuses, these parts are meant and known here.
MENDED = ("blocks.0", "self_attention.layers.0", "frame_embed, blocks", "frame_embed,", "")
NETS = {
    "PoseFormer": ("poseformer", {}),
    "PoseFormer conditioned, 2 languages, logit norm off": ("poseformer", {"languages": 2}),
    "PoseFormer l1_label_norm": ("poseformer", {"label_norm": True}),
    "PTN": ("ptn", {}),
    "PTN 2 languages": ("ptn", {"languages": 2}),
    "PTN residual": ("ptn", {"residual": True}),
    "PTN no_pose_embedding": ("ptn", {"embedding": "none"}),
}


@pytest.mark.shared
def test_parts_freeze_what_they_freeze_in_the_original():
    cases = json.loads((helpers.SHARED / "golden/signon/finetuning.json").read_text())["freeze"]
    for case in cases:
        if case["model"] not in NETS:
            continue
        name, fields = NETS[case["model"]]
        net, parts = nets.build(name, n_layers=2, **fields), case["freeze_parts"]
        if "error" in case and parts not in MENDED:
            with pytest.raises(UserError, match=f"no part '{parts}'"):
                frozen(net, freeze_parts=parts)
            continue
        rows = [row for row in net.key_table() if row.path[0] == "params"]
        found = frozen(net, freeze_parts=parts)
        keys = {r.key for r in rows if any(re.search(p, "/".join(r.path[1:])) for p in found)}
        if "error" not in case:
            assert keys == set(case["frozen"])
            assert {row.key for row in rows} - keys == set(case["trainable"])
        elif parts == "blocks.0":
            assert len(keys) == 12 and all(key.startswith("blocks.0.") for key in keys)
