"""CTC against torch and against all paths."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.tasks.sequences import ctc


def make(seed, batch=5, frames=9, vocabulary=5, labels=4):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(batch, frames, vocabulary)).astype(np.float32)
    lengths = rng.integers(1, frames + 1, batch)
    counts = rng.integers(0, labels + 1, batch)
    ids = rng.integers(1, vocabulary, (batch, labels)).astype(np.int32)
    valid = np.arange(frames) < lengths[:, None]
    label_valid = np.arange(labels) < counts[:, None]
    return logits, valid, np.where(label_valid, ids, 0), label_valid


@pytest.mark.parametrize("seed", range(4))
def test_loss_and_gradient_are_torchs(seed):
    torch = pytest.importorskip("torch")
    logits, valid, labels, label_valid = make(seed)

    def ours(logits):
        return ctc.loss(jax.nn.log_softmax(logits), valid, labels, label_valid).mean()

    value, grad = jax.value_and_grad(ours)(jnp.asarray(logits))
    theirs = torch.tensor(logits, requires_grad=True)
    flat = torch.tensor(labels[label_valid].astype(np.int64))
    loss = torch.nn.functional.ctc_loss(
        theirs.log_softmax(-1).transpose(0, 1),
        flat,
        torch.tensor(valid.sum(1)),
        torch.tensor(label_valid.sum(1)),
        zero_infinity=True,
    )
    loss.backward()
    np.testing.assert_allclose(value, loss.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(grad, theirs.grad.numpy(), atol=2e-6)


def test_labels_that_do_not_fit_are_infinite_and_give_no_gradient():
    log_probs = jax.nn.log_softmax(jnp.zeros((2, 3, 4)))
    valid = jnp.ones((2, 3), bool)
    labels = jnp.array([[1, 1, 0], [1, 2, 3]])
    some = jnp.array([[True, True, False], [True, True, True]])
    assert np.isfinite(ctc.nll(log_probs, valid, labels, some)).all()
    short = valid.at[:, 2].set(False)
    assert np.isinf(ctc.nll(log_probs, short, labels, some)).all()
    value, grad = jax.value_and_grad(lambda x: ctc.loss(x, short, labels, some).sum())(log_probs)
    assert value == 0 and not np.asarray(grad).any()


def test_padding_changes_nothing():
    logits, valid, labels, label_valid = make(7)
    log_probs = jax.nn.log_softmax(logits)
    wider = np.pad(log_probs, ((0, 0), (0, 5), (0, 0)), constant_values=3.0)
    more = np.pad(valid, ((0, 0), (0, 5)))
    longer, ok = np.pad(labels, ((0, 0), (0, 2))), np.pad(label_valid, ((0, 0), (0, 2)))
    np.testing.assert_allclose(
        ctc.nll(log_probs, valid, labels, label_valid), ctc.nll(wider, more, longer, ok), rtol=1e-6
    )
    np.testing.assert_array_equal(
        ctc.align(log_probs, valid, labels, label_valid),
        ctc.align(wider, more, longer, ok)[:, :-2],
    )


def best_path(log_probs, labels):
    """The best of all paths that collapse to `labels`, by enumeration."""
    best, found = -np.inf, None
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        collapsed = [k for k, _ in itertools.groupby(path)]
        if [k for k in collapsed if k] == list(labels):
            score = sum(log_probs[t, k] for t, k in enumerate(path))
            if score > best:
                best, found = score, path
    return found


@pytest.mark.parametrize("seed", range(6))
def test_alignment_is_the_best_of_all_paths(seed):
    logits, valid, labels, label_valid = make(seed, batch=3, frames=5, vocabulary=3, labels=3)
    log_probs = np.asarray(jax.nn.log_softmax(logits))
    spans = np.asarray(ctc.align(log_probs, valid, labels, label_valid))
    for row in range(3):
        path = best_path(log_probs[row, valid[row]], labels[row, label_valid[row]])
        if path is None:
            assert (spans[row] == -1).all()
            continue
        runs = [
            (k, [t for t, _ in g]) for k, g in itertools.groupby(enumerate(path), lambda p: p[1])
        ]
        expected = [(t[0], t[-1]) for k, t in runs if k]
        assert [tuple(s) for s in spans[row, label_valid[row]]] == expected
        assert (spans[row, ~label_valid[row]] == -1).all()
