"""A tiny net with an attention decoder, and the exact scores of sequences by it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import whisper_sign

SIZES = {
    "num_joints": 2,
    "num_features": 3,
    "dim": 8,
    "num_heads": 2,
    "num_layers": 1,
    "ff_dim": 8,
    "max_relative": 20,
}


@functools.cache
def net(num_gloss=3, max_target=8):
    """The net and random variables, with scores far enough apart to be told from each other."""
    module = whisper_sign.WhisperSign(num_gloss=num_gloss, max_target=max_target, **SIZES)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 4, 2, 3)))
    rng = np.random.default_rng(3)
    values = jax.tree.map(lambda a: 0.6 * rng.standard_normal(a.shape, np.float32), shapes)
    return module, jax.device_put(values)


@functools.cache
def _log_probs():
    module, variables = net()

    @jax.jit
    def run(encoded, valid, tokens):
        logits = module.apply(variables, encoded, valid, tokens, method="decode_tokens")
        return jax.nn.log_softmax(logits)

    return run


def memory(rows=2, frames=5, seed=0):
    """An encoder's output and which of it counts."""
    rng = np.random.default_rng(seed)
    valid = np.arange(frames) < np.array([frames, *[2] * (rows - 1)])[:, None]
    return rng.standard_normal((rows, frames, SIZES["dim"]), np.float32), valid


def next_label(encoded, valid, labels):
    """log P [V] of what follows the labels, for one clip: by the decoder on all of them."""
    tokens = np.zeros((1, 8), int)
    tokens[0, 1 : len(labels) + 1] = labels
    return np.asarray(_log_probs()(encoded[None], valid[None], tokens))[0, len(labels)]


def score(encoded, valid, labels):
    """log P of one sequence and its end."""
    parts = [next_label(encoded, valid, labels[:i])[y] for i, y in enumerate((*labels, 0))]
    return float(sum(parts))
