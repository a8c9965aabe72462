"""SceneLLM through its golden cases, and what it does to codebooks and boxes."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import codebook, relation_net, scene_llm
from jaxsign.nets.layers import box_graph, quantiser
from parity import cases, weights
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_sttran

Arrays = dict[str, np.ndarray]
# The parts of the original that learn in a stage -> ours.
_PARTS = {"quantiser": "quantiser", "sia": "sia", "llm": "language"}


def forward(case: cases.Case) -> Arrays:
    """A case of any stage."""
    net, inputs = _original(case), case.inputs
    video = settings.given_video(case)
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    _check_parts(case, net, variables)
    batch = settings.with_truth(case, video)
    if "im_wh" in inputs:
        batch["image_sizes"] = np.broadcast_to(inputs["im_wh"], (1, video.frames, 2))

    def losses(outputs: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        weighted = [outputs[name][0] / net.loss_weights[name] for name in net.own_losses]
        if weighted:
            return _named(net, *weighted)
        return vidsgg_sttran.loss_values(outputs, batch)

    kept, outputs, changed = vidsgg_sttran.learned(
        net, variables, batch, case, losses, settings.code_terms(case)
    )
    sown = {name: np.asarray(value[0]) for name, value in changed["intermediates"].items()
            if name in ("token", "combined", "logits")}  # fmt: skip
    at, boxes = (0, video.pair_frames, video.pair_places), (0, video.box_frames, video.box_places)
    codes = np.asarray(outputs["codes"])
    trained = case.meta["kind"] == "train"
    usage = codebook.counted(codes, net.codebook_size) if trained else 0 * codes.max()
    return (
        kept
        | produced
        | _quantised(net, variables, inputs["features"])
        | _answers(
            "output/after_clamp", np.asarray(outputs[relation_net.TOLD])[at], "_distribution"
        )
        | _logits(sown["logits"][at])
        | {
            "output/frame_token": sown["token"][0],
            "output/combined_features_first16": sown["combined"][boxes][:, :16],
            "output/usage_count": np.broadcast_to(usage, (net.codebook_size,)).astype(np.float32),
        }
    )


def _original(case: cases.Case) -> scene_llm.SceneLLM:
    """jaxsign's net for the original's arguments, with the original's behaviour."""
    scale = "image" if "im_wh" in case.inputs else "corner"
    return scene_llm.SceneLLM(**settings.scene_llm(case), box_scale=scale, dropout=0.0, parity=True)


def _check_parts(case: cases.Case, net: scene_llm.SceneLLM, variables: Mapping[str, Any]) -> None:
    """Raises ValueError: a part that learns in the original is not among the net's."""
    parts = [_PARTS.get(name, name) for name in case.call.whole("trainable")]
    if absent := [part for part in parts if part not in variables["params"]]:
        raise ValueError(f"{case.path}: learns {absent}, which {type(net).__name__} lacks")


def _quantised(net: scene_llm.SceneLLM, variables: Mapping[str, Any], features: Any) -> Arrays:
    """The quantiser alone."""
    module = quantiser.Quantiser(net.codebook_size, net.embed_dim)
    found = module.apply({"params": variables["params"]["quantiser"]}, features[None])
    assert isinstance(found, quantiser.Quantised)
    losses = quantiser.losses(found, jnp.ones((1, len(features)), bool), parity=True)
    values = dict(
        _named(net, *(losses[name][0] for name in quantiser.LOSSES)),
        ids=np.asarray(found.codes[0], np.int64),
        z_q=found.values[0],
        recon_first8=found.remade[0, :, :8],
    )
    return {f"output/vq/{name}": np.asarray(value) for name, value in values.items()}


def _named(
    net: scene_llm.SceneLLM, recon: jax.Array, embedding: jax.Array, commitment: jax.Array
) -> dict[str, jax.Array]:
    """The original's losses by its names."""
    total = recon + embedding + net.commitment_cost * commitment
    return dict(zip(settings.CODE_LOSSES, (total, recon, embedding, commitment), strict=True))


def _answers(start: str, logits: np.ndarray, ending: str) -> Arrays:
    told = vidsgg_sttran.distributions(logits)
    return {
        f"{start}/{'contact' if group == 'contacting' else group}{ending}": told[
            f"output/{group}_distribution"
        ]
        for group in settings.GROUPS
    }


def _logits(logits: np.ndarray) -> Arrays:
    parts = np.split(logits, np.cumsum(settings.PREDICATES)[:-1], axis=-1)
    names = ("attention", "spatial", "contact")
    return {f"output/head_logits/{name}": p for name, p in zip(names, parts, strict=True)}


def operations(case: cases.Case) -> Arrays:
    """Shorter codebooks by optimal transport, and graphs of boxes."""
    case.call.one_of("POT", "0.9.7.post1")
    inputs, step = case.inputs, case.args["ot_step"]
    table, usage = inputs["codebook"], inputs["usage_count"]
    if list(table.shape) != case.args["codebook"]:
        raise ValueError(f"{case.path}: args.codebook is not the shape of input/codebook")
    share, found = codebook.shares(usage, parity=True), {}
    for size in sorted({int(name.rpartition("_")[2]) for name in case.under("output/plan_")}):
        plan = codebook.transport(share, size)
        found[f"output/plan_{size}"] = plan
        found[f"output/new_codebook_{size}"] = codebook.moved(table, plan)
    shorter = codebook.shorter(table, usage, step, parity=True)
    found["output/updated_codebook"] = table if shorter is None else shorter
    for name, boxes in case.under("input/graph_boxes_").items():
        found[f"output/graph_edges_{name}"] = _graph(boxes)
    return {name: np.asarray(value, case.expected[name].dtype) for name, value in found.items()}


def _graph(boxes: np.ndarray) -> np.ndarray:
    """int [2, E], in the original's order: within clusters by their numbers, then between."""
    valid = jnp.ones(len(boxes), bool)
    owners = np.asarray(box_graph.clusters(jnp.asarray(boxes[:, :2] + boxes[:, 2:] / 2), valid))
    there = np.asarray(box_graph.edges(jnp.asarray(owners), valid))
    if len(boxes) == 1:
        return np.zeros((2, 1), int)
    pairs = np.argwhere(there)
    pairs = pairs[np.argsort(owners[pairs[:, 0]], kind="stable")]
    between = owners[pairs[:, 0]] != owners[pairs[:, 1]]
    outside = pairs[between]
    return np.concatenate([pairs[~between], outside[np.argsort(outside[:, 0])]]).T
