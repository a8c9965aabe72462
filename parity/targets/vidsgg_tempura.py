"""TEMPURA through its golden cases."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from jaxsign import nets
from jaxsign.nets import tempura
from jaxsign.nets.layers import mixture_head
from jaxsign.tasks.scenes import losses
from parity import cases, weights
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_detected, vidsgg_sttran

Array = np.ndarray
Arrays = dict[str, np.ndarray]
_SEVERAL = {"": losses.binary_cross_entropy, "_mlm": losses.margin}
_OURS = {"al": "aleatoric", "ep": "epistemic"}


def forward(case: cases.Case) -> Arrays:
    """A case of any mode and phase."""
    net = tempura.Tempura(**settings.tempura(case), dropout=0.0, parity=True)
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    variables = net.with_memory(variables, _memories(case.inputs))
    phase = case.call.one_of("phase", "train", "test")
    if case.call.one_of("unc", False, True):
        return produced | _uncertain(case, net, variables)
    if phase == "train":
        return produced | _learned(case, net, variables)
    if net.mode == "predcls":
        outputs, inner = _run(net, variables, _batch(case))
        video = settings.given_video(case)
        return produced | _relations(case, net, outputs, video) | _inner(outputs, inner, video)
    return produced | (_classified if net.mode == "sgcls" else _detected)(case, net, variables)


def _memories(inputs: Arrays) -> Arrays:
    """What a case remembers, by the net's names."""
    found = {}
    if "rel_memory/attention" in inputs:
        parts = [inputs[f"rel_memory/{group}"] for group in settings.GROUPS]
        found["relations"] = np.concatenate(parts)
    return found | ({"objects": inputs["obj_memory"]} if "obj_memory" in inputs else {})


def _batch(case: cases.Case) -> Arrays:
    return settings.batch(case.inputs, settings.given_video(case))


def _run(net: nets.Net, variables: Any, batch: Arrays) -> Any:
    """Outputs and inner values outside training."""
    outputs, changed = jax.jit(
        lambda batch: nets.call(net, variables, batch, mutable=["intermediates"])
    )(batch)
    return outputs, changed["intermediates"]


def _learned(case: cases.Case, net: tempura.Tempura, variables: Any) -> Arrays:
    """The training phase with recorded noise; the norms stand still where the case says so."""
    video, batch = settings.given_video(case), _batch(case)
    if case.meta["kind"] != "train":
        flat = traverse_util.flatten_dict(variables["batch_stats"], sep="/")
        net = net.clone(still=tuple({path.rpartition("/")[0] for path in flat}))
    terms, truth = settings.loss_terms(case), settings.truth(case, net.predicates)
    background = case.call.get("eos_coef", 1)

    def run(params: Any) -> Any:
        everything = {**variables, "params": params}
        with nn.intercept_methods(_recorded(case, net, video)):
            outputs, changed = nets.call(
                net, everything, batch, train=True, mutable=["batch_stats", "intermediates"]
            )
        values = _losses(outputs, batch, truth, video, background)
        return sum(values[term] for term in terms), (values, outputs, changed["intermediates"])

    asks = jax.value_and_grad(run, has_aux=True)
    run_once = jax.jit(asks if case.wants("grad/") else lambda params: (run(params), None))
    (loss, (values, outputs, inner)), grads = run_once(variables["params"])
    produced = {f"output/losses/{name}": np.asarray(value) for name, value in values.items()}
    produced |= {"output/loss": np.asarray(loss), **_relations(case, net, outputs, video)}
    produced |= _inner(outputs, inner, video) | _given(case)
    if "object_logits" in outputs:
        logits = np.asarray(outputs["object_logits"])[0, video.box_frames, video.box_places]
        mixed = net.object_head == "gmm"
        produced["output/distribution"] = np.exp(logits) if mixed else logits
    if grads is None:
        return produced
    return produced | vidsgg_sttran.gradients(net, variables, case, grads)


def _given(case: cases.Case) -> Arrays:
    """What the original leaves as it came, where classes are given."""
    inputs = case.inputs
    names = {"pair_idx": "pair_idx", "im_idx": "im_idx", "boxes": "boxes", "pred_labels": "labels"}
    return {f"output/{theirs}": inputs[ours] for theirs, ours in names.items()}


