"""Rows of WhisperSign's state_dict table, block by block, in the original's order."""

from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import patch_frontend
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]


def frontend(prefix: str, path: Path, d: int, width: int) -> list[KeyEntry]:
    """A frontend whose patches hold `width` numbers; `prefix` ends with a dot or is empty."""
    convolution, place = f"{prefix}conv_spe.", ("params", *path, "convolution")
    taps = (d, 1, patch_frontend.TAPS)
    return [
        *torch_rows.linear(f"{prefix}patch_embedding.projection.0", (*path, "patch1"), d, width),
        *torch_rows.linear(f"{prefix}patch_embedding.projection.2", (*path, "patch2"), d, d),
        KeyEntry(f"{convolution}depthwise.weight", (*place, "depthwise"), "conv1d", taps),
        KeyEntry(f"{convolution}pointwise.weight", (*place, "pointwise"), "conv1d", (d, d, 1)),
        KeyEntry(f"{convolution}pointwise.bias", (*place, "bias"), shape=(d,)),
        *torch_rows.norm(f"{prefix}batch_norm", (*path, "norm"), d),
    ]


def relative_positions(
    table: str, projection: str, path: Path, d: int, reach: int
) -> list[KeyEntry]:
    """The embedding of distances at key `table` and its projection at key `projection`."""
    place = ("params", *path)
    return [
        KeyEntry(f"{table}.weight", (*place, "table"), shape=(2 * reach - 1, d)),
        KeyEntry(f"{projection}.weight", (*place, "projection"), "linear", (1, d)),
    ]


def encoder_layer(
    prefix: str, path: Path, d: int, ff: int, *, head: int, reach: int
) -> list[KeyEntry]:
    """One layer; `head` is a head's width."""
    rows = []
    for norm, kind in (("norm_s", "spatial"), ("norm_t", "temporal")):
        rows += torch_rows.layer_norm(prefix + norm, (*path, norm), d)
        rows += torch_rows.linear(f"{prefix}{kind}_attn.qkv", (*path, kind, "qkv"), 3 * d, d)
        rows += torch_rows.linear(f"{prefix}{kind}_attn.proj", (*path, kind, "out"), d, d)
    key, place = f"{prefix}temporal_attn.", (*path, "temporal", "positions")
    rows += relative_positions(f"{key}rpe.rel_pos_bias", f"{key}rpe_proj", place, head, reach)
    rows += torch_rows.layer_norm(f"{prefix}norm_ff", (*path, "norm_ff"), d)
    rows += torch_rows.linear(f"{prefix}ffn.net.0", (*path, "linear1"), ff, d)
    return rows + torch_rows.linear(f"{prefix}ffn.net.3", (*path, "linear2"), d, ff)


def encoder(
    prefix: str, path: Path, d: int, ff: int, *, layers: int, head: int, reach: int
) -> list[KeyEntry]:
    """All layers and the last norm."""
    rows = []
    for i in range(layers):
        key, place = f"{prefix}layers.{i}.", (*path, f"layer_{i}")
        rows += encoder_layer(key, place, d, ff, head=head, reach=reach)
    return rows + torch_rows.layer_norm(f"{prefix}final_norm", (*path, "final_norm"), d)


def _attention(key: str, path: Path, d: int) -> list[KeyEntry]:
    return [
        KeyEntry(f"{key}.in_proj_weight", ("params", *path, "kernel"), "linear", (3 * d, d)),
        KeyEntry(f"{key}.in_proj_bias", ("params", *path, "bias"), shape=(3 * d,)),
        *torch_rows.linear(f"{key}.out_proj", (*path, "out"), d, d),
    ]


def _decoder_layer(prefix: str, path: Path, d: int, ff: int) -> list[KeyEntry]:
    rows = _attention(f"{prefix}self_attn", (*path, "self_attention"), d)
    rows += _attention(f"{prefix}multihead_attn", (*path, "cross_attention"), d)
    rows += torch_rows.linear(f"{prefix}linear1", (*path, "linear1"), ff, d)
    rows += torch_rows.linear(f"{prefix}linear2", (*path, "linear2"), d, ff)
    for name in ("norm1", "norm2", "norm3"):
        rows += torch_rows.layer_norm(prefix + name, (*path, name), d)
    return rows


def decoder(
    prefix: str, path: Path, d: int, ff: int, *, layers: int, ids: int, max_target: int
) -> list[KeyEntry]:
    """The attention decoder."""
    tokens, positions = ("params", *path, "tokens"), ("params", *path, "positions")
    rows = [
        KeyEntry(f"{prefix}token_embedding.weight", tokens, shape=(ids, d)),
        KeyEntry(f"{prefix}pos_embedding.weight", positions, shape=(max_target, d)),
    ]
    for i in range(layers):
        rows += _decoder_layer(f"{prefix}decoder.layers.{i}.", (*path, f"layer_{i}"), d, ff)
    rows += torch_rows.layer_norm(f"{prefix}final_norm", (*path, "final_norm"), d)
    return rows + torch_rows.linear(f"{prefix}output_proj", (*path, "out"), ids, d)
