"""The originals' nets of scenes in torch, by a recipe's net, and what they tell of pairs."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from ml_collections import ConfigDict
from torch import Tensor, nn

from jaxsign.errors import UserError
from parity.reference import (
    vidsgg_easg,
    vidsgg_scenellm,
    vidsgg_stket,
    vidsgg_sttran,
    vidsgg_tempura,
)

Entry = Mapping[str, Tensor]
# What the references have for good, of nets that have such a field.
_FIXED = {
    "n_heads": vidsgg_sttran.HEADS,
    "masks": "fractional",
    "language": "none",
    "mixing": "attention",
    "box_scale": "corner",
    "temporal_window": 2,
}
_TINY = 1e-12
_GROUPS = ("attention", "spatial", "contacting")


def build(net: ConfigDict) -> nn.Module:
    """The module of a recipe's net that tells all its sizes.

    Raises:
      UserError: there is no counterpart.
    """
    if net.name not in _NETS:
        known = ", ".join(_NETS)
        raise UserError(f"net.name={net.name!r}: the torch side has {known}")
    fixed = {**_FIXED, "mode": "edgecls" if net.name == "easg" else "predcls"}
    for key, value in fixed.items():
        if key in net and net[key] != value:
            raise UserError(f"net.{key}={net[key]!r}: the torch side has {value!r}")
    return _NETS[net.name](net)


def _of_pairs(net: ConfigDict) -> dict[str, Any]:
    """What all of STTran's kind take."""
    return {
        "mode": net.mode, "predicates": net.predicates, "spatial_layers": net.spatial_layers,
        "temporal_layers": net.temporal_layers, "classes": net.num_objects,
        "hidden": net.hidden_dim, "words": net.word_dim, "features": net.feature_dim,
        "channels": net.union_dim, "maps": net.map_dim, "inner": net.classifier_dim,
        "feed_forward": net.ff_dim, "rate": net.dropout,
    }  # fmt: skip


def _with(net: ConfigDict, *names: str) -> dict[str, Any]:
    return {**_of_pairs(net), **{name: net[name] for name in names}}


def _sttran(net: ConfigDict) -> nn.Module:
    return vidsgg_sttran.STTran(**_of_pairs(net))


def _tempura(net: ConfigDict) -> nn.Module:
    """With a memory of zeros: asking it takes as long as asking a filled one."""
    names = (
        "relation_head", "object_head", "num_mixtures", "tracking", "track_rows",
        "relation_memory", "object_memory", "pairs_from_memory",
        "memory_fusion", "memory_selection", "memory_lambda",
    )  # fmt: skip
    module = vidsgg_tempura.Tempura(**_with(net, *names))
    if net.relation_memory != "none":
        rows = [torch.zeros(count, module.width) for count in net.predicates]
        module.glocal_transformer.rows = rows
    return module


def _stket(net: ConfigDict) -> nn.Module:
    names = (
        "rounds", "window", "contact_threshold", "true_contacts",
        "spatial_prior", "temporal_prior", "prior_dims",
    )  # fmt: skip
    return vidsgg_stket.STKET(**_with(net, *names), no_contact=net.no_contact - 1)


def _scene_llm(net: ConfigDict) -> nn.Module:
    names = ("stage", "embed_dim", "codebook_size", "commitment_cost", "ot_step")
    return vidsgg_scenellm.SceneLLM(**_with(net, *names))


def _easg(net: ConfigDict) -> nn.Module:
    verbs, edges = net.predicates
    return vidsgg_easg.EASG(
        net.mode, net.num_objects - 2, verbs, edges, net.spatial_layers, net.temporal_layers,
        features=net.feature_dim, verb_features=net.verb_dim, hidden=net.hidden_dim,
        words=net.word_dim, maps=net.map_dim, inner=net.classifier_dim,
        feed_forward=net.ff_dim, rate=net.dropout,
    )  # fmt: skip


_NETS: dict[str, Callable[[ConfigDict], nn.Module]] = {
    "easg": _easg,
    "scene_llm": _scene_llm,
    "stket": _stket,
    "sttran": _sttran,
    "tempura": _tempura,
}


def told(module: nn.Module, entry: Entry) -> list[Tensor]:
    """Of every branch that is learned, [P, R]; the first is answered with.

    Logits of the first group, probabilities of the others; of EASG, which is given the verbs, the
    edges' probabilities alone.
    """
    if isinstance(module, vidsgg_tempura.Tempura):
        found = module(entry, "train" if module.training else "test")
        found["attention_distribution"] = (found["attention_distribution"] + _TINY).log()
        return [_relations(found)]
    found = module(entry)
    if isinstance(module, vidsgg_easg.EASG):
        return [found["edge_distribution"]]
    if isinstance(module, vidsgg_scenellm.SceneLLM):  # before its answers are clipped
        first, *rest = (found[f"head_logits/{group}"] for group in _GROUPS)
        return [torch.cat([first, *(logits.sigmoid() for logits in rest)], 1)]
    if isinstance(module, vidsgg_stket.STKET):
        # The one between frames is answered with.
        first, *rest = sorted(module.branches[:3], key=lambda name: name != "temporal")
        return [_relations(found, f"{name}_") for name in (first, *rest)]
    return [_relations(found)]


def _relations(outputs: Entry, start: str = "") -> Tensor:
    return torch.cat([outputs[f"{start}{name}_distribution"] for name in _GROUPS], 1)
