"""A run's answers: against the parts they are made of, alone and in company."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
import sequence_runs

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.tasks.sequences.answers import gloss_name
from jaxsign.tasks.sequences.decoding import greedy
from jaxsign.tasks.sequences.options import MODES

recognise = sequence_runs.recognise
CLIPS = [sequence_runs.clip(frames, seed) for seed, frames in enumerate((70, 3, 121, 1))]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(sequence_runs.save_run(tmp_path_factory.mktemp("run") / "r"))


@pytest.fixture(scope="module", params=MODES)
def mode(request):
    return request.param


@functools.partial(jax.jit, static_argnums=0)
def said(net, variables, x, tokens=None):
    """What the net says of one clip without padding."""
    return net.apply(variables, x[None], None, tokens)


def collapsed(run, clip):
    log_probs = said(run.net, run.variables, clip)["ctc_log_probs"]
    ids = greedy.greedy(np.asarray(log_probs.argmax(-1)), np.ones(log_probs.shape[:2], bool))
    return tuple(i - 1 for i in ids[0])


def same(found, other):
    """Equal readings, up to rounding of their scores."""
    for one, two in zip(found, other, strict=True):
        assert one.glosses == two.glosses and one.names == two.names
        for a, b in zip(one.hypotheses, two.hypotheses, strict=True):
            assert a.score == pytest.approx(b.score, abs=2e-3)


def test_company_and_padding_change_nothing(run, mode):
    together = recognise(run, CLIPS, mode=mode)
    same(together, [recognise(run, [clip], 1, mode=mode)[0] for clip in CLIPS])
    # Without buckets but a longest one: every clip with other padding.
    config = run.config.copy_and_resolve_references()
    config.input.buckets = (200,)
    own = dataclasses.replace(run, config=config)
    same(together, recognise(own, CLIPS, mode=mode))


def test_some_clips_hold_several_glosses_and_names_follow(run):
    found = recognise(run, CLIPS, mode="greedy")
    assert max(len(one.glosses) for one in found) >= 4
    for one in found:
        assert one.names == tuple(sequence_runs.NAMES[i] for i in one.glosses)
        assert one.score == one.hypotheses[0].log_ctc <= 0


def test_classes_beyond_the_names_are_marked():
    assert gloss_name(("A", "B"), 1) == "B"
    assert gloss_name(("A", "B"), 2) == "?3"  # the third gloss: its id in a label map
    assert gloss_name(None, 2) == gloss_name((), 2) == "2"


def test_greedy_is_the_collapse_of_the_best_ids(run):
    found = recognise(run, CLIPS[:1], mode="greedy")
    assert found[0].glosses == collapsed(run, CLIPS[0])


def test_a_wider_beam_finds_readings_at_least_as_probable(run):
    narrow = recognise(run, CLIPS, mode="beam", beam=1, n_best=1)
    wide = recognise(run, CLIPS, mode="beam", beam=10, n_best=8)
    for one, other in zip(narrow, wide, strict=True):
        assert other.score >= one.score - 1e-4
        scores = [h.score for h in other.hypotheses]
        assert len(scores) <= 8 and scores == sorted(scores, reverse=True)
        assert len({h.glosses for h in other.hypotheses}) == len(scores)


def test_the_second_pass_weighs_exact_scores_of_the_first_ones(run):
    found = recognise(run, CLIPS, ctc_weight=0.4, length_bonus=0.5)
    first = recognise(run, CLIPS, mode="beam")
    for one, before, clip in zip(found, first, CLIPS, strict=True):
        assert {h.glosses for h in one.hypotheses} == {h.glosses for h in before.hypotheses}
        for h in one.hypotheses:
            both = 0.4 * h.log_ctc + 0.6 * h.log_att + 0.5 * len(h.glosses)
            assert h.score == pytest.approx(both, abs=1e-3)
        best, tokens = one.hypotheses[0], np.zeros((1, 40), int)
        wanted = [*(i + 1 for i in best.glosses), 0]
        tokens[0, 1 : len(wanted)] = wanted[:-1]
        logits = said(run.net, run.variables, clip, tokens)["att_logits"][0]
        log_probs = np.asarray(jax.nn.log_softmax(logits))
        exact = log_probs[np.arange(len(wanted)), wanted].sum()
        assert best.log_att == pytest.approx(float(exact), abs=2e-3)


def test_the_weight_decides_the_order(run):
    by_ctc, by_att = (recognise(run, CLIPS, ctc_weight=weight) for weight in (1.0, 0.0))
    assert all(one.score == one.hypotheses[0].log_ctc for one in by_ctc)
    assert all(one.score == one.hypotheses[0].log_att for one in by_att)
    assert [one.glosses for one in by_ctc] != [one.glosses for one in by_att]


def test_sequences_beyond_the_decoder_are_impossible_for_it_alone(tmp_path):
    run = runs.load_run(sequence_runs.save_run(tmp_path / "r", max_target=3))
    found = recognise(run, CLIPS[2:3], mode="two_pass")[0]
    assert all(len(h.glosses) > 2 for h in found.hypotheses)
    assert all(h.log_att == -np.inf for h in found.hypotheses)
    ctc = [h.log_ctc for h in found.hypotheses]
    assert ctc == sorted(ctc, reverse=True)


def test_a_net_whose_padding_counts_is_asked_at_a_clips_own_length(tmp_path):
    run = runs.load_run(sequence_runs.save_run(tmp_path / "r", padding="upstream"))
    found = recognise(run, CLIPS[:2], 1, mode="greedy")
    assert [one.glosses for one in found] == [collapsed(run, clip) for clip in CLIPS[:2]]


def test_scores_that_are_no_numbers_name_the_clip(run):
    broken = np.full((9, 42, 7), np.nan, np.float32)
    with pytest.raises(UserError, match=r"says of broken.npy is no number \(NaN\)"):
        recognise(run, [CLIPS[0], broken], 4, ["good.npy", "broken.npy"], mode="beam")


def test_clips_of_another_shape_are_named(run):
    with pytest.raises(UserError, match="clip 1: 21 x 7 numbers a frame.*takes 42 x 7"):
        recognise(run, [CLIPS[0], np.zeros((9, 21, 7), np.float32)])


def test_nothing_gives_nothing(run):
    assert recognise(run, []) == []
