"""Rows of state_dict tables of the nets that tell relations: STTran's front end, key for key."""

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from jaxsign.errors import UserError
from jaxsign.nets import rows
from jaxsign.nets.layers import object_classifier
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]
# What the originals call the heads of their three groups.
HEADS = ("a_rel_compress", "s_rel_compress", "c_rel_compress")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The fields of a net that both parts are made of."""

    num_objects: int
    word_dim: int
    hidden_dim: int
    feature_dim: int
    union_dim: int
    map_dim: int
    classifier_dim: int


class Fields(Protocol):
    """The fields of every net that such a table depends on."""

    @property
    def sizes(self) -> Sizes: ...
    @property
    def width(self) -> int: ...

    predicates: tuple[int, ...]
    ff_dim: int
    spatial_layers: int
    temporal_layers: int


def heads(predicates: tuple[int, ...], whose: str) -> list[tuple[str, int]]:
    """The original's heads, each with its group's predicates.

    Raises:
      UserError: other than three groups of predicates.
    """
    if len(predicates) != len(HEADS):
        raise UserError(
            f"net.predicates={predicates}: {whose}'s files have {len(HEADS)} groups of "
            "predicates. A net of other groups has no file of the original's form."
        )
    return list(zip(HEADS, predicates, strict=True))


def words(key: str, path: Path, classes: int, width: int) -> KeyEntry:
    """A torch Embedding of classes."""
    return KeyEntry(f"{key}.weight", ("params", *path, "table"), shape=(classes, width))


def classifier(sizes: Sizes, background: bool = True) -> list[KeyEntry]:
    """The classifier of boxes, a net's `object_classifier`; `background`: it is a class."""
    key, path, place = "object_classifier.", ("object_classifier",), object_classifier.PLACE_DIM
    classes, width = sizes.num_objects, sizes.classifier_dim
    inner = sizes.feature_dim + sizes.word_dim + place
    return [
        words(f"{key}obj_embed", (*path, "words"), classes - background, sizes.word_dim),
        *rows.norm(f"{key}pos_embed.0", (*path, "place_norm"), 4),
        *rows.linear(f"{key}pos_embed.1", (*path, "place"), place, 4),
        *rows.linear(f"{key}decoder_lin.0", (*path, "linear1"), width, inner),
        *rows.norm(f"{key}decoder_lin.1", (*path, "norm"), width),
        *rows.linear(f"{key}decoder_lin.3", (*path, "linear2"), classes, width),
    ]


def mask_features(path: Path, channels: int) -> list[KeyEntry]:
    """The convolutions over spatial masks."""
    half = channels // 2
    return [
        *rows.convolution("conv.0", (*path, "conv_0"), (half, 2, 7, 7)),
        *rows.norm("conv.2", (*path, "norm_0"), half),
        *rows.convolution("conv.4", (*path, "conv_1"), (channels, half, 3, 3)),
        *rows.norm("conv.6", (*path, "norm_1"), channels),
    ]


def pair_features(sizes: Sizes) -> list[KeyEntry]:
    """The features of pairs, a net's `pair_features`."""
    path = ("pair_features",)
    hidden, channels, width = sizes.hidden_dim, sizes.map_dim, sizes.feature_dim
    around = ("params", *path, "visual")
    return [
        *rows.pointwise("union_func1", (*path, "union"), channels, sizes.union_dim),
        *mask_features((*path, "mask_features"), channels),
        *rows.linear("subj_fc", (*path, "subject"), hidden, width),
        *rows.linear("obj_fc", (*path, "object"), hidden, width),
        KeyEntry("vr_fc.weight", (*around, "kernel"), "over_map", (hidden, 49 * channels)),
        KeyEntry("vr_fc.bias", (*around, "bias"), shape=(hidden,)),
        words("obj_embed", (*path, "subject_words"), sizes.num_objects, sizes.word_dim),
        words("obj_embed2", (*path, "object_words"), sizes.num_objects, sizes.word_dim),
    ]


def sizes(weights: Mapping[str, np.ndarray]) -> Sizes:
    """The fields that the shapes of both parts tell.

    Raises:
      KeyError, ValueError, IndexError: the weights are not theirs.
    """
    classes, word_dim = weights["obj_embed.weight"].shape
    hidden, width = weights["subj_fc.weight"].shape
    channels, around, *_ = weights["union_func1.weight"].shape
    inner = len(weights["object_classifier.decoder_lin.0.weight"])
    return Sizes(*map(int, (classes, word_dim, hidden, width, around, channels, inner)))
