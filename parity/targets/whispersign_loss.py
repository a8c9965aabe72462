"""WhisperSign's loss, alone and behind the net, through jaxsign's own task."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.nets import state_dict, whisper_sign
from jaxsign.tasks.sequences import ctc
from parity import cases, weights
from parity.settings import whispersign as settings
from parity.settings import whispersign_runs as runs
from parity.targets import whispersign_nets

Arrays = dict[str, np.ndarray]
DECODER = "^attention_decoder/"
# Our names of the parts that a stage freezes.
_FROZEN = {runs.ENCODER: "^encoder/", runs.DECODER: DECODER}


def as_batch(inputs: Mapping[str, np.ndarray]) -> Arrays:
    """The original's batch, its labels one after the other, as one of jaxsign's."""
    x = inputs["features"]
    lengths = inputs["feature_lengths" if "feature_lengths" in inputs else "lengths"]
    labels, valid = as_rows(inputs["labels"], inputs["label_lengths"])
    return {
        "x": x,
        "valid": np.arange(x.shape[1]) < lengths[:, None],
        "sequence": labels,
        "sequence_valid": valid,
        "weight": np.ones(len(x), np.float32),
    }


def as_rows(labels: np.ndarray, lengths: np.ndarray, width: int = 0) -> tuple[Any, Any]:
    """Labels one after the other -> int32 [B, L] and bool [B, L]; L is `width` at least."""
    valid = np.arange(max(width, int(lengths.max()))) < lengths[:, None]
    rows = np.zeros(valid.shape, np.int32)
    rows[valid] = labels
    return rows, valid


def run_config(stage: runs.Stage) -> ConfigDict:
    """jaxsign's config for the original's settings of a stage."""
    config = configs.base()
    config.net.name = "whisper_sign"
    config.task.update(name="ctc_attention", heads=("gloss",), monitor="loss")
    config.loss.alpha = stage.ctc_share
    config.optim.update(
        name="adamw",
        lr=stage.lr,
        b1=stage.betas[0],
        b2=stage.betas[1],
        eps=stage.eps,
        weight_decay=stage.weight_decay,
        grad_clip=stage.grad_clip,
    )
    config.schedule.update(
        name="warmup_cosine_updates",
        unit="step",
        warmup_updates=stage.warmup,
        min_lr=stage.min_lr,
    )
    config.train.epochs = stage.epochs
    config.train.frozen = tuple(_FROZEN[name] for name in stage.frozen)
    return config


def _task(alpha: float, net: Any) -> Any:
    """The task of which only the loss is wanted, CTC's share `alpha` of it."""
    return tasks.build(run_config(runs.loss_alone(alpha)), net)


def load(
    case: cases.Case,
) -> tuple[whisper_sign.WhisperSign, list[Any], state_dict.Variables, Arrays]:
    """The net with the original's behaviour, its key table, its variables, and their checksum."""
    net = whispersign_nets.original_net(settings.sizes(case.args))
    table = net.key_table()
    variables, produced = whispersign_nets.load(case, table)
    return net, table, variables, produced


def hybrid_loss(case: cases.Case) -> Arrays:
    """The loss alone, with gradients with respect to the logits of both decoders."""
    produced: Arrays = {}
    for name, alpha in settings.losses(case.call).items():
        found = _loss_of_logits(case.under(f"input/{name}/"), alpha)
        gradients = found.pop("gradients")
        produced |= {f"output/{name}/{key}": np.asarray(v) for key, v in found.items()}
        produced |= {
            f"output/input_grad/{name}/{key}": np.asarray(v) for key, v in gradients.items()
        }
    return produced


def _loss_of_logits(inputs: Mapping[str, np.ndarray], alpha: float) -> dict[str, Any]:
    """The task around a net that answers with the given logits."""
    logits = {key: value for key, value in inputs.items() if key.endswith("_logits")}
    fed = "att_logits" in logits
    width = logits["att_logits"].shape[1] - 1 if fed else 0
    labels, label_valid = as_rows(inputs["labels"], inputs["label_lengths"], width)
    valid = np.arange(logits["ctc_logits"].shape[1]) < inputs["output_lengths"][:, None]
    batch = {
        "x": np.zeros(valid.shape, np.float32),
        "valid": valid,
        "sequence": labels,
        "sequence_valid": label_valid,
        "weight": np.ones(len(valid), np.float32),
    }
    net: Any = _Given()
    # Without the decoder's logits the total is CTC alone.
    step = _value_and_gradients(_task(alpha if fed else 1.0, net), {}, batch)

    @jax.jit
    def run(logits):
        (total, (_, sums)), gradients = step(logits)
        log_probs = jax.nn.log_softmax(logits["ctc_logits"])
        nll = ctc.nll(log_probs, jnp.asarray(valid), jnp.asarray(labels), jnp.asarray(label_valid))
        feasible = jnp.isfinite(nll)
        found = {"nll_per_sample": jnp.where(feasible, nll, -1.0), "feasible": feasible}
        return {"total": total, **_parts(sums), **found, "gradients": gradients}

    return run(logits)


