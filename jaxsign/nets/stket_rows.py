"""Rows of STKET's state_dict table, and the fields that its shapes tell."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from jaxsign.nets import rows, scene_rows
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]
ENSEMBLE_LAYERS = 2
# What the original begins the names of its branches with.
_BRANCHES = {"base": "", "spatial": "spa_", "temporal": "tem_", "ensemble": "ens_"}
_PRIMED = {"W_q": "query", "W_k": "key", "W_v": "value"}


class PriorFields(scene_rows.Fields, Protocol):
    """The net's fields that its table depends on."""

    num_objects: int
    window: int
    prior_dims: tuple[int, ...]


def prior_shapes(net: PriorFields) -> dict[str, tuple[int, ...]]:
    """Of what is known of classes beforehand: of each, and of each behind each contact."""
    classes, relations = net.num_objects, sum(net.predicates)
    specific = classes, net.predicates[-1], relations
    return {"initial": (classes, relations), "specific": specific}


def table(net: PriorFields) -> list[KeyEntry]:
    """The whole table.

    Raises:
      UserError: other than three groups of predicates.
    """
    heads = scene_rows.heads(net.predicates, "STKET")
    found = scene_rows.classifier(net.sizes) + scene_rows.pair_features(net.sizes)
    found += _within(net) if net.spatial_layers else []
    found += _between(net) if net.temporal_layers else []
    found += _over(net) if net.spatial_layers and net.temporal_layers else []
    for name, start in _BRANCHES.items():
        for i, (head, count) in enumerate(heads):
            path = (f"{name}_heads", f"head_{i}")
            found += rows.linear(start + head, path, count, net.width)
    return found


def _within(net: PriorFields) -> list[KeyEntry]:
    """Of the layers within a frame."""
    found = _priors(net, "spatial_encoder.", "spatial", ("initial",))
    found += _layers(net, "spatial_encoder.encoder.", ("spatial",), net.spatial_layers)
    return found + _states(net, "spatial_encoder.", "spatial")


def _between(net: PriorFields) -> list[KeyEntry]:
    """Of the layers between frames."""
    d, between = net.width, ("temporal", "layers")
    found = _priors(net, "temporal_decoder.", "temporal", ("initial", "specific"))
    found += _layers(net, "temporal_decoder.decoder.", between, net.temporal_layers)
    place = ("params", "temporal", "positions")
    found.append(KeyEntry("temporal_decoder.position_embedding.weight", place, shape=(2, d)))
    return found + _states(net, "temporal_decoder.", "temporal")


def _over(net: PriorFields) -> list[KeyEntry]:
    """Of the layers over histories."""
    found = _layers(net, "ensemble_decoder.decoder.", ("ensemble",), ENSEMBLE_LAYERS)
    key, shape = "ensemble_decoder.position_embedding.weight", (net.window, net.width)
    return [*found, KeyEntry(key, ("params", "ensemble_positions"), shape=shape)]


def _priors(net: PriorFields, key: str, name: str, kinds: tuple[str, ...]) -> list[KeyEntry]:
    shapes, path = prior_shapes(net), ("params", f"{name}_priors")
    return [KeyEntry(f"{key}{kind}Prior", (*path, kind), shape=shapes[kind]) for kind in kinds]


def _states(net: PriorFields, key: str, name: str) -> list[KeyEntry]:
    found, widths = list[KeyEntry](), (sum(net.predicates), *net.prior_dims, net.width)
    for i, (inner, out) in enumerate(itertools.pairwise(widths)):
        path = (f"{name}_priors", f"states_{i}")
        found += rows.linear(f"{key}state_fc.{i}", path, out, inner)
    return found


def _layers(net: PriorFields, key: str, path: Path, layers: int) -> list[KeyEntry]:
    norms: tuple[str, ...] = ("norm1", "norm2") if path == ("spatial",) else ("norm3",)
    return rows.post_norm_encoder(
        key, path, net.width, net.ff_dim, layers, norm=False, norms=norms, primed=_PRIMED
    )


def told(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Constructor fields, of a file's weights.

    Raises:
      KeyError, ValueError, IndexError: they are not STKET's.
    """

    def layers(start: str, at: int) -> int:
        return len({key.split(".")[at] for key in weights if key.startswith(start)})

    window = weights.get("ensemble_decoder.position_embedding.weight")
    within = layers("spatial_encoder.encoder.layers.", 3)
    # Both parts have layers and states of the same sizes.
    part, stack = ("spatial_encoder", "encoder") if within else ("temporal_decoder", "decoder")
    states = layers(f"{part}.state_fc.", 2)
    dims = [len(weights[f"{part}.state_fc.{i}.weight"]) for i in range(states - 1)]
    return {
        **dataclasses.asdict(scene_rows.sizes(weights)),
        "predicates": tuple(len(weights[f"{head}.weight"]) for head in scene_rows.HEADS),
        "ff_dim": len(weights[f"{part}.{stack}.layers.0.linear1.weight"]),
        "spatial_layers": within,
        "temporal_layers": layers("temporal_decoder.decoder.layers.", 3),
        **({} if window is None else {"window": len(window)}),
        "prior_dims": tuple(dims),
    }
