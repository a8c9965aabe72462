"""Floating-point operations of the nets' matrix products, counted from their shapes.

A product [m, k] x [k, n] counts 2 m k n. Training counts each product three times (forward, and the
gradients of both factors), but twice where the left factor is the net's input. Everything else
(norms, softmax, activations, dropout, the optimizer) is left out.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn

from jaxsign.nets import iv3_gru, sign_transformer, whisper_sign


def count(net: nn.Module, batch: int, frames: int, *, train: bool) -> float:
    """Operations of one batch of `batch` clips of `frames` frames."""
    if isinstance(net, sign_transformer.SignTransformer):
        first, rest = _sign_transformer(net, batch, frames)
    elif isinstance(net, iv3_gru.InceptionV3GRU):
        first, rest = _iv3_gru(net, batch, frames)
    else:
        raise TypeError(f"no count for {type(net).__name__}")
    return 2.0 * (first * 2 + rest * 3 if train else first + rest)


def counted(function: Callable[..., Any], *arguments: Any) -> float:
    """Operations of a function as XLA counts them, what is no product included; nothing is run."""
    cost = jax.jit(function).lower(*arguments).cost_analysis()
    return float((cost or {}).get("flops", 0.0))


def _sign_transformer(
    net: sign_transformer.SignTransformer, batch: int, frames: int
) -> tuple[int, int]:
    """Multiplications of the input's products and of all others."""
    e, rows = net.emb_dim, batch * frames
    ff = net.ff_dim or 4 * e
    layer = rows * (4 * e * e + 2 * e * ff) + 2 * rows * frames * e
    heads = batch * (2 * e * (e // 2) + (e // 2) * (net.num_gloss + net.num_cat))
    return rows * net.input_dim * e, net.n_layers * layer + heads


def _iv3_gru(net: iv3_gru.InceptionV3GRU, batch: int, frames: int) -> tuple[int, int]:
    rows, h1, h2 = batch * frames, net.hidden1, net.hidden2
    heads = batch * h2 * (net.num_gloss + net.num_cat)
    return rows * 2048 * 3 * h1, rows * 3 * (h1 * h1 + h1 * h2 + h2 * h2) + heads


def whisper_sign_step(net: nn.Module, batch: int, frames: int, tokens: int) -> float:
    """Operations of a training step of both heads; `tokens` are the decoder's, of one clip."""
    if not isinstance(net, whisper_sign.WhisperSign):
        raise TypeError(f"no WhisperSign but {type(net).__name__}")
    d, ff, patches = net.dim, net.ff_dim, -(-frames // net.patch_size)
    rows, fed = batch * patches, batch * tokens
    width = net.patch_size * net.num_joints * net.num_features
    encoder = rows * (2 * (4 * d * d + 2 * patches * d) + 2 * d * ff)
    own = fed * (4 * d * d + 2 * tokens * d)
    cross = fed * (2 * d * d + 2 * patches * d) + rows * 2 * d * d
    layers = net.num_layers * (encoder + own + cross + fed * 2 * d * ff)
    heads = (rows + fed) * d * net.vocabulary
    return 2.0 * (rows * width * d * 2 + (rows * 2 * d * d + layers + heads) * 3)