def _parts(sums: Mapping[str, Any]) -> dict[str, Any]:
    """The means of both losses, also of one that has no part in the total."""
    over = {"ctc": "examples", "attention": "tokens"}
    return {name: sums[f"loss/{name}"] / sums[count] for name, count in over.items()}


class _Given:
    """A net whose parameters are what its heads answer, before the softmax."""

    inputs, outputs = whisper_sign.WhisperSign.inputs, whisper_sign.WhisperSign.outputs
    uses_progress = False
    frames_per_output = 1
    still: tuple[str, ...] = ()

    def apply(self, variables, x, valid, tokens, **options):
        """As a net's; `x` only tells the shape."""
        del x, tokens, options
        logits = variables["params"]
        output = {
            "ctc_log_probs": jax.nn.log_softmax(logits["ctc_logits"]),
            "output_valid": valid,
        }
        if "att_logits" in logits:
            output["att_logits"] = logits["att_logits"]
        return output, {}


def _value_and_gradients(
    task: Any, collections: Any, batch: Mapping[str, np.ndarray]
) -> Callable[[Any], Any]:
    """Parameters -> ((loss, (new collections, sums)), gradients) of one batch, as in the step."""
    amounts = {"share": batch["weight"], **task.shares(batch)}
    parts = {name: np.full(len(n), 1 / n.sum(), np.float32) for name, n in amounts.items()}
    now = {"epoch": jnp.float32(0), "step": jnp.int32(0)}

    def loss(params):
        variables = {**collections, "params": params}
        found = task.loss(variables, {**batch, **parts}, jax.random.key(0), now)
        return found.loss, ({**collections, **found.changed}, found.sums)

    return jax.value_and_grad(loss, has_aux=True)


@dataclasses.dataclass(frozen=True)
class _InMode:
    """A net whose mode is fixed: the recorded loss in eval mode has gradients too."""

    net: whisper_sign.WhisperSign
    train: bool
    inputs, outputs = whisper_sign.WhisperSign.inputs, whisper_sign.WhisperSign.outputs
    uses_progress = False
    frames_per_output = 1
    still: ClassVar[tuple[str, ...]] = ()

    def apply(self, variables, x, valid, tokens, *, rngs, mutable, **options):
        """As the net's; in eval mode nothing changes."""
        del options
        if self.train:
            return self.net.apply(
                variables, x, valid, tokens, train=True, rngs=rngs, mutable=mutable
            )
        return self.net.apply(variables, x, valid, tokens, train=False), {}


def model_loss(case: cases.Case) -> Arrays:
    """The whole net with its loss: outputs, loss, gradients, and BatchNorm after train mode."""
    net, table, variables, produced = load(case)
    batch, train, alpha = as_batch(case.inputs), case.meta["kind"] == "train", settings.alpha(case)
    assert alpha is not None
    params = variables["params"]
    collections = {name: value for name, value in variables.items() if name != "params"}
    in_mode: Any = _InMode(net, train)
    task = _task(alpha, in_mode)
    step = jax.jit(_value_and_gradients(task, collections, batch))
    (total, (new, sums)), gradients = step(params)
    parts = _parts(sums)
    losses = {
        "loss": total,
        "loss_ctc": parts["ctc"],
        "loss_attention": parts["attention"],
        "loss_total_without_attention": _task(1.0, net).summarise(jax.device_get(sums))["loss"],
        "grad_norm": optax.tree.norm(gradients),
    }
    produced |= {f"output/{name}": np.asarray(value) for name, value in losses.items()}
    produced |= _in_train_mode(case, net, variables) if train else whispersign_nets.model(case)
    produced |= weights.gradients(table, variables, gradients)
    after = state_dict.to_state_dict(table, jax.device_get({"params": params, **new}))
    return produced | {f"after/{key}": value for key, value in after.items()}


def _in_train_mode(
    case: cases.Case, net: whisper_sign.WhisperSign, variables: state_dict.Variables
) -> Arrays:
    """The net's outputs with the batch's own statistics."""
    batch, tokens = as_batch(case.inputs), case.inputs["tokens"].astype(np.int32)
    apply = jax.jit(lambda *args: net.apply(*args, train=True, mutable=["batch_stats"])[0])
    found = apply(variables, batch["x"], batch["valid"], tokens)
    found["output_lengths"] = found.pop("output_valid").sum(-1)
    return {f"output/{name}": np.asarray(value) for name, value in found.items()}
