"""Nets of relations beside their torch references, tiny, where no golden case stands."""

import functools

import jax
import numpy as np
import pytest

from jaxsign import nets
from jaxsign.nets import easg, stket, sttran, tempura
from jaxsign.nets import state_dict as keys
from jaxsign.nets.layers import spatial_masks
from parity.settings import vidsgg as settings

torch = pytest.importorskip("torch")
from parity.reference import vidsgg_easg, vidsgg_stket, vidsgg_sttran, vidsgg_tempura  # noqa: E402

pytestmark = pytest.mark.slow
GROUPS = (2, 1, 3)
TINY = dict(classes=6, hidden=4, words=2, features=6, channels=4, maps=4, inner=6)
OURS = dict(
    num_objects=6, predicates=GROUPS, feature_dim=6, union_dim=4, hidden_dim=4, word_dim=2,
    map_dim=4, classifier_dim=6, ff_dim=12, dropout=0.0, parity=True,
)  # fmt: skip
# Labels of the boxes of every frame, the person first: a class that goes and comes back, one that
# is there twice, a frame without a pair, one without any box.
VIDEOS = {
    "gaps": [[1, 3, 4], [1, 3, 3, 5], [1, 4], [1, 5, 3], [1], [1, 3]],
    "empty": [[1, 2], [], [1, 3, 2], [], [], [1, 2, 2]],
    "late": [[1], [1, 3, 4], [1, 3]],
    "single": [[1, 3, 4]],
}
# A video, a mode, and what the net does.
STKETS = [
    ("gaps", "predcls", {"window": 4, "rounds": 2, "spatial_layers": 2}),
    ("gaps", "sgdet", {"window": 3, "contact_threshold": 0.55, "true_contacts": True}),
    ("empty", "sgdet", {"window": 1, "contact_threshold": 0.55, "spatial_prior": False}),
    ("gaps", "sgdet", {"spatial_layers": 0, "temporal_layers": 2}),
    ("gaps", "predcls", {"temporal_layers": 0}),
]
TEMPURAS = [
    ("single", {"relation_memory": "none", "relation_head": "linear"}),
    ("gaps", {"relation_memory": "joint", "memory_fusion": "early"}),
    ("gaps", {"relation_memory": "joint", "temporal_layers": 0}),
    ("gaps", {"relation_memory": "seperate", "memory_selection": "automated"}),
    ("single", {"relation_memory": "seperate", "memory_fusion": "early",
                "memory_selection": "sum", "num_mixtures": 3}),
]  # fmt: skip
BOXES = [
    ("gaps", {"object_head": "linear", "tracking": True, "track_rows": 9}),
    ("empty", {"object_memory": True, "memory_selection": "automated", "pairs_from_memory": True}),
    ("empty", {"object_memory": True, "tracking": True, "pairs_from_memory": True,
               "memory_lambda": 0.3, "num_mixtures": 3}),
]  # fmt: skip


@functools.cache
def inputs_of(name, seed=0):
    """A video as the originals take it, and where its boxes and pairs stand."""
    rng = np.random.default_rng(seed)
    labels = np.array([label for frame in VIDEOS[name] for label in frame])
    frames = np.repeat(np.arange(len(VIDEOS[name])), list(map(len, VIDEOS[name])))
    first = np.searchsorted(frames, frames)
    pairs = np.stack([first, np.arange(len(frames))], 1)[labels != 1]
    corner = rng.uniform(0, 50, (len(frames), 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (len(frames), 2))], 1)
    given = {
        "boxes": np.concatenate([frames[:, None], boxes], 1).astype(np.float32),
        "labels": labels,
        "scores": rng.uniform(0.3, 1, len(frames)).astype(np.float32),
        "distribution": rng.dirichlet(np.ones(5), len(frames)).astype(np.float32),
        "features": rng.normal(size=(len(frames), 6)).astype(np.float32),
        "union_feat": rng.normal(size=(len(pairs), 4, 7, 7)).astype(np.float32),
        "pair_idx": pairs,
        "im_idx": frames[pairs[:, 1]].astype(np.float32),
    }
    seen = spatial_masks.spatial_masks(given["boxes"][pairs, 1:])
    given["spatial_masks"] = np.ascontiguousarray(np.moveaxis(np.asarray(seen), -1, 1))
    return given, settings.video(frames, given["im_idx"], pairs)


