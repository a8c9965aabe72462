"""Rows of TEMPURA's state_dict table, and the fields that its shapes tell."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from jaxsign.nets import frame_attention, rows, scene_rows
from jaxsign.nets.layers import object_classifier, positions, tracked_classifier
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]
_GLOCAL = frame_attention.KEY
_BOXES = "object_classifier."
# Groups in the order in which the original holds their memories -> place among the predicates.
_GROUPS = {"attention": 0, "contacting": 2, "spatial": 1}


class MemoryFields(scene_rows.Fields, Protocol):
    """The net's fields that its table depends on."""

    relation_head: str
    object_head: str
    num_mixtures: int
    relation_memory: str
    object_memory: bool
    pairs_from_memory: bool
    memory_selection: str
    tracking: bool
    track_rows: int
    temporal_window: int


def box_width(sizes: scene_rows.Sizes) -> int:
    """Numbers of a box's features in the classifier: what is seen, its word, its place."""
    return sizes.feature_dim + sizes.word_dim + object_classifier.PLACE_DIM


def table(net: MemoryFields) -> list[KeyEntry]:
    """The whole table.

    Raises:
      UserError: other than three groups of predicates.
    """
    heads = scene_rows.heads(net.predicates, "TEMPURA")
    sizes = net.sizes
    if net.pairs_from_memory:
        inner = box_width(sizes) if net.tracking else sizes.classifier_dim
        sizes = dataclasses.replace(sizes, feature_dim=inner)
    found = _classifier(net) + scene_rows.pair_features(sizes) + _attention(net)
    for i, (head, count) in enumerate(heads):
        found += _head(head, (f"head_{i}",), count, net.width, _members(net.relation_head, net))
    return found


def _members(head: str, net: MemoryFields) -> int:
    return net.num_mixtures if head == "gmm" else 0


def _attention(net: MemoryFields) -> list[KeyEntry]:
    d, between = net.width, ("temporal", "layers")
    found = rows.post_norm_encoder(
        f"{_GLOCAL}local_attention.", ("spatial",), d, net.ff_dim, net.spatial_layers, norm=False
    )
    if net.relation_memory == "joint":
        found += _remembering(f"{_GLOCAL}mem_attention.", ("memory", "attention"), d)
    elif net.relation_memory == "seperate":
        for group, place in _GROUPS.items():
            path = ("memory", f"attention_{place}")
            found += _remembering(f"{_GLOCAL}mem_attention.{group}.", path, d)
    if net.relation_memory != "none" and net.memory_selection == "automated":
        found += rows.linear(f"{_GLOCAL}selector", ("memory", "selector"), 1, d)
    found += rows.post_norm_encoder(
        f"{_GLOCAL}global_attention.", between, d, net.ff_dim, net.temporal_layers,
        norm=False, attention="multihead2", norms=("norm3",),
    )  # fmt: skip
    positions_at, shape = ("params", "temporal", "positions"), (net.temporal_window, d)
    return [*found, KeyEntry(f"{_GLOCAL}position_embedding.weight", positions_at, shape=shape)]


def _remembering(key: str, path: Path, d: int) -> list[KeyEntry]:
    place = ("params", *path)
    return [
        KeyEntry(f"{key}in_proj_weight", (*place, "in_proj_weight"), shape=(3 * d, d)),
        KeyEntry(f"{key}out_proj.weight", (*place, "out", "kernel"), "linear", (d, d)),
    ]


def _head(key: str, path: Path, classes: int, width: int, members: int) -> list[KeyEntry]:
    """A linear head, or with `members` a mixture."""
    if not members:
        return rows.linear(key, path, classes, width)
    found, place = [], ("params", *path)
    for i in range(1, members + 1):
        for part, size in {"mu": classes, "pi": 1, "var": classes}.items():
            name, ours = f"{key}.heads.{part}_{i}", f"{part}_{i}"
            kernel = (*place, f"{ours}_kernel")
            found.append(KeyEntry(f"{name}.weight", kernel, "linear", (size, width)))
            found.append(KeyEntry(f"{name}.bias", (*place, f"{ours}_bias"), shape=(size,)))
    return found


