"""The torch side of a comparison is the net of the recipe, and trains as the recipe says."""

import jax
import numpy as np
import pytest
import recipes

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.errors import UserError
from jaxsign.nets import state_dict
from jaxsign.train import inputs, setup

torch = pytest.importorskip("torch")
from benchmarks import original_detector, original_scenes, originals, same_recipe  # noqa: E402
from parity.reference import vidsgg_uncertain  # noqa: E402

SMALL = {"num_gloss": 5, "emb_dim": 16, "n_heads": 2, "n_layers": 2}


def small(recipe, *words):
    """A recipe with a small net and a few made-up signs."""
    config = configs.load(recipe, words)
    config.net.update(SMALL)
    config.data.source = "synthetic"
    config.data.synthetic.update(
        signs=5, categories=2, signers=4, val_signers=1, clips_per_signer=2, frames=(8, 14)
    )
    config.input.update(batch_size=8, threads=0, buckets=(24,), max_length=24)
    return config


@pytest.mark.parametrize("recipe", ["signon", "signon:ptn", "signon:traduttore", "traduttore"])
def test_the_original_has_the_parameters_of_the_net(recipe):
    config = small(recipe)
    if "input_dim" in config.net:
        config.net.input_dim = 156
    model = originals.Torch(config, threads=1).model
    table = setup.build_net(config).key_table()
    expected = {row.key: tuple(row.shape) for row in table}
    assert {key: tuple(value.shape) for key, value in model.state_dict().items()} == expected


@pytest.mark.parametrize("recipe", ["signon:ptn", "signon"])
def test_a_step_moves_by_the_rate_and_the_loss_is_the_recipes(recipe):
    config = small(recipe)
    side = originals.Torch(config, threads=1)
    rng = np.random.default_rng(0)
    x = rng.random((4, 6, 75, 3), np.float32)
    gloss = np.array([0, 1, 2, 3], np.int32)
    batch = side.prepare({"x": x, "valid": np.ones((4, 6), bool), "gloss": gloss})
    logits = side.predict(batch)["gloss"].numpy()
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    smooth = 0.8 * log_p[np.arange(4), gloss] + 0.2 * log_p.mean(1)
    assert side.loss(batch).item() == pytest.approx(-smooth.mean(), rel=1e-5)
    before = {name: value.clone() for name, value in side.model.named_parameters()}
    side.set_rate(0.0)
    side.train([batch])
    assert all((value == before[name]).all() for name, value in side.model.named_parameters())
    side.set_rate(1e-3)
    side.train([batch])
    moved = [(value - before[name]).abs().max() for name, value in side.model.named_parameters()]
    assert max(moved).item() == pytest.approx(1e-3, rel=0.1)


def test_torch_is_tested_on_the_same_clips_with_the_weights_of_its_best_epoch(tmp_path):
    config = small("signon:ptn", "--config.train.epochs=1", "--config.optim.lr=0.0")
    config.train.early_stop = 0
    found = same_recipe.train_torch(config, tmp_path / "run")
    side = originals.Torch(config, threads=1)  # the same seed and so the same weights
    for split in ("val", "test"):
        examples = tasks.kind(config).open(config, split).under(config)
        hits = [
            side.predict(side.prepare(batch))["gloss"].argmax(-1).numpy() == batch["gloss"]
            for batch in inputs.evaluation(config, examples)
        ]
        real = [b["weight"] > 0 for b in inputs.evaluation(config, examples)]
        expected = np.concatenate(hits)[np.concatenate(real)].mean()
        assert found[split] == pytest.approx(expected)


CHANGES = {
    "tempura": {"temporal_window": 2, "noise": False, "uncertainty_threshold": 0.0},
    "scene_llm": {"box_scale": "corner"},
    "easg": {"parity": True},  # some of its videos have one frame
}


def of_ours(config, side, found, count):
    """jaxsign's task with torch's weights; a batch of so many examples, its loss and its rows."""
    net = setup.build_net(config)
    weights = {key: value.numpy() for key, value in side.model.state_dict().items()}
    variables = state_dict.to_variables(net.key_table(), weights)
    size = tuple(found.sizes.max(axis=0).tolist())
    batch = found.stack([found.example(i) for i in range(count)], size)
    batch |= {"weight": np.ones(count, np.float32), "share": np.full(count, 1 / count, np.float32)}
    task = tasks.build(config, net)

    @jax.jit
    def told(batch):
        loss = task.loss(variables, batch, jax.random.key(0), {}).loss
        return loss, task.evaluate(variables, batch, {}).rows

    return task, batch, *told(batch)


