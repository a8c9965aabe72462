"""Frames that are hidden and guessed: what is hidden, what is learnt, and what starts from it."""

import csv
import re

import jax
import making
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign import cli, tasks
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input.signs.formats.clips import write_clip
from jaxsign.tasks.masked import spans
from jaxsign.train import initial, log, loop, setup, weights

TINY = (
    "--config.data.source=synthetic", "--config.data.synthetic.signs=3",
    "--config.data.synthetic.signers=3", "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=2", "--config.net.emb_dim=16",
    "--config.net.ff_dim=16", "--config.net.n_layers=1", "--config.schedule.warmup=0",
    "--config.data.synthetic.frames=(10,16)", "--config.input.buckets=(16,)",
    "--config.input.max_length=16", "--config.log.progress=False",
    "--config.input.threads=0", "--config.log.tensorboard=False", "--config.train.full_epoch=0",
)  # fmt: skip


@given(
    length=st.integers(1, 90), frames=st.integers(1, 9), share=st.floats(0.05, 0.95),
    more=st.integers(0, 20),
)  # fmt: skip
def test_the_same_share_is_hidden_in_every_validation_whatever_follows(length, frames, share, more):
    hidden = spans.fixed(length, share, frames)
    np.testing.assert_array_equal(spans.fixed(length + more, share, frames)[:length], hidden)
    whole = spans.fixed(100 * frames, share, frames)
    assert abs(whole.mean() - share) <= 0.01


def test_every_frame_is_hidden_as_often_in_spans():
    hidden = np.asarray(spans.drawn(jax.random.key(0), 4000, 12, 0.4, 3))
    np.testing.assert_allclose(hidden.mean(0), 0.4, atol=0.04)
    inside = hidden[:, 1:-1] & ~hidden[:, :-2]  # a span begins here
    assert (hidden[:, 2:] | ~inside).all()


@pytest.fixture(scope="module")
def masked_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked") / "run"
    config = configs.load(
        "small:masked", [*TINY, "--config.train.epochs=8", "--config.optim.lr=0.01"]
    )
    loop.train(config, folder, log.TrainingDisplay(live=False))
    return folder


@pytest.mark.slow
def test_hidden_frames_are_guessed_better_and_a_recogniser_starts_there(masked_run, tmp_path):
    with (masked_run / "metrics.csv").open() as table:
        missed = [float(row["val_missed"]) for row in csv.DictReader(table)]
    assert missed[-1] < 0.9 * missed[0] < 0.9
    keys = [*TINY, f"--config.train.init_from={masked_run}"]
    run = setup.prepare(configs.load("small", keys), tmp_path / "small")
    session = setup.begin(run, run.stages[0], None)
    found, notes = initial.variables(run.config, session.task, session.train_batches)
    start, _ = weights.load_variables(masked_run)
    same = {k for k in start["params"] if k != "reconstruction"}
    assert set(found["params"]) == same | {"gloss_head"}
    jax.tree.map(
        np.testing.assert_array_equal,
        {k: found["params"][k] for k in same},
        {k: start["params"][k] for k in same},
    )
    assert "gloss_head" in notes[-1]


@pytest.mark.slow
def test_padding_and_empty_rows_change_no_sum(masked_run):
    run = runs.load_run(masked_run)
    task = tasks.build(run.config, run.net)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 20, run.net.input_dim)).astype(np.float32)
    batch = {"x": x, "valid": np.arange(20) < [[20], [13]], "weight": np.ones(2, np.float32)}
    padded = {
        "x": np.pad(x, ((0, 1), (0, 12), (0, 0)), constant_values=7),
        "valid": np.pad(batch["valid"], ((0, 1), (0, 12))),
        "weight": np.array([1, 1, 0], np.float32),
    }
    padded["valid"][2, 0] = True
    evaluate = jax.jit(lambda variables, each: task.evaluate(variables, each, {}).sums)
    one, other = (evaluate(run.variables, each) for each in (batch, padded))
    assert one["size"] > 0
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, rtol=1e-5)


@pytest.mark.slow
def test_such_a_run_answers_nothing_and_says_what_to_do(masked_run, tmp_path, capsys):
    clip = making.clip(frames=9).save(tmp_path / "a.clip.npz")
    for verb, *words in (
        ["predict", clip], ["stream", clip], ["evaluate"],
        ["deploy", "--out", tmp_path / "out", "--format", "stablehlo"],
    ):  # fmt: skip
        assert cli.main([verb, "--workdir", str(masked_run), *map(str, words)]) == 1
        assert re.search("knows no sign.*--config.train.init_from", capsys.readouterr().err)


def test_clips_need_no_labels_to_be_guessed(tmp_path):
    for i in range(3):
        write_clip(tmp_path / f"{i}.clip.npz", making.clip(frames=9, seed=i))
    place = [f"--config.data.{split}.path={tmp_path}" for split in ("train", "val")]
    opened = _opened("small:masked", place)
    assert len(opened) == 3 and set(opened.example(0)) == {"x"}

    with pytest.raises(UserError, match=r"none of its 3 clips has a gloss.*labels.csv"):
        _opened("small", place)
    # What is wrong with the labels themselves is told beside it.
    (tmp_path / "labels.csv").write_text("file,gloss\nnobody,HI\n")
    with pytest.raises(UserError, match=r"(?s)nobody.*none of its 3 clips has a gloss"):
        _opened("small", place)


def _opened(recipe, place):
    config = configs.load(recipe, place)
    return tasks.kind(config).open(config, "train")


def test_recipes_that_cannot_hide_frames_are_refused():
    config = configs.load("small:masked")
    config.task.heads, config.data.folds.count = ("gloss",), 3
    config.net.name, config.loss.class_weights = "iv3_gru", "balanced"
    wrong = " ".join(tasks.check(config))
    by_labels = "data.folds.count, loss.class_weights: goes by labels"
    assert all(word in wrong for word in ("task.heads", "tell of every frame", by_labels))
    with pytest.raises(UserError, match="jaxsign baseline --config small DATA"):
        tasks.kind(config).baseliner()
