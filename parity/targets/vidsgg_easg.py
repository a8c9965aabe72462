"""EASG-STTran through its golden cases."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import action_net, easg
from jaxsign.tasks.scenes import losses
from parity import cases, weights
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_sttran

Arrays = dict[str, np.ndarray]


def original(case: cases.Case) -> easg.EASG:
    """jaxsign's net for the original's arguments, with the original's behaviour."""
    given = settings.easg(case)
    return easg.EASG(
        mode=given["mode"],
        num_objects=given["classes"] + action_net.NO_OBJECTS,
        predicates=(given["verbs"], given["edges"]),
        verb_dim=case.inputs["features_verb"].shape[-1],
        spatial_layers=given["spatial_layers"],
        temporal_layers=given["temporal_layers"],
        dropout=0.0,
        parity=True,
    )


def forward(case: cases.Case) -> Arrays:
    """Outputs, losses and gradients; every box is an object of one row."""
    net, inputs = original(case), case.inputs
    each = np.arange(len(inputs["boxes"]))
    video = settings.video(inputs["boxes"][:, 0], inputs["im_idx"], np.stack([each, each], 1))
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    batch = _batch(inputs, video)
    edges = jnp.asarray(video.of_pairs(settings.edges(case, net.predicates[1])))

    def values(outputs: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        return _losses(net, outputs, batch, edges, train=case.meta["kind"] == "train")

    found, outputs, _ = vidsgg_sttran.learned(
        net, variables, batch, case, values, settings.easg_terms(case)
    )
    return produced | found | _told(net, outputs, batch, video, train=case.meta["kind"] == "train")


def _batch(inputs: Arrays, video: settings.Video) -> Arrays:
    """A video as a batch of one; the wearer's share of the distribution is 0."""
    # The original's labels and shares have neither a background nor a wearer.
    shares = np.pad(inputs["distribution"], ((0, 0), (1, 0)))
    return {
        "boxes": video.of_boxes(inputs["boxes"][:, 1:]),
        "labels": video.of_boxes(inputs["labels"].astype(np.int32) + action_net.NO_OBJECTS),
        "distribution": video.of_boxes(shares),
        "features": video.of_boxes(inputs["features"]),
        "verbs": video.of_pairs(inputs["labels_verb"].astype(np.int32)),
        "verb_features": video.of_pairs(inputs["features_verb"]),
        "pairs": video.of_pairs(video.pairs.astype(np.int32)),
        "valid_pairs": video.of_pairs(np.ones(len(video.pairs), bool)),
    }


def _losses(
    net: easg.EASG,
    outputs: Mapping[str, jax.Array],
    batch: Arrays,
    edges: jax.Array,
    *,
    train: bool,
) -> dict[str, jax.Array]:
    """Every loss of the original, by its name there."""
    verbs, told = jnp.split(outputs["relations"], net.predicates[:1], axis=-1)
    found = {"edge_loss": losses.margin(told, edges)}
    if train:
        labels = batch["labels"] - action_net.NO_OBJECTS
        for name, logits, right in (
            ("obj_loss", outputs["objects"], labels),
            ("verb_loss", verbs, batch["verbs"]),
        ):
            true = jax.nn.one_hot(right, logits.shape[-1], dtype=bool)
            found[name] = losses.cross_entropy(logits, true)
    valid = jnp.asarray(batch["valid_pairs"])
    return {name: losses.mean_of_pairs(value, valid)[0] for name, value in found.items()}


def _told(
    net: easg.EASG,
    outputs: Mapping[str, Any],
    batch: Arrays,
    video: settings.Video,
    *,
    train: bool,
) -> Arrays:
    """The distributions of every box, logits in training, and the classes that are best."""
    at = (0, video.pair_frames, video.pair_places)
    relations, objects = (np.asarray(outputs[name])[at] for name in ("relations", "objects"))
    verbs, edges = np.split(relations, net.predicates[:1], axis=-1)
    found: Arrays = {"output/edge_distribution": np.asarray(jax.nn.sigmoid(edges))}
    known = np.asarray(batch["labels"])[at] - action_net.NO_OBJECTS, np.asarray(batch["verbs"])[at]
    parts = zip(("", "_verb"), ("objects", "verb"), (objects, verbs), known, strict=True)
    for ending, name, logits, right in parts:
        # What is given is certain, in training too.
        learns = train and name in net.learned
        shares = logits if learns else np.asarray(jax.nn.softmax(logits))
        found[f"output/distribution{ending}"] = shares
        # In training rows have the words of what is true.
        found[f"output/pred_labels{ending}"] = right if train else logits.argmax(-1)
    return found
