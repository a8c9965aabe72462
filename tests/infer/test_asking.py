"""Answers to clips of any lengths do not depend on padding, batch or number of devices."""

import numpy as np
import pytest
import run_helpers
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(run_helpers.save_run(tmp_path_factory.mktemp("run") / "r"))


@pytest.fixture(scope="module")
def asker(run):
    return asking.Asker(run)


def _clip(frames, seed=0):
    x = np.random.default_rng(seed).random((frames, 156), np.float32)
    return runs.NetInput(x, np.ones(frames, bool))


def scores(asker, clips, batch_size=1):
    return [answer.logits for answer in asker.answers(clips, batch_size)]


def test_scores_are_those_of_the_net(run, asker):
    clip = _clip(11)
    expected = run.net.apply(run.variables, clip.x[None], clip.valid[None])["logits"]
    (found,) = scores(asker, [clip])
    for head in run.heads:
        np.testing.assert_allclose(found[head], expected[head][0], rtol=1e-5, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 32), min_size=1, max_size=9), st.sampled_from([1, 3]))
def test_a_clip_alone_and_in_any_batch_agree(run, asker, lengths, batch_size):
    clips = [_clip(frames, seed) for seed, frames in enumerate(lengths)]
    together = scores(asker, clips, batch_size)
    for found, clip in zip(together, clips, strict=True):
        alone = asker.ask({"x": clip.x[None], "valid": clip.valid[None]})
        for head in run.heads:
            np.testing.assert_allclose(found[head], alone[head][0], rtol=1e-4, atol=1e-5)


def test_lengths_fall_into_few_buckets(run, asker):
    assert {asker.bucket(frames) for frames in range(1, 33)} == {8, 16, 32}
    with pytest.raises(ValueError, match="cut the clip"):
        asker.bucket(33)
    assert len(run.cut(_clip(50).x)) == 32


def test_compiled_programs_are_bounded_by_buckets(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", emb_dim=8))
    asker = asking.Asker(run)
    scores(asker, [_clip(frames) for frames in range(1, 33)], 4)
    assert asker.outputs._cache_size() == 3


def test_cls_pooling_takes_one_frame_less(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", pooling="cls"))
    assert run.max_length == 31
    assert scores(asking.Asker(run), [_clip(31)])[0]["gloss"].shape == (5,)


def test_clips_that_the_net_does_not_take_are_named(asker):
    wide = runs.NetInput(np.zeros((4, 2048), np.float32), np.ones(4, bool))
    with pytest.raises(UserError, match="clip 1: 2048 numbers a frame.*takes 156"):
        scores(asker, [_clip(4), wide])


def test_programs_are_forgotten_once_there_are_too_many(run):
    asker = asking.Asker(run)
    clips = [_clip(frames) for frames in (5, 12, 30)]
    before = scores(asker, clips)
    asker.spare(3)
    assert len(asker.programs) == 3
    asker.spare(2)
    assert not asker.programs and asker.outputs._cache_size() == 0
    for old, new in zip(before, scores(asker, clips), strict=True):
        np.testing.assert_array_equal(old["gloss"], new["gloss"])