@pytest.mark.parametrize("name", ["sttran", "tempura", "stket", "scene_llm", "easg"])
def test_scenes_have_one_loss_and_one_recall_on_both_sides(name):
    config = recipes.small(f"{name}:synthetic", None)
    config.net.update(n_heads=8, dropout=0.0, **CHANGES.get(name, {}))
    config.loss.update(gmm_regularization=0.0)
    config.net.mode = "edgecls" if name == "easg" else "predcls"
    found = tasks.kind(config).open(config, "train", training=True)
    config = setup.filled(config, found.facts(config))
    side = original_scenes.Torch(config)
    if name == "tempura":  # without noise and an empty memory both are the same
        noisy = [m for m in side.model.modules() if isinstance(m, vidsgg_uncertain.Mixture)]
        assert noisy
        side.model.glocal_transformer.rows = []
        for mixture in noisy:
            mixture.draw = torch.zeros
    task, batch, ours, rows = of_ours(config, side, found, 3)
    if name == "sttran":
        told = task.summarise({**task.count(rows), "examples": 3.0})
        assert side.score([side.to_score(batch)]) == pytest.approx(told["recall@20"])
    side.model.train()
    theirs = [side.loss(entry).item() for entry in side.prepare(batch)]
    assert float(ours) == pytest.approx(np.mean(theirs), rel=1e-5)


def test_detectors_have_one_loss_and_one_precision_on_both_sides():
    config = configs.load("faster_rcnn:synthetic")
    config.data.synthetic_scenes.update(videos=2, val_videos=1)
    config.net.update(short_side=96, proposal_dim=8, proposals=10, train_proposals=10)
    # Images are not padded, and nothing is drawn: more is asked for than there is.
    config.detect.update(anchors=9999, anchor_share=1.0, proposals=99, proposal_share=1.0)
    found = tasks.kind(config).open(config, "val")
    config = setup.filled(config, found.facts(config))
    side = original_detector.Torch(config)
    _, batch, ours, rows = of_ours(config, side, found, 2)
    side.model.eval()
    told = side._told(side.prepare(batch))
    np.testing.assert_allclose(told["scores"], rows["scores"], atol=1e-4)
    np.testing.assert_allclose(told["class_boxes"], rows["class_boxes"], atol=0.01)
    side.model.train()
    assert float(ours) == pytest.approx(side.loss(side.prepare(batch)).item(), rel=1e-4)


def test_a_net_of_scenes_that_the_original_cannot_be_is_refused():
    config = configs.load("sttran:synthetic")
    same_recipe.check(config)
    config.net.masks = "hard"
    with pytest.raises(UserError, match="net.masks='hard': the torch side has 'fractional'"):
        original_scenes.Torch(config)


def test_what_torch_would_not_follow_is_refused():
    with pytest.raises(UserError, match=r"optim.accumulation=2: expected 1\n.*train.early_stop=20"):
        same_recipe.check(configs.load("signon", ["--config.optim.accumulation=2"]))
    same_recipe.check(configs.load("traduttore"))
    same_recipe.check(configs.load("signon:traduttore-ptn"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--config.net.dropout=0.5"], "net.dropout=0.5: the original of ptn has 0.2"),
        (["--config.net.generation=A"], "net.generation='A': expected 'B'"),
    ],
)
def test_a_net_that_the_original_cannot_be_is_refused(words, expected):
    with pytest.raises(UserError, match=expected):
        originals.Torch(configs.load("signon:ptn", words), threads=1)


@pytest.mark.parametrize(
    ("recipe", "words", "expected"),
    [
        ("whisper_sign", [], "net.name='whisper_sign': the torch side has sign_transformer,"),
        ("signon:ptn", ["--config.optim.name=sgd"], "optim.name='sgd': the torch side has adam"),
    ],
)
def test_what_torch_has_no_counterpart_of_is_refused(recipe, words, expected):
    config = configs.load(recipe, words)
    with pytest.raises(UserError, match=expected):
        originals.Torch(config, threads=1)
