"""Weights of OpenAI's Whisper for the encoder and decoder of WhisperSign.

Source: openai/whisper (`Whisper`, .pt files) and Hugging Face transformers
(`WhisperForConditionalGeneration`, model.safetensors or pytorch_model.bin). Whisper's attention
becomes the temporal one; with the branches that Whisper has not at zero, encoder and decoder
layers compute exactly what Whisper's do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.nets import state_dict
from jaxsign.nets.pretrained import whisper_files

Array = np.ndarray
Arrays = dict[str, Array]
_SHOWN = 8  # names in a note
_ENCODER, _DECODER = "encoder.layers.{}.", "decoder.attention_decoder.decoder.layers.{}."
_DECODER_TOP = "decoder.attention_decoder."


class Target(Protocol):
    """What is asked of the net that gets the weights: a `WhisperSign`."""

    @property
    def dim(self) -> int: ...
    @property
    def num_heads(self) -> int: ...
    @property
    def ff_dim(self) -> int: ...
    @property
    def num_layers(self) -> int: ...
    @property
    def max_target(self) -> int: ...
    def key_table(self) -> list[state_dict.KeyEntry]: ...


def load_pretrained(
    path: str | Path, net: Target, variables: state_dict.Variables, zero_branches: bool = True
) -> tuple[dict[str, Any], list[str]]:
    """Puts Whisper's encoder and decoder layers into a WhisperSign's variables.

    Args:
      path: OpenAI's .pt, a safetensors or .bin file of Hugging Face, or its folder.
      net: that gets them.
      variables: its variables; they are not changed.
      zero_branches: set what Whisper has not, the spatial attentions' outputs and the relative
        positions, to zero: the encoder then starts as Whisper's.

    Returns:
      The new variables, and notes on what was loaded, skipped and left fresh.

    Raises:
      UserError: not a readable Whisper file, or one of other sizes than the net's.
    """
    path = whisper_files.find(Path(path))
    weights, sizes = whisper_files.read(path)
    _check_sizes(sizes, net, path)
    found, used = _renamed(weights, sizes, net, path)
    table = {entry.key: entry for entry in net.key_table()}
    zeroed = _zeroed(table) if zero_branches else {}
    rows = [table[key] for key in {**found, **zeroed}]
    result = state_dict.merged(
        variables, state_dict.to_variables(rows, {**zeroed, **found}, where=str(path))
    )
    return result, _notes(path, sizes, net, weights, used, found, zeroed, table)


def _check_sizes(sizes: Mapping[str, int], net: Target, path: Path) -> None:
    """Refuses other sizes; only more layers and more positions than the net's are no fault."""
    wanted = {"dim": net.dim, "num_heads": net.num_heads, "ff_dim": net.ff_dim}
    wrong = [name for name, value in wanted.items() if sizes[name] not in (0, value)]
    asked = {"encoder layers": net.num_layers, "decoder layers": net.num_layers}
    asked["target positions"] = net.max_target
    wrong += [name for name, least in asked.items() if 0 < sizes[name] < least]
    if wrong:
        rows = [f"{name}: {sizes[name]} there, {(wanted | asked)[name]} here" for name in wrong]
        raise UserError(
            f"{path}: this Whisper has other sizes than the net:\n{listing(rows)}\n"
            f"Its sizes: --config.net.dim={sizes['dim']} --config.net.ff_dim={sizes['ff_dim']} "
            f"--config.net.num_heads={sizes['num_heads'] or sizes['dim'] // 64} and at most "
            f"--config.net.num_layers={sizes['encoder layers']} and "
            f"--config.net.max_target={sizes['target positions'] or net.max_target}"
        )


def _renamed(
    weights: Arrays, sizes: Mapping[str, int], net: Target, path: Path
) -> tuple[Arrays, set[str]]:
    """What WhisperSign's torch keys get, and the names in the file that were used."""
    source = _Source(weights)
    found: Arrays = {}
    for i in range(net.num_layers):
        found |= _encoder_layer(source, f"encoder.blocks.{i}.", _ENCODER.format(i))
    found |= source.pair("encoder.ln_post", "encoder.final_norm")
    if sizes["decoder layers"]:
        for i in range(net.num_layers):
            found |= _decoder_layer(source, f"decoder.blocks.{i}.", _DECODER.format(i))
        found |= source.pair("decoder.ln", f"{_DECODER_TOP}final_norm")
        positions = source.take("decoder.positional_embedding")[: net.max_target]
        found[f"{_DECODER_TOP}pos_embedding.weight"] = positions
    if source.missing:
        raise UserError(
            f"{path}: lacks {len(source.missing)} of Whisper's arrays:\n{listing(source.missing)}"
        )
    return found, source.used


