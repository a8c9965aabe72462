"""STTran through its golden cases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.nets import easg, faster_rcnn, relation_net, scene_llm, scene_net, state_dict, sttran
from jaxsign.tasks.scenes import losses
from parity import cases, targets, weights
from parity.settings import vidsgg as settings

Arrays = dict[str, np.ndarray]
Inner = Callable[[Mapping[str, Any], settings.Video], Arrays]
BRANCHES = {relation_net.TOLD: ""}
_SEVERAL = {"": losses.margin, "_bce": losses.binary_cross_entropy}
# A group -> what the original's losses call it.
_NAMES = {"attention": "attention", "spatial": "spatial", "contacting": "contact"}


def original(case: cases.Case) -> sttran.STTran:
    """jaxsign's net for the original's arguments, with the original's behaviour."""
    return sttran.STTran(**settings.sttran(case), dropout=0.0, parity=True)


def forward(case: cases.Case) -> Arrays:
    """A case whose pairs are given: outputs, inner values, losses, gradients, statistics."""
    return given_pairs(case, original(case), BRANCHES, inner_values)


def given_pairs(
    case: cases.Case,
    net: scene_net.SceneNet,
    branches: Mapping[str, str],
    inner: Inner,
) -> Arrays:
    """A case of a net of STTran's kind.

    Args:
      case: whose pairs are given.
      net: that takes them.
      branches: its outputs of relations -> how the original's names of them begin.
      inner: the case's inner values of what the net sows.
    """
    video = settings.given_video(case)
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    batch = settings.with_truth(case, video)

    def values(outputs: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        found: dict[str, jax.Array] = {}
        for branch, start in branches.items():
            found |= loss_values(outputs, batch, branch, start)
        return found

    found, outputs, changed = learned(
        net, variables, batch, case, values, settings.loss_terms(case)
    )
    produced |= found
    for branch, start in branches.items():
        produced |= told(outputs, video, branch, start)
    if sown := changed.pop("intermediates", {}):
        produced |= inner(sown, video)
    if "object_logits" in outputs:
        logits = np.asarray(outputs["object_logits"])
        produced["output/distribution"] = logits[0, video.box_frames, video.box_places]
    rows = [row for row in net.key_table() if row.path[0] == "batch_stats"]
    stored = state_dict.to_state_dict(rows, {**variables, **changed})
    return produced | {f"after/{key}": value for key, value in stored.items()}


def learned(
    net: nets.Net,
    variables: Any,
    batch: Arrays,
    case: cases.Case,
    losses_of: Callable[[Mapping[str, jax.Array]], dict[str, jax.Array]],
    terms: Sequence[str],
) -> tuple[Arrays, Any, Any]:
    """Losses and gradients as the case asks; the outputs, and the collections that changed.

    Args:
      net, variables, batch: of the case.
      case: it.
      losses_of: outputs -> losses by their names in the original.
      terms: of them those whose sum is learned.
    """
    train = case.meta["kind"] == "train"

    def run(params: Any) -> Any:
        everything = {**variables, "params": params}
        mutable = ["batch_stats", "intermediates"] if train else ["intermediates"]
        outputs, changed = nets.call(net, everything, batch, train=train, mutable=mutable)
        values = losses_of(outputs)
        return sum(values[term] for term in terms), (values, outputs, changed)

    run = jax.jit(jax.value_and_grad(run, has_aux=True) if case.wants("grad/") else _alone(run))
    (loss, (values, outputs, changed)), grads = run(variables["params"])
    produced = {f"output/losses/{name}": np.asarray(value) for name, value in values.items()}
    produced["output/loss"] = np.asarray(loss)
    if grads is not None:
        produced |= gradients(net, variables, case, grads)
    return produced, outputs, dict(changed)


def gradients(net: nets.Net, variables: Any, case: cases.Case, grads: Any) -> Arrays:
    """Gradients by the original's keys, and the norms of those that it has.

    Args:
      net, variables, case: as of `learned`.
      grads: of `variables["params"]`; of what is frozen there are some, too.
    """
    found = weights.gradients(net.key_table(), variables, grads)
    keys = case.call.whole("grad_norm_keys", [])
    sizes = [np.linalg.norm(found[f"grad/{key}"].astype(np.float64)) for key in keys]
    found["output/grad_norms"] = np.array(sizes)
    found["output/grad_total_norm"] = np.asarray(np.linalg.norm(sizes))
    return found


def _alone(function: Any) -> Any:
    return lambda params: (function(params), None)


def loss_values(
    outputs: Mapping[str, jax.Array],
    batch: Arrays,
    branch: str = relation_net.TOLD,
    start: str = "",
) -> dict[str, jax.Array]:
    """Every loss of the original of a branch, by its name there, and that of boxes.

    Args:
      outputs: of the net.
      batch: of the one video, with its true relations.
      branch: one of the outputs of relations.
      start: of the original's names of its losses.
    """
    found: dict[str, jax.Array] = {}
    valid, ends = jnp.asarray(batch["valid_pairs"]), np.cumsum(settings.PREDICATES)[:-1].tolist()
    wanted = jnp.split(jnp.asarray(batch["relations"]), ends, axis=-1)
    told_of = jnp.split(outputs[branch], ends, axis=-1)
    for group, logits, right in zip(settings.GROUPS, told_of, wanted, strict=True):
        kinds = {"": losses.cross_entropy} if group == "attention" else _SEVERAL
        for ending, loss in kinds.items():
            value = losses.mean_of_pairs(loss(logits, right), valid)[0]
            found[f"{start}{_NAMES[group]}_relation_loss{ending}"] = value
    if "object_logits" in outputs:
        logits = outputs["object_logits"]
        right = jax.nn.one_hot(batch["labels"], logits.shape[-1], dtype=bool)
        value = losses.cross_entropy(logits, right)
        found["object_loss"] = losses.mean_of_pairs(value, jnp.asarray(batch["valid_boxes"]))[0]
    return found


def told(
    outputs: Mapping[str, Any],
    video: settings.Video,
    branch: str = relation_net.TOLD,
    start: str = "",
) -> Arrays:
    """The distributions of every pair, as the original gives them.

    Args:
      outputs: of the net.
      video: of these pairs.
      branch, start: as of `loss_values`.
    """
    logits = np.asarray(outputs[branch])[np.asarray(outputs["valid_pairs"])]
    assert len(logits) == len(video.pairs)
    return distributions(logits, start)


def distributions(logits: np.ndarray, start: str = "") -> Arrays:
    """float [P, R] -> the original's distributions of the groups."""
    parts = np.split(logits, np.cumsum(settings.PREDICATES)[:-1], axis=-1)
    found = dict(zip(settings.GROUPS, parts, strict=True))
    return {
        f"output/{start}{group}_distribution": (
            v if group == "attention" else np.asarray(jax.nn.sigmoid(v))
        )
        for group, v in found.items()
    }


def inner_values(found: Mapping[str, Any], video: settings.Video) -> Arrays:
    """What the net sows, as the original's modules give it."""
    at = (0, video.pair_frames, video.pair_places)
    rel, within, between = (np.asarray(found[k][0]) for k in ("told", "within", "between"))
    # The original makes room for frames up to the last one with pairs, and for the most of a frame.
    frames, most = (int(places.max()) + 1 for places in at[1:])
    return {
        "output/inter/rel_features": rel[at],
        "output/inter/local_padded": within[0, :frames, :most].swapaxes(0, 1),
        "output/inter/global_output": between[at],
    }


_LISTED = {
    "sttran_default": sttran.STTran(),
    "easg_sttran_391_198_13": easg.EASG(),
    "scenellm_default_fallback_llm_no_dgl": scene_llm.SceneLLM(),
    "faster_rcnn_resnet101_37": faster_rcnn.FasterRCNN(),
}


def keys(path: Any) -> targets.FileCheck:
    """The originals' keys and shapes in their order."""
    found = {
        name: [str((row.key, tuple(row.shape or ()))) for row in net.key_table()]
        for name, net in _LISTED.items()
    }
    return targets.FileCheck(
        {name: np.array(list(map(str, settings.listed_keys(path, name)))) for name in found},
        {name: np.array(rows) for name, rows in found.items()},
    )