def _recorded(case: cases.Case, net: tempura.Tempura, video: settings.Video) -> Any:
    """Gives mixtures the noise of a case, [n, classes] a member in the order of the heads."""
    drawn = iter(value for name, value in sorted(case.inputs.items()) if name.startswith("draw/"))

    def some(of: Any) -> Array:
        parts: Iterator[np.ndarray] = (next(drawn) for _ in range(net.num_mixtures))
        return of(np.stack(list(parts), axis=1))

    noise = {}
    if net.object_head == "gmm" and net.mode != "predcls":
        noise["head"] = some(video.of_boxes)
    if net.relation_head == "gmm":
        noise |= {f"head_{i}": some(video.of_pairs) for i in range(len(settings.GROUPS))}

    def intercept(run: Any, words: Any, named: Any, context: Any) -> Any:
        if context.method_name == "draw" and isinstance(context.module, mixture_head.MixtureHead):
            return jnp.asarray(noise[str(context.module.name)])
        return run(*words, **named)

    return intercept


def _losses(
    outputs: Mapping[str, jax.Array],
    batch: Arrays,
    truth: Arrays,
    video: settings.Video,
    background: float,
) -> dict[str, jax.Array]:
    """Every loss of the original, by its name there; `truth`: group -> bool [P, K]."""
    found: dict[str, jax.Array] = {}
    valid, start = jnp.asarray(batch["valid_pairs"]), 0
    for group, rows in truth.items():
        wanted = jnp.asarray(video.of_pairs(rows))
        logits = outputs["relations"][..., start : start + rows.shape[-1]]
        start += rows.shape[-1]
        kinds = {"": losses.cross_entropy} if group == "attention" else _SEVERAL
        for ending, loss in kinds.items():
            value = losses.mean_of_pairs(loss(logits, wanted), valid)[0]
            found[f"{group}_relation_loss{ending}"] = value
    if "object_logits" in outputs:
        labels = jnp.asarray(batch["labels"])
        right = jax.nn.one_hot(labels, outputs["object_logits"].shape[-1], dtype=bool)
        value = losses.cross_entropy(outputs["object_logits"], right)
        value = value * jnp.where(labels == 0, background, 1)
        found["object_loss"] = losses.mean_of_pairs(value, jnp.asarray(batch["valid_boxes"]))[0]
    return found


def _relations(
    case: cases.Case, net: tempura.Tempura, outputs: Mapping[str, Any], video: settings.Video
) -> Arrays:
    """The distributions of every pair, as the original gives them; `video`: of these pairs."""
    logits = np.asarray(outputs["relations"])[np.asarray(outputs["valid_pairs"])]
    assert len(logits) == len(video.pairs)
    found = {}
    parts = np.split(logits, np.cumsum(settings.PREDICATES)[:-1], axis=-1)
    tested = case.call["phase"] == "test" or net.relation_head == "gmm"
    for group, part in zip(settings.GROUPS, parts, strict=True):
        one = jax.nn.softmax(part) if tested else part
        told = one if group == "attention" else jax.nn.sigmoid(part)
        found[f"output/{group}_distribution"] = np.asarray(told)
    return found


def _inner(outputs: Mapping[str, Any], inner: Mapping[str, Any], video: settings.Video) -> Arrays:
    """What the net sows and says beside relations, as the original's modules give it."""
    at, boxes = (0, video.pair_frames, video.pair_places), (0, video.box_frames, video.box_places)
    names = {"told": "inter/rel_features_in", "between": "inter/global_output"}
    names |= {"remembered": "rel_mem_features"}
    # Without a memory there is one tensor.
    inner = {"remembered": (outputs["pair_embeddings"],), **inner}
    found = {f"output/{theirs}": np.asarray(inner[ours][0])[at] for ours, theirs in names.items()}
    found["output/rel_features"] = np.asarray(outputs["pair_embeddings"])[at]
    return found | _boxes(outputs, boxes)


def _boxes(outputs: Mapping[str, Any], at: Any) -> Arrays:
    """The first numbers of the features of boxes, where there are any."""
    names = {"object_embeddings": "object_features", "object_remembered": "object_mem_features"}
    return {
        f"output/{theirs}_first8": np.asarray(outputs[ours])[at][:, :8]
        for ours, theirs in names.items()
        if ours in outputs
    }


