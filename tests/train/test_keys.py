"""The keys of a recipe are explained."""

import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import keys

RECIPES = (
    "fslr_transformer", "fslr_transformer:synthetic", "fslr_iv3_gru", "asl_hybrid", "traduttore",
    "whisper_sign", "whisper_sign:boston104",
)  # fmt: skip


def used(recipe, *words):
    return {row.name for row in keys.of_recipe(configs.load(recipe, words)) if row.used}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_key_is_explained(recipe):
    config = configs.load(recipe)
    rows = keys.of_recipe(config)
    assert [row.name for row in rows] == list(configs.flatten(config))
    assert [row.name for row in rows if not row.meaning.text] == []


def test_a_key_tells_its_value_meaning_values_and_default():
    text = keys.listing(configs.load("whisper_sign"), "optim.lr=")
    first, about = text.splitlines()[:2]
    assert first == "--config.optim.lr=5e-05"
    assert about == ("    learning rate, the highest of the schedule; 0 or more; default 0.0001")
    assert "in stage stage1: learning rate" in text
    net = keys.listing(configs.load("whisper_sign"), "net.num_heads")
    assert "of all attentions; divides D; 1 or more; default 8" in net
    view = keys.listing(configs.load("whisper_sign"), "view.smooth")
    assert "frames of a moving average, 0 = none; 0 or more; default 0" in view


def test_keys_that_a_recipe_does_not_use_are_left_out():
    plain, sentences = used("fslr_transformer"), used("whisper_sign")
    assert {"loss.name", "optim.b1", "data.key"} <= plain
    assert not {k for k in plain if k.startswith(("decode.", "data.synthetic.", "input.windows."))}
    assert "schedule.patience" not in plain and "optim.momentum" not in plain
    assert {"decode.beam", "loss.alpha", "input.augment.joints.jitter"} <= sentences
    assert "schedule.warmup_updates" in sentences and "loss.focal_gamma" not in sentences
    assert "data.synthetic.signs" in used("fslr_transformer:synthetic")
    assert "schedule.patience" in used("fslr_transformer", "--config.schedule.name=plateau")


def test_a_stage_may_use_what_the_recipe_does_not():
    config = configs.load("fslr_transformer")
    config.stages, config.stage = "a", {"a": {"optim": {"name": "sgd"}}}
    assert "optim.momentum" in {row.name for row in keys.of_recipe(config) if row.used}


def test_listings_can_be_searched():
    config = configs.load("fslr_transformer")
    every, chosen = keys.listing(config, "all"), keys.listing(config)
    assert every.count("--config.") == len(configs.flatten(config))
    assert "more keys are not used by this recipe: --list-keys all" in chosen
    optim = keys.listing(config, "optim.")
    known, _, unknown = optim.partition("Not used by this recipe as it stands:")
    assert "--config.optim.lr=" in known and "--config.optim.momentum=" in unknown
    assert "--config.net." not in optim
    assert "optim.grad_clip" in keys.listing(config, "greatest norm")
    with pytest.raises(UserError, match="--list-keys optim.lrr.*Did you mean 'optim.lr'"):
        keys.listing(config, "optim.lrr")