def filled(module):
    """The module with numbers in whatever starts as zero, its drawing off."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point() and not name.endswith((".pe", "running_var")):
                value.add_(0.3 * torch.randn_like(value))
            if "pos_embed.0.running" in name:  # of places in pixels
                value.fill_(30 if name.endswith("mean") else 400)
    return module.eval()


def answered(net, module, given, video, names=(), **more):
    """The net's outputs, those of `names` or all, with the module's weights."""
    weights = {key: value.numpy() for key, value in module.state_dict().items()}
    variables = keys.to_variables(net.key_table(), weights)
    if more:
        variables = net.with_memory(variables, more)
    batch = settings.batch(given, video)
    batch["relations"] = video.of_pairs(truth_of(video))

    @jax.jit
    def told(variables, batch):
        found = nets.call(net, variables, batch)
        return {name: found[name] for name in names or found}

    return told(variables, batch)


def truth_of(video):
    """bool [P, 6]."""
    return np.random.default_rng(1).random((len(video.pairs), sum(GROUPS))) < 0.4


def asked(module, given, *words):
    entry = {name: torch.from_numpy(np.array(value)) for name, value in given.items()}
    with torch.no_grad():
        return module(entry, *words)


def same(logits, wanted, start="", mixed=False):
    """Logits [P, 6] beside the original's distributions."""
    parts = np.split(logits, np.cumsum(GROUPS)[:-1], axis=-1)
    for name, part in zip(settings.GROUPS, parts, strict=True):
        one = jax.nn.softmax(part) if mixed else part
        told = one if name == "attention" else jax.nn.sigmoid(part)
        np.testing.assert_allclose(told, wanted[f"{start}{name}_distribution"], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "within", "between"), [("empty", 2, 2), ("late", 2, 2), ("gaps", 0, 1)]
)
def test_sttran_takes_videos_with_gaps(name, within, between):
    given, video = inputs_of(name)
    module = vidsgg_sttran.STTran("predcls", GROUPS, within, between, feed_forward=12, **TINY)
    module = filled(module)
    net = sttran.STTran(**OURS, spatial_layers=within, temporal_layers=between)
    found = answered(net, module, given, video)["relations"]
    same(np.asarray(found)[0, video.pair_frames, video.pair_places], asked(module, given))


@pytest.mark.parametrize(("name", "mode", "options"), STKETS)
def test_stket_tells_what_its_reference_does(name, mode, options):
    given, video = inputs_of(name)
    fields = {"spatial_layers": 1, "temporal_layers": 1, **options}
    module = filled(
        vidsgg_stket.STKET(
            mode, GROUPS, no_contact=2, prior_dims=(3,), feed_forward=12, **fields, **TINY
        )
    )
    net = stket.STKET(
        **OURS, mode=mode, no_contact=3, prior_dims=(3,), spatial_prior_loss=True,
        temporal_prior_loss=True, **fields,
    )  # fmt: skip
    outputs = answered(net, module, given, video)
    scores = {"pred_scores": given["scores"]} if mode == "sgdet" else {}
    contacts = truth_of(video)[:, -GROUPS[-1] :]
    wanted = asked(module, {**given, **scores, "contacts": contacts})
    first = "temporal" if net.temporal_layers else "spatial"
    told = {name: first if name == "relations" else name for name in net.branches}
    assert {*told.values()} == {*module.branches}
    for ours, theirs in told.items():
        logits = np.asarray(outputs[ours])[0, video.pair_frames, video.pair_places]
        same(logits, wanted, f"{theirs}_")


@pytest.mark.parametrize(("name", "options"), TEMPURAS)
def test_tempura_asks_its_memory_as_its_reference_does(name, options):
    given, video = inputs_of(name)
    fields = {"num_mixtures": 2, "temporal_layers": 1, **options}
    module = filled(vidsgg_tempura.Tempura("predcls", GROUPS, feed_forward=12, **fields, **TINY))
    rows = np.random.default_rng(2).normal(size=(sum(GROUPS), 16)).astype(np.float32)
    memory = {}
    if fields["relation_memory"] != "none":
        parts = np.split(rows, np.cumsum(GROUPS)[:-1])
        module.glocal_transformer.rows = [torch.from_numpy(part) for part in parts]
        memory = {"relations": rows}
    net = tempura.Tempura(**OURS, **fields)
    outputs = answered(net, module, given, video, **memory)
    at = 0, video.pair_frames, video.pair_places
    wanted = asked(module, given, "test")
    same(np.asarray(outputs["relations"])[at], wanted, mixed=True)
    told = np.asarray(outputs["pair_embeddings"])[at]
    np.testing.assert_allclose(told, wanted["rel_features"], atol=1e-4)


