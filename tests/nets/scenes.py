"""Nets that tell relations, tiny, and batches of videos for their tests."""

import functools

import fresh
import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.nets import easg, scene_net

OBJECTS, FEATURES, UNION, VERB = 6, 5, 4, 3
SIZES = 4, 4, 6  # frames, boxes, pairs of a padded batch
COUNT = 8  # its videos
# Every net of relations, with what is tiny of its own; test_scene_nets.py takes each of them.
NETS: dict[str, dict] = {
    "tempura": dict(n_heads=2, ff_dim=6, temporal_layers=1, num_mixtures=2, noise=False,
                    relation_memory="joint", kinds=("one", "several", "several")),
    "stket": dict(n_heads=2, ff_dim=6, temporal_layers=1, prior_dims=(3,), no_contact=3),
    "scene_llm": dict(n_heads=2, ff_dim=6, temporal_layers=1, embed_dim=8, codebook_size=12),
    "sttran": dict(n_heads=2, ff_dim=6, temporal_layers=1),
}  # fmt: skip
_SHARED = dict(
    num_objects=OBJECTS,
    predicates=(2, 1, 3),
    feature_dim=FEATURES,
    union_dim=UNION,
    hidden_dim=4,
    word_dim=2,
    map_dim=4,
    classifier_dim=6,
    dropout=0.0,
)


def net_of(name, mode, **fields) -> scene_net.SceneNet:
    return nets.get(name)(**{**_SHARED, **NETS[name], "mode": mode, **fields})


def easg_of(mode, **fields):
    """EASG's net of actions; three verbs and two edges."""
    sizes = dict(num_objects=OBJECTS, predicates=(3, 2), feature_dim=FEATURES, verb_dim=VERB)
    inner = dict(hidden_dim=4, word_dim=4, map_dim=2, classifier_dim=4, ff_dim=8, n_heads=2)
    return easg.EASG(
        **{**sizes, **inner, "mode": mode, "temporal_layers": 1, "dropout": 0.0, **fields}
    )


@functools.cache
def variables_of(name):
    """Start values of a net of `NETS`, those of telling classes among them."""
    net = net_of(name, "sgcls")
    shape = batch([video(np.random.default_rng(0), 2, 3)], *SIZES)
    return fresh.variables(net, *(shape.get(one) for one in net.inputs))


@functools.cache
def answer(net):
    """batch -> the net's outputs, compiled for each shape once."""
    told = jax.jit(functools.partial(nets.call, net))
    return functools.partial(told, variables_of(nets.name_of(type(net))))


@functools.cache
def learn(net):
    """batch -> what a net learns by, and the gradient of the sum of its squares over the videos."""
    variables = variables_of(nets.name_of(type(net)))
    collections = [name for name in variables if name != "params"]

    def loss(params, given, batch):
        given = {**given, "params": params}
        outputs, _ = nets.call(net, given, batch, train=True, mutable=collections)
        learned = learned_of(net, outputs, batch)
        return sum((value**2).sum() for value in learned.values()), learned

    @jax.jit
    def run(given, batch):
        (_, learned), grads = jax.value_and_grad(loss, has_aux=True)(given["params"], given, batch)
        return learned, grads

    return functools.partial(run, variables)


def learned_of(net, outputs, batch):
    """What losses are made of, by name."""
    found = {name: outputs[name] for name in (*net.branches, "embedding", *net.own_losses)}
    if net.mode != "predcls":
        there = batch["valid_boxes"][..., None]
        found["object_logits"] = jnp.where(there, outputs["object_logits"], 0)
    return found


def some_videos(sizes, seed, *, every=False):
    """A video of each (frames, boxes), and the generator that went on drawing."""
    rng = np.random.default_rng(seed)
    return [video(rng, *size, every=every) for size in sizes], rng


def video(rng, frames, boxes, *, every=False):
    """One video, flat: `boxes` a frame; pairs of the first box, or `every` two of a frame."""
    corner = rng.uniform(0, 50, (frames, boxes, 2))
    size = rng.uniform(5, 60, (frames, boxes, 2))
    first, second = np.triu_indices(boxes, 1)
    chosen = slice(None) if every else first == 0
    pairs = np.stack([first[chosen], second[chosen]], -1)
    shape = (frames, len(pairs))
    found = {
        "boxes": np.concatenate([corner, corner + size], -1),
        "labels": rng.integers(2, OBJECTS, (frames, boxes)).astype(np.int32),
        "scores": rng.uniform(0.3, 1, (frames, boxes)),
        "distribution": rng.dirichlet(np.ones(OBJECTS - 1), (frames, boxes)),
        "features": rng.normal(size=(frames, boxes, FEATURES)),
        "pairs": np.broadcast_to(pairs, (*shape, 2)).astype(np.int32),
        "union_features": rng.normal(size=(*shape, 7, 7, UNION)),
        "image_sizes": rng.integers(100, 200, (frames, 2)).astype(np.float32),
        "valid_frames": np.ones(frames, bool),
        "valid_boxes": np.ones((frames, boxes), bool),
        "valid_pairs": np.ones(shape, bool),
    }
    found["labels"][:, 0] = 1
    doing = np.random.default_rng(boxes)
    found["verbs"] = doing.integers(0, 3, shape).astype(np.int32)
    found["verb_features"] = doing.normal(size=(*shape, VERB))
    return {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in found.items()}


def batch(videos, frames, boxes, pairs, rng=None):
    """Padded to these sizes: with noise of `rng` in floats, else with zeros."""
    found = {}
    for name, value in videos[0].items():
        inner = {**dict.fromkeys(_OF_BOXES, (boxes,)), **dict.fromkeys(_OF_PAIRS, (pairs,))}
        own = inner.get(name, ())
        shape = (len(videos), frames, *own, *value.shape[1 + len(own) :])
        noisy = rng is not None and value.dtype == np.float32
        filled = rng.normal(size=shape) * 9 if noisy else np.zeros(shape)
        found[name] = filled.astype(value.dtype)
        for row, one in enumerate(videos):
            part = one[name]
            found[name][(row, *map(slice, part.shape))] = part
    return found


def real(name, value, video):
    """The part of a video's output that is no padding."""
    if value.ndim < 2:
        return np.asarray(value)
    frames, boxes = video["labels"].shape
    inner = boxes if name in _OF_BOXES else video["pairs"].shape[1]
    return np.asarray(value)[:frames, :inner]


_OF_BOXES = ("boxes", "labels", "scores", "distribution", "features", "valid_boxes",
             "object_logits", "codes")  # fmt: skip
_OF_PAIRS = ("pairs", "union_features", "valid_pairs", "relations", "labelled", "verbs",
             "verb_features")  # fmt: skip


def assert_as_large(found, wanted):
    """Equal but for rounding beside the largest number."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * (1 + np.abs(wanted).max()))