def _classifier(net: MemoryFields) -> list[KeyEntry]:
    sizes, path, place = net.sizes, ("object_classifier",), object_classifier.PLACE_DIM
    classes, inner, width = sizes.num_objects, box_width(sizes), sizes.classifier_dim
    found = [
        scene_rows.words(f"{_BOXES}obj_embed", (*path, "words"), classes - 1, sizes.word_dim),
        *rows.norm(f"{_BOXES}pos_embed.0", (*path, "place_norm"), 4),
        *rows.linear(f"{_BOXES}pos_embed.1", (*path, "place"), place, 4),
    ]
    if net.tracking:
        found += _tracks(net.track_rows, inner)
    if net.object_memory:
        d = inner if net.tracking else width
        found += _remembering(f"{_BOXES}mem_attention.", (*path, "memory", "attention"), d)
        if net.memory_selection == "automated":
            found += rows.linear(f"{_BOXES}selector", (*path, "memory", "selector"), 1, width)
    found += rows.linear(f"{_BOXES}intermediate.0", (*path, "linear1"), width, inner)
    found += rows.norm(f"{_BOXES}intermediate.1", (*path, "norm"), width)
    members = _members(net.object_head, net)
    key = f"{_BOXES}decoder_lin" if members else f"{_BOXES}decoder_lin.0"
    return found + _head(key, (*path, "head"), classes, width, members)


def _tracks(length: int, width: int) -> list[KeyEntry]:
    path, shape = ("object_classifier", "tracks"), (1, length, width)
    table = KeyEntry(
        f"{_BOXES}positional_encoder.pe", ("buffers", *path, "table"), "batch1", shape,
        lambda: positions.sinusoidal(length, width).reshape(shape),
    )  # fmt: skip
    layers, ff = tracked_classifier.LAYERS, tracked_classifier.FEED_FORWARD
    key = f"{_BOXES}encoder_tran."
    return [
        table,
        *rows.post_norm_encoder(key, (*path, "layers"), width, ff, layers, norm=False),
    ]


@dataclasses.dataclass(frozen=True)
class Stored:
    """What shapes and keys tell: sizes of the shared parts, and the net's other fields."""

    sizes: scene_rows.Sizes
    fields: Mapping[str, Any]


def told(weights: Mapping[str, np.ndarray]) -> Stored:
    """Of a file's weights.

    Raises:
      KeyError, ValueError, IndexError: they are not TEMPURA's.
    """
    inner, boxes = map(int, weights[f"{_BOXES}intermediate.0.weight"].shape)
    classes, word_dim = map(int, weights["obj_embed.weight"].shape)
    hidden, seen = map(int, weights["subj_fc.weight"].shape)
    channels, around = map(int, weights["union_func1.weight"].shape[:2])
    feature_dim = boxes - word_dim - object_classifier.PLACE_DIM
    sizes = scene_rows.Sizes(classes, word_dim, hidden, feature_dim, around, channels, inner)
    table = weights.get(f"{_BOXES}positional_encoder.pe")
    joint = f"{_GLOCAL}mem_attention.in_proj_weight" in weights
    apart = any(key.startswith(f"{_GLOCAL}mem_attention.attention.") for key in weights)
    fields: dict[str, Any] = {
        "predicates": tuple(_classes(weights, head) for head in scene_rows.HEADS),
        **frame_attention.fields_of(weights),
        "temporal_window": len(weights[f"{_GLOCAL}position_embedding.weight"]),
        "relation_head": "gmm" if _count(weights, scene_rows.HEADS[0]) else "linear",
        "object_head": "gmm" if _count(weights, f"{_BOXES}decoder_lin") else "linear",
        "relation_memory": "joint" if joint else "seperate" if apart else "none",
        "object_memory": f"{_BOXES}mem_attention.in_proj_weight" in weights,
        "pairs_from_memory": seen != feature_dim,
        "tracking": table is not None,
    }
    if table is not None:
        fields["track_rows"] = int(table.shape[1])
    if any(key.endswith("selector.weight") for key in weights):
        fields["memory_selection"] = "automated"
    if members := max(_count(weights, key) for key in (*scene_rows.HEADS, f"{_BOXES}decoder_lin")):
        fields["num_mixtures"] = members
    return Stored(sizes, fields)


def _classes(weights: Mapping[str, np.ndarray], head: str) -> int:
    keys: Sequence[str] = (f"{head}.heads.mu_1.weight", f"{head}.weight")
    return len(next(weights[key] for key in keys if key in weights))


def _count(weights: Mapping[str, np.ndarray], head: str) -> int:
    """Members of a mixture; 0 = a linear head."""
    return sum(k.startswith(f"{head}.heads.pi_") and k.endswith(".weight") for k in weights)
