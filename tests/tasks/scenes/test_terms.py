"""Losses of scenes that a net's uncertainties weigh, and those of the features of boxes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.nets import sttran, tempura
from jaxsign.tasks.scenes import contrastive, losses, terms

RNG = np.random.default_rng(4)
# Compiled once for each shape.
COMPARED = {kind: jax.jit(jax.value_and_grad(of)) for kind, of in contrastive.KINDS.items()}
LABELS = np.array([2, 2, 1, 3, 1, 0])
FEATURES = RNG.normal(size=(6, 4)).astype(np.float32)


def distances(features):
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return np.sqrt(((unit[:, None] - unit) ** 2).sum(-1)), unit @ unit.T


def by_loops(kind, features, labels):
    apart, alike = distances(features.astype(float))
    count = len(labels)
    if kind == "info_nce":
        total = 0.0
        for i in range(count):
            others = [j for j in range(count) if j != i]
            whole = sum(np.exp(alike[i, j] / 0.1) for j in others)
            of_class = [j for j in others if labels[j] == labels[i]]
            lost = -sum(np.log(np.exp(alike[i, j] / 0.1) / whole) for j in of_class)
            total += lost / (len(of_class) + 1)
        return total / count
    two = [(i, j) for i in range(count) for j in range(count) if i != j]
    far = [apart[i, j] for i, j in two if labels[i] == labels[j]]
    near = [1 - apart[i, j] for i, j in two if labels[i] != labels[j] and apart[i, j] < 1]
    return np.mean(far or [0.0]) + np.mean(near or [0.0])


@pytest.mark.parametrize("kind", list(contrastive.KINDS))
def test_features_of_boxes_are_compared_as_loops_do_and_padding_is_not(kind):
    found, _ = COMPARED[kind](FEATURES, LABELS, np.ones(6, bool))
    np.testing.assert_allclose(found, by_loops(kind, FEATURES, LABELS), rtol=1e-4)
    noise = np.concatenate([FEATURES, 9 * RNG.normal(size=(3, 4)).astype(np.float32)])
    padded, _ = COMPARED[kind](noise, np.concatenate([LABELS, [2, 1, 7]]), np.arange(9) < 6)
    np.testing.assert_allclose(padded, found, rtol=1e-6)


@pytest.mark.parametrize("kind", list(contrastive.KINDS))
@pytest.mark.parametrize("features", [np.ones((4, 3)), np.zeros((4, 3))])
def test_boxes_that_look_alike_have_a_gradient(kind, features):
    for valid in (np.ones(4, bool), np.zeros(4, bool)):
        found = COMPARED[kind](features.astype(np.float32), np.array([1, 1, 2, 2]), valid)
        assert all(np.isfinite(one).all() for one in found)


def test_uncertain_pairs_count_more():
    unsure = RNG.uniform(size=(2, 2, 3, 4)).astype(np.float32)
    valid = np.array([[[1, 1, 0], [1, 0, 0]], [[0, 0, 0], [1, 1, 1]]], bool)
    found = np.asarray(terms.weights_by(unsure, valid))
    for row in range(2):
        total = np.exp(unsure[row].sum(-1)[valid[row]])
        np.testing.assert_allclose(found[row][valid[row]], 1 + total / total.sum(), rtol=1e-5)
    logits = RNG.normal(size=(2, 2, 3, 4)).astype(np.float32)
    truth = RNG.uniform(size=logits.shape) < 0.5
    given = {"aleatoric": unsure, "epistemic": 2 * unsure}
    weighed = terms.Terms(of_several="bce", relation_weighting="al")
    value = weighed.of_group("several", logits, truth, valid, given)
    each = losses.binary_cross_entropy(logits, truth) * found
    np.testing.assert_allclose(value, losses.mean_of_pairs(each, valid), rtol=1e-5)
    other = terms.Terms(of_several="bce", relation_weighting="ep")
    assert not np.allclose(other.of_group("several", logits, truth, valid, given), value)

    def lost(unsure):
        return weighed.of_group("several", logits, truth, valid, {"aleatoric": unsure}).sum()

    assert not np.asarray(jax.jit(jax.grad(lost))(jnp.asarray(unsure))).any()


def test_the_background_counts_as_asked():
    logits, labels = RNG.normal(size=(1, 1, 3, 4)).astype(np.float32), np.array([[[0, 2, 0]]])
    real = np.ones((1, 1, 3), bool)
    outputs = {"object_logits": logits}
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -np.take_along_axis(log_p, labels[..., None], -1)[..., 0]
    for share in (1.0, 0.25):
        value = terms.Terms(background=share).of_boxes(outputs, labels, real)
        wanted = (each * np.where(labels == 0, share, 1)).mean()
        np.testing.assert_allclose(value, [wanted], rtol=1e-5)


def test_a_net_is_asked_only_for_what_it_tells():
    plain, mixed = sttran.STTran(mode="sgcls"), tempura.Tempura(mode="sgcls")
    linear = tempura.Tempura(mode="sgcls", relation_head="linear")
    for settings, told in (
        ({"relation_weighting": "al"}, "net.relation_head='gmm'"),
        ({"object_weighting": "ep"}, "net.object_head='gmm'"),
        ({"contrastive": "euc_con"}, "no features of boxes"),
        ({"gmm_regularization": 0.1}, "no mixture"),
    ):
        made = terms.Terms(**settings)
        with pytest.raises(UserError, match=told):
            made.check(plain)
        made.check(mixed)
    with pytest.raises(UserError, match="relation_weighting"):
        terms.Terms(relation_weighting="al").check(linear)
    # Where no classes are learned nothing weighs boxes.
    terms.Terms(object_weighting="ep").check(sttran.STTran(mode="predcls"))


def test_relations_and_classes_of_boxes_have_a_factor_each():
    one, more = terms.Terms(), terms.Terms(relation_factor=3.0, object_factor=0.5)
    logits, truth = RNG.normal(size=(2, 2, 3, 4)), RNG.uniform(size=(2, 2, 3, 4)) < 0.5
    told = np.ones((2, 2, 3), bool)
    found, wanted = (of.of_group("several", logits, truth, told, {}) for of in (more, one))
    np.testing.assert_allclose(found, 3 * wanted, rtol=1e-6)
    labels = RNG.integers(0, 4, (2, 2, 3))
    found, wanted = (of.of_boxes({"object_logits": logits}, labels, told) for of in (more, one))
    np.testing.assert_allclose(found, 0.5 * wanted, rtol=1e-6)
