"""TEMPURA's memories, weights of losses, and losses of the features of boxes."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import memories
from jaxsign.tasks.scenes import contrastive, terms
from parity import cases
from parity.settings import vidsgg as settings

Arrays = dict[str, np.ndarray]
Video = dict[str, tuple[np.ndarray, np.ndarray]]  # group -> features and classes
_KINDS = {"al": "aleatoric", "ep": "epistemic"}


def computed(case: cases.Case) -> Arrays:
    """Memories of three videos, weights by uncertainty, contrastive losses."""
    call = case.call
    call.one_of("mode", "sgcls")
    call.one_of("background_mem", False)
    call.one_of("info_nce_temperature", 0.1)
    margins = call.section("euc_con")
    margins.one_of("pos_margin", 0)
    margins.one_of("neg_margin", 1)
    for told in ("pytorch_metric_learning", "obj_feature_dim", "rel_feature_dim"):
        call.whole(told)
    classes = call["num_object_classes"]
    counts = call.section("rel_classes")
    for group, count in zip(settings.GROUPS, settings.PREDICATES, strict=True):
        counts.one_of(group, count)
    videos = [_video(case, str(i), classes) for i in range(3)]
    produced = {
        f"output/{variant}/{group}": _memory(case, videos, variant, group)
        for variant in call["variants"]
        for group in videos[0]
        # The original fails with a weighted memory of objects.
        if group != "object" or variant.startswith("simple")
    }
    for i, video in enumerate(videos):
        for group in video:
            for short, name in _KINDS.items():
                given = jnp.asarray(_unsure(case, i, group)[name])[None, None]
                value = terms.weights_by(given, jnp.ones(given.shape[:-1], bool))
                produced[f"output/loss_weights/{i}/{group}_{short}"] = np.asarray(value)[0, 0]
    features, labels = case.inputs["con_features"], case.inputs["con_labels"]
    for kind, loss in contrastive.KINDS.items():
        value = loss(jnp.asarray(features), jnp.asarray(labels), jnp.ones(len(labels), bool))
        produced[f"output/{kind}"] = np.asarray(value)
    return produced


def _memory(case: cases.Case, videos: list[Video], variant: str, group: str) -> np.ndarray:
    """'KIND_relunc0' counts all examples alike, 'KIND_relunc1' by their uncertainty."""
    kind, _, uncertain = variant.partition("_relunc")
    kind, mean = kind if int(uncertain) else "simple", memories.Mean()
    for i, video in enumerate(videos):
        features, truth = video[group]
        unsure = {k: jnp.asarray(v)[None] for k, v in _unsure(case, i, group).items()}
        shares = memories.weights(kind, jnp.asarray(truth)[None], unsure, original=True)
        found = memories.sums(jnp.asarray(features)[None], *shares)
        mean.add(jax.device_get(found))
    return mean.rows()


def _video(case: cases.Case, name: str, classes: int) -> Video:
    """Group -> features [n, D] and classes bool [n, C], those of objects without background."""
    inputs = {k.removeprefix(f"{name}/"): v for k, v in case.inputs.items()}
    found = {
        group: (
            inputs["rel_features"],
            (inputs[f"{group}_gt"][..., None] == np.arange(count)).any(1),
        )
        for group, count in zip(settings.GROUPS, settings.PREDICATES, strict=True)
    }
    truth = inputs["labels"][:, None] == np.arange(1, classes)
    return {**found, "object": (inputs["object_features"], truth)}


def _unsure(case: cases.Case, video: int, group: str) -> dict[str, np.ndarray]:
    short = "obj" if group == "object" else group
    return {name: case.inputs[f"{video}/{short}_{k}_uc"] for k, name in _KINDS.items()}
