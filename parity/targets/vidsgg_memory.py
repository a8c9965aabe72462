"""TEMPURA's memories, weights of losses, and losses of the features of boxes."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import memories
from jaxsign.tasks.scenes import contrastive, terms
from parity import cases
from parity.settings import vidsgg_memory as settings

Arrays = dict[str, np.ndarray]


def computed(case: cases.Case) -> Arrays:
    """Memories of three videos, weights by uncertainty, contrastive losses."""
    videos = settings.videos(case)
    produced = {
        f"output/{variant}/{group}": _memory(case, videos, variant, group)
        for variant in case.call["variants"]
        for group in videos[0]
        if settings.has_memory(variant, group)
    }
    for i, video in enumerate(videos):
        for group in video:
            unsure = settings.unsure(case, i, group)
            for short, name in settings.KINDS.items():
                given = jnp.asarray(unsure[name])[None, None]
                value = terms.weights_by(given, jnp.ones(given.shape[:-1], bool))
                produced[f"output/loss_weights/{i}/{group}_{short}"] = np.asarray(value)[0, 0]
    features, labels = case.inputs["con_features"], case.inputs["con_labels"]
    for kind, loss in contrastive.KINDS.items():
        value = loss(jnp.asarray(features), jnp.asarray(labels), jnp.ones(len(labels), bool))
        produced[f"output/{kind}"] = np.asarray(value)
    return produced


def _memory(case: cases.Case, videos: list[settings.Video], variant: str, group: str) -> np.ndarray:
    kind, mean = settings.kind_of(variant), memories.Mean()
    for i, video in enumerate(videos):
        features, truth = video[group]
        unsure = {k: jnp.asarray(v)[None] for k, v in settings.unsure(case, i, group).items()}
        shares = memories.weights(kind, jnp.asarray(truth)[None], unsure, original=True)
        found = memories.sums(jnp.asarray(features)[None], *shares)
        mean.add(jax.device_get(found))
    return mean.rows()