class _Source:
    """The file's arrays; remembers which were used and which were missed."""

    def __init__(self, weights: Arrays) -> None:
        self.weights = weights
        self.used, self.missing = set[str](), list[str]()

    def take(self, key: str) -> Array:
        if key not in self.weights:
            self.missing.append(key)
            return np.zeros((0, 0), np.float32)
        self.used.add(key)
        return self.weights[key]

    def pair(self, theirs: str, ours: str) -> Arrays:
        """A layer's weight and bias."""
        return {f"{ours}.{leaf}": self.take(f"{theirs}.{leaf}") for leaf in ("weight", "bias")}

    def attention(self, theirs: str, weight: str, bias: str, out: str) -> Arrays:
        """Query, key and value in one; Whisper's key has no bias."""
        rows = [self.take(f"{theirs}.{part}.weight") for part in ("query", "key", "value")]
        query, value = (self.take(f"{theirs}.{part}.bias") for part in ("query", "value"))
        key = np.zeros_like(query)
        if f"{theirs}.key.bias" in self.weights:
            key = self.take(f"{theirs}.key.bias")
        joined = {weight: _joined(rows), bias: _joined([query, key, value])}
        return joined | self.pair(f"{theirs}.out", out)


def _joined(parts: list[Array]) -> Array:
    """The parts as rows of one array; nothing while some are missing."""
    return np.concatenate(parts) if len({part.shape[1:] for part in parts}) == 1 else parts[0]


def _encoder_layer(source: _Source, theirs: str, ours: str) -> Arrays:
    attention = f"{ours}temporal_attn."
    return {
        **source.attention(
            f"{theirs}attn", f"{attention}qkv.weight", f"{attention}qkv.bias", f"{attention}proj"
        ),
        **source.pair(f"{theirs}attn_ln", f"{ours}norm_t"),
        **source.pair(f"{theirs}mlp_ln", f"{ours}norm_ff"),
        **source.pair(f"{theirs}mlp.0", f"{ours}ffn.net.0"),
        **source.pair(f"{theirs}mlp.2", f"{ours}ffn.net.3"),
    }


def _decoder_layer(source: _Source, theirs: str, ours: str) -> Arrays:
    found: Arrays = {}
    for name, key in (("attn", "self_attn"), ("cross_attn", "multihead_attn")):
        place = f"{ours}{key}."
        found |= source.attention(
            theirs + name, f"{place}in_proj_weight", f"{place}in_proj_bias", f"{place}out_proj"
        )
    names = {
        "attn_ln": "norm1",
        "cross_attn_ln": "norm2",
        "mlp_ln": "norm3",
        "mlp.0": "linear1",
        "mlp.2": "linear2",
    }
    for name, key in names.items():
        found |= source.pair(theirs + name, ours + key)
    return found


def _zeroed(table: Mapping[str, state_dict.KeyEntry]) -> Arrays:
    """The outputs of what Whisper has not, as zeros."""
    ends = ("spatial_attn.proj.weight", "spatial_attn.proj.bias", "rpe_proj.weight")
    return {
        key: np.zeros(entry.shape or (), np.float32)
        for key, entry in table.items()
        if key.endswith(ends)
    }


def _some(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more]) or "none"


def _notes(
    path: Path,
    sizes: Mapping[str, int],
    net: Target,
    weights: Arrays,
    used: set[str],
    found: Arrays,
    zeroed: Arrays,
    table: Mapping[str, state_dict.KeyEntry],
) -> list[str]:
    skipped = [key for key in weights if key not in used]
    fresh = len(table) - len({**found, **zeroed})
    notes = [
        f"{path.name}: loaded {len(used)} of Whisper's arrays into {len(found)} of {len(table)}; "
        f"{len(zeroed)} set to zero, {fresh} left fresh",
        f"skipped {len(skipped)} arrays of the file: {_some(skipped)}",
    ]
    for part in ("encoder", "decoder"):
        layers = sizes[f"{part} layers"]
        if layers > net.num_layers:
            notes.append(f"took the first {net.num_layers} of Whisper's {layers} {part} layers")
    if not sizes["decoder layers"]:
        notes.append("the file has no decoder: the attention decoder stays fresh")
    if not sizes["num_heads"]:
        notes.append(
            f"assumed {net.num_heads} attention heads: the file does not tell them "
            f"(Whisper's own have {sizes['dim'] // 64} at this width)"
        )
    return notes
