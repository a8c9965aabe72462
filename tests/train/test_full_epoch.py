"""Epochs of few examples: how many more there are."""

import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import opening, ranges, setup

SYNTHETIC = ("signs=2", "categories=1", "signers=2", "val_signers=1", "clips_per_signer=2")
LENGTHS = ("train.epochs=10", "train.min_epochs=3", "train.early_stop=3")


def resolved(full, *, again=False):
    words = [f"--config.data.synthetic.{word}" for word in SYNTHETIC]
    words += [f"--config.{word}" for word in (*LENGTHS, f"train.full_epoch={full}")]
    config = configs.load("fslr_transformer:synthetic", words)
    ranges.check(config)
    examples = opening.open_examples(config, "train", training=True)
    found = setup.resolve(config, examples)
    return (setup.resolve(found, examples) if again else found).train, len(examples)


def test_fewer_examples_than_a_full_epoch_make_more_epochs():
    plain, examples = resolved(0)
    assert (plain.epochs, plain.min_epochs, plain.eval_every) == (10, 3, 1)
    for full in (1, examples):
        assert resolved(full)[0].epochs == 10
    longer, _ = resolved(5 * examples)
    assert (longer.epochs, longer.min_epochs, longer.eval_every) == (50, 15, 5)
    assert resolved(examples + 1)[0].eval_every == 1
    assert resolved(5 * examples, again=True)[0] == longer  # a run's own recipe


def test_stages_have_epochs_of_their_own():
    config = configs.load("fslr_transformer:synthetic")
    config.stages, config.stage = "one", {"one": {"train": {"epochs": 2}}}
    config.train.full_epoch = 9
    with pytest.raises(UserError, match="train.full_epoch=9: expected 0 in a recipe of stages"):
        ranges.check(config)
