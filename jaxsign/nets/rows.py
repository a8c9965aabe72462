"""Rows of state_dict tables: torch's layers and the blocks of this folder, key for key."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxsign.nets.layers import positions
from jaxsign.nets.layers.temporal_attention import POSITIONS
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]


def linear(key: str, path: Path, out: int, width: int) -> list[KeyEntry]:
    """The two rows of a torch Linear(width, out) that is a Dense at `path`."""
    return [
        KeyEntry(f"{key}.weight", ("params", *path, "kernel"), "linear", (out, width)),
        KeyEntry(f"{key}.bias", ("params", *path, "bias"), shape=(out,)),
    ]


def classes(weights: Mapping[str, np.ndarray], head: str) -> int:
    """The classes of a head by its last layer's key; 0 where a checkpoint has no such head."""
    return next((len(w) for key, w in weights.items() if key.startswith(f"{head}.")), 0)


def norm(key: str, path: Path, width: int) -> list[KeyEntry]:
    """The five rows of a torch BatchNorm1d."""
    places = {
        "weight": ("params", *path, "scale"),
        "bias": ("params", *path, "bias"),
        "running_mean": ("batch_stats", *path, "mean"),
        "running_var": ("batch_stats", *path, "var"),
    }
    rows = [KeyEntry(f"{key}.{name}", place, shape=(width,)) for name, place in places.items()]
    place = ("batch_stats", *path, "count")
    return [*rows, KeyEntry(f"{key}.num_batches_tracked", place, "count", ())]


def layer_norm(key: str, path: Path, width: int) -> list[KeyEntry]:
    """The two rows of a torch LayerNorm."""
    return [
        KeyEntry(f"{key}.weight", ("params", *path, "scale"), shape=(width,)),
        KeyEntry(f"{key}.bias", ("params", *path, "bias"), shape=(width,)),
    ]


def convolution(key: str, path: Path, shape: tuple[int, ...]) -> list[KeyEntry]:
    """The two rows of a torch Conv1d or Conv2d whose weight has `shape`."""
    return [
        KeyEntry(f"{key}.weight", ("params", *path, "kernel"), f"conv{len(shape) - 2}d", shape),
        KeyEntry(f"{key}.bias", ("params", *path, "bias"), shape=shape[:1]),
    ]


def temporal_conv(prefix: str, path: Path, d: int, taps: int) -> list[KeyEntry]:
    """A gated block; `prefix` ends with a dot or is empty."""
    rows = []
    for branch, (first, second) in {
        "main": ("conv1", "conv2"),
        "gate": ("gate_conv", "gate_conv2"),
    }.items():
        rows += convolution(prefix + first, (*path, f"{branch}_depthwise"), (d, 1, taps))
        rows += convolution(prefix + second, (*path, f"{branch}_pointwise"), (d, d, 1))
    return rows + norm(f"{prefix}bn", (*path, "norm"), d)


def conv(prefix: str, path: Path, d: int, taps: int) -> list[KeyEntry]:
    """A depthwise separable block."""
    return [
        *convolution(f"{prefix}depthwise", (*path, "depthwise"), (d, 1, taps)),
        *convolution(f"{prefix}pointwise", (*path, "pointwise"), (d, d, 1)),
        *norm(f"{prefix}bn", (*path, "norm"), d),
    ]


def lstm(prefix: str, path: Path, width: int, hidden: int, layers: int) -> list[KeyEntry]:
    """A bidirectional LSTM; its first layer reads `width` numbers a frame."""
    rows = []
    for layer in range(layers):
        inner = 2 * hidden if layer else width
        for suffix in ("", "_reverse"):
            name = f"_l{layer}{suffix}"
            rows += recurrent(prefix, path, inner, hidden, 4, name, name)
    return rows


def recurrent(
    prefix: str, path: Path, width: int, hidden: int, gates: int, theirs: str, ours: str = ""
) -> list[KeyEntry]:
    """One layer and direction of a torch LSTM or GRU; `theirs`, `ours`: how its names end."""
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih": (gates * hidden, width),
        "weight_hh": (gates * hidden, hidden),
        "bias_ih": (gates * hidden,),
        "bias_hh": (gates * hidden,),
    }
    return [
        KeyEntry(f"{prefix}{leaf}{theirs}", ("params", *path, leaf + ours), shape=shape)
        for leaf, shape in shapes.items()
    ]


def temporal_attention(prefix: str, path: Path, d: int) -> list[KeyEntry]:
    """The attention with learned positions."""
    shape = (1, POSITIONS, d)
    rows = [KeyEntry(f"{prefix}temporal_pos_enc", ("params", *path, "positions"), shape=shape)]
    for theirs, ours in {"q": "query", "k": "key", "v": "value"}.items():
        rows += linear(f"{prefix}temporal_{theirs}", (*path, ours), d, d)
    return rows + linear(f"{prefix}output_proj", (*path, "out"), d, d)