def _uncertain(case: cases.Case, net: tempura.Tempura, variables: Any) -> Arrays:
    """Uncertainties with classes and pairs given; of linear heads what they tell."""
    video, batch = settings.given_video(case), _batch(case)
    mode = "predcls" if net.mode == "predcls" else "sgdet"
    given = net.clone(mode=mode, detected_classes="detector")
    outputs, inner = _run(given, variables, batch)
    produced = _inner(outputs, inner, video)
    at = 0, video.pair_frames, video.pair_places
    if net.relation_head == "linear":
        produced |= _relations(case, net, outputs, video)
    for short, ours in _OURS.items() if net.relation_head == "gmm" else ():
        parts = np.split(np.asarray(outputs[ours])[at], np.cumsum(settings.PREDICATES)[:-1], -1)
        for group, part in zip(settings.GROUPS, parts, strict=True):
            produced[f"output/{group}_{short}_uc"] = part
    if net.mode == "predcls":
        return produced
    boxes = 0, video.box_frames, video.box_places
    told = _run(net, variables, batch)[0]
    logits = np.asarray(told["object_logits"])[boxes]
    mixed = net.object_head == "gmm"
    produced["output/distribution"] = np.asarray(jax.nn.softmax(logits[:, 1:])) if mixed else logits
    for short, ours in _OURS.items() if mixed else ():
        produced[f"output/obj_{short}_uc"] = np.asarray(told[f"object_{ours}"])[boxes]
    return produced | _boxes(told, boxes) | _given(case)


def _classified(case: cases.Case, net: tempura.Tempura, variables: Any) -> Arrays:
    """Boxes that are given, whose classes and person the net tells."""
    inputs = case.inputs
    every = settings.video(inputs["boxes"][:, 0], *settings.every_pair(inputs["boxes"][:, 0]))
    seen = vidsgg_detected.union_features(inputs, every)
    batch = settings.batch({**inputs, "union_feat": seen}, every)
    outputs, inner = _run(net, variables, batch)
    chosen = np.asarray(outputs["valid_pairs"])[0, every.pair_frames, every.pair_places]
    at = every.pair_frames[chosen], every.pair_places[chosen]
    pairs = every.numbered(every.pair_frames[chosen], np.asarray(outputs["pairs"])[0][at])
    video = settings.video(every.box_frames, every.pair_frames[chosen], pairs)
    produced = _relations(case, net, outputs, video) | _inner(outputs, inner, video)
    produced["output/rel_features"] = np.asarray(outputs["pair_embeddings"])[0][at]
    boxes = (0, every.box_frames, every.box_places)
    names = {"labels": "pred_labels", "scores": "pred_scores", "distribution": "distribution"}
    produced |= {f"output/{t}": np.asarray(outputs[ours])[boxes] for ours, t in names.items()}
    frames = video.pair_frames.astype(np.float32)
    produced |= {"output/pair_idx": pairs, "output/im_idx": frames}
    return produced | {"output/boxes": inputs["boxes"]}


def _detected(case: cases.Case, net: tempura.Tempura, variables: Any) -> Arrays:
    """Boxes of a detector that the net classifies first; what is told of comes from that."""
    inputs = case.inputs
    first = settings.video(inputs["boxes"][:, 0], *settings.every_pair(inputs["boxes"][:, 0]))
    blank = np.zeros((len(first.pairs), 1024, 7, 7), np.float32)
    given = {**inputs, "union_feat": blank, "labels": inputs["pred_labels"]}
    told = _run(net.clone(mode="sgcls"), variables, settings.batch(given, first))[0]
    at = 0, first.box_frames, first.box_places
    distribution = np.asarray(jax.nn.softmax(np.asarray(told["object_logits"])[at][:, 1:]))
    chosen, inputs, video = vidsgg_detected.chosen_of(inputs, distribution)
    kept = chosen.detected
    made = {"scores": chosen.scores, "union_feat": vidsgg_detected.union_features(inputs, video)}
    if net.pairs_from_memory:  # as the boxes had them when they were classified
        made["features"] = np.asarray(told["object_remembered"])[at][kept.source]
    batch = settings.batch({**inputs, **made}, video)
    outputs, inner = _run(net.clone(mode="predcls", pairs_from_memory=False), variables, batch)
    produced = _relations(case, net, outputs, video) | _inner(outputs, inner, video)
    features = _boxes(told, at)
    remembered = features["output/object_mem_features_first8"][kept.source]
    return produced | {
        "output/object_features_first8": features["output/object_features_first8"],
        "output/object_mem_features_first8": remembered,
        "output/pair_idx": chosen.pairs,
        "output/im_idx": video.pair_frames.astype(np.float32),
        "output/boxes": inputs["boxes"],
        "output/distribution": kept.distribution,
        "output/pred_labels": chosen.labels,
        "output/pred_scores": chosen.scores,
    }