@pytest.mark.parametrize(("name", "options"), BOXES)
def test_tempura_classifies_boxes_as_its_reference_does(name, options):
    given, video = inputs_of(name)
    fields = {"num_mixtures": 2, "temporal_layers": 1, **options}
    module = filled(vidsgg_tempura.Tempura("sgdet", GROUPS, feed_forward=12, **fields, **TINY))
    net = tempura.Tempura(**OURS, mode="sgdet", detected_classes="detector", **fields)
    memory = {}
    if fields.get("object_memory"):
        width = 6 + 2 + 128 if net.tracking else 6
        memory["objects"] = np.random.default_rng(3).normal(size=(5, width)).astype(np.float32)
        module.object_classifier.rows = [torch.from_numpy(memory["objects"])]
    outputs = answered(net, module, given, video, **memory)
    wanted = asked(module, given, "test")
    at = 0, video.pair_frames, video.pair_places
    same(np.asarray(outputs["relations"])[at], wanted, mixed=True)
    boxes = 0, video.box_frames, video.box_places
    names = "object_logits", "object_remembered"
    told = answered(net.clone(mode="sgcls"), module, given, video, names, **memory)
    sure = jax.nn.softmax(np.asarray(told["object_logits"])[boxes][:, 1:])
    np.testing.assert_allclose(sure, wanted["distribution"], atol=1e-4)
    features = np.asarray(told["object_remembered"])[boxes]
    np.testing.assert_allclose(features, wanted["object_mem_features"], atol=1e-4)


@pytest.mark.parametrize("mode", ["edgecls", "easgcls"])
def test_easg_takes_graphs_with_gaps(mode):
    given, video = inputs_of("empty")
    rng = np.random.default_rng(4)
    labels = given["labels"] - 1
    given = {**given, "labels": labels, "labels_verb": rng.integers(0, 3, len(labels))}
    given["features_verb"] = rng.normal(size=(len(labels), 7)).astype(np.float32)
    given["im_idx"] = given["boxes"][:, 0]
    sizes = dict(features=6, hidden=4, words=4, maps=4, inner=6, feed_forward=12)
    module = filled(vidsgg_easg.EASG(mode, 5, 3, 4, 1, 2, verb_features=7, **sizes))
    net = easg.EASG(
        mode=mode, num_objects=7, predicates=(3, 4), feature_dim=6, verb_dim=7, hidden_dim=4,
        word_dim=4, map_dim=4, classifier_dim=6, ff_dim=12, temporal_layers=2, dropout=0.0,
        parity=True,
    )  # fmt: skip
    weights = {key: value.numpy() for key, value in module.state_dict().items()}
    each = np.arange(len(labels))
    video = settings.video(given["im_idx"], given["im_idx"], np.stack([each, each], 1))
    batch = {
        "boxes": video.of_boxes(given["boxes"][:, 1:]),
        "labels": video.of_boxes(labels + 2),
        "distribution": video.of_boxes(np.pad(given["distribution"], ((0, 0), (1, 0)))),
        "features": video.of_boxes(given["features"]),
        "verbs": video.of_pairs(given["labels_verb"]),
        "verb_features": video.of_pairs(given["features_verb"]),
        "pairs": video.of_pairs(video.pairs),
        "valid_pairs": video.of_pairs(np.ones(len(labels), bool)),
    }
    variables = keys.to_variables(net.key_table(), weights)
    outputs = jax.jit(lambda batch: nets.call(net, variables, batch))(batch)
    wanted, at = asked(module, given), (0, video.pair_frames, video.pair_places)
    verbs, edges = np.split(np.asarray(outputs["relations"])[at], [3], axis=-1)
    np.testing.assert_allclose(jax.nn.sigmoid(edges), wanted["edge_distribution"], atol=1e-4)
    for logits, name in ((outputs["objects"][at], "distribution"), (verbs, "distribution_verb")):
        np.testing.assert_allclose(jax.nn.softmax(logits), wanted[name], atol=1e-4)