def packed_attention(prefix: str, path: Path, d: int) -> list[KeyEntry]:
    """torch's MultiheadAttention."""
    place = ("params", *path)
    return [
        KeyEntry(f"{prefix}in_proj_weight", (*place, "in_proj_weight"), shape=(3 * d, d)),
        KeyEntry(f"{prefix}in_proj_bias", (*place, "in_proj_bias"), shape=(3 * d,)),
        *linear(f"{prefix}out_proj", (*path, "out"), d, d),
    ]


def transformer(prefix: str, path: Path, d: int, expand: int) -> list[KeyEntry]:
    """The transformer block with BatchNorms."""
    return [
        *packed_attention(f"{prefix}attention.", (*path, "attention"), d),
        *norm(f"{prefix}attention_norm", (*path, "norm1"), d),
        *linear(f"{prefix}ffn.0", (*path, "linear1"), expand * d, d),
        *linear(f"{prefix}ffn.3", (*path, "linear2"), d, expand * d),
        *norm(f"{prefix}ffn_norm", (*path, "norm2"), d),
    ]


def frame_embedding(layers: str, shortcut: str, path: Path, width: int, d: int) -> list[KeyEntry]:
    """The dense layers and norms of a frame of `width` numbers; `shortcut` "" = none."""
    rows, inner = [], width
    for i, out in enumerate((4 * width, 4 * d, 2 * d, d)):
        rows += linear(f"{layers}.{4 * i}", (*path, f"linear_{i}"), out, inner)
        rows += layer_norm(f"{layers}.{4 * i + 1}", (*path, f"norm_{i}"), out)
        inner = out
    return rows + (linear(shortcut, (*path, "shortcut"), d, width) if shortcut else [])


def post_norm_encoder(
    prefix: str,
    path: Path,
    d: int,
    ff: int,
    layers: int,
    *,
    norm: bool = True,
    attention: str = "self_attn",
    norms: Sequence[str] = ("norm1", "norm2"),
    primed: Mapping[str, str] | None = None,
) -> list[KeyEntry]:
    """torch's TransformerEncoder of TransformerEncoderLayers, with or without its last norm.

    `attention` and `norms` are what a system calls these parts of a layer, `primed` what it calls
    the first layers of a primed attention: theirs -> ours.
    """
    rows = []
    for i in range(layers):
        key, place = f"{prefix}layers.{i}.", (*path, f"layer_{i}")
        rows += packed_attention(f"{key}{attention}.", (*place, "attention"), d)
        rows += linear(f"{key}linear1", (*place, "linear1"), ff, d)
        rows += linear(f"{key}linear2", (*place, "linear2"), d, ff)
        for theirs, ours in zip(norms, ("norm1", "norm2"), strict=False):
            rows += layer_norm(key + theirs, (*place, ours), d)
        for theirs, ours in (primed or {}).items():
            rows += linear(key + theirs, (*place, "attention", ours), d, d)
    return rows + (layer_norm(f"{prefix}norm", (*path, "norm"), d) if norm else [])


def sinusoidal(key: str, name: str, width: int, *, kind: str) -> KeyEntry:
    """The table of `positions.Sinusoidal`; `kind` tells its shape in torch: batch1 or second1."""
    rows = positions.ROWS
    shape = (1, rows, width) if kind == "batch1" else (rows, 1, width)
    place = ("buffers", name, "table")
    return KeyEntry(
        key, place, kind, shape, lambda: positions.sinusoidal(rows, width).reshape(shape)
    )


def languages_table(languages: int, width: int) -> KeyEntry:
    """The embedding of languages, a torch Embedding."""
    path = ("params", "language_embedding", "table")
    return KeyEntry("language_embedding.weight", path, shape=(languages, width))


def languages(weights: Mapping[str, np.ndarray]) -> dict[str, int]:
    """`languages` and `language_dim` of a net, where it has an embedding of languages."""
    found = weights.get("language_embedding.weight")
    return {} if found is None else {"languages": found.shape[0], "language_dim": found.shape[1]}


def conv_norm(conv: str, norm_key: str, path: Path, shape: tuple[int, ...]) -> list[KeyEntry]:
    """`image_convs.ConvNorm`: a Conv2d of weight `shape` without bias, and its BatchNorm2d."""
    place = ("params", *path, "conv", "kernel")
    rows = [KeyEntry(f"{conv}.weight", place, "conv2d", shape)]
    return rows + norm(norm_key, (*path, "norm"), shape[0])


def pointwise(key: str, path: Path, out: int, width: int) -> list[KeyEntry]:
    """The two rows of a torch Conv2d(width, out, 1) that is a Dense at `path`."""
    return [
        KeyEntry(f"{key}.weight", ("params", *path, "kernel"), "conv1x1", (out, width, 1, 1)),
        KeyEntry(f"{key}.bias", ("params", *path, "bias"), shape=(out,)),
    ]
