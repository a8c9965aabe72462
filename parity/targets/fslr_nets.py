"""The nets of FSLR through their golden cases: forward passes, losses, gradients, activations."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets import inception, iv3_gru, sign_transformer, state_dict
from jaxsign.nets.layers import inception_blocks
from jaxsign.tasks.classes import loss as losses
from parity import cases, weights

Arrays = dict[str, np.ndarray]
_REDUCTIONS = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    return key.endswith((".gamma", ".beta")) or ".bn." in f".{key}"


def transformer_net(args: Mapping[str, Any]) -> sign_transformer.SignTransformer:
    """jaxsign's net for the original's constructor arguments."""
    names = {"pooling_method": "pooling"}
    return sign_transformer.SignTransformer(**{names.get(k, k): v for k, v in args.items()})


def _weighted(logits: Mapping[str, Any], labels: Mapping[str, Any], alpha: float) -> jax.Array:
    """alpha * CE(gloss) + (1 - alpha) * CE(cat)."""
    gloss, cat = (
        losses.per_example("ce", logits[head], labels[head]).mean() for head in ("gloss", "cat")
    )
    return alpha * gloss + (1 - alpha) * cat


def _loss_and_gradients(
    case: cases.Case, net: nn.Module, variables: Mapping[str, Any], x: Any, valid: Any, alpha: float
) -> tuple[jax.Array, Any]:
    """The recorded loss and its gradients to `variables['params']`, in Flax's layout."""
    labels = {head: jnp.asarray(case.inputs[head], jnp.int32) for head in ("gloss", "cat")}

    def loss(params):
        output: Any = net.apply({**variables, "params": params}, x, valid)
        return _weighted(output["logits"], labels, alpha)

    return jax.value_and_grad(loss)(variables["params"])


def _export(
    outputs: Mapping[str, Any], table: list[state_dict.Entry], variables: Mapping[str, Any]
) -> Arrays:
    """What a compiled case gave, under the golden names; `loss` holds a value and gradients."""
    produced = {f"output/{k}": np.asarray(v) for k, v in outputs.items() if k != "loss"}
    if "loss" in outputs:
        value, grads = outputs["loss"]
        produced |= {"output/loss": np.asarray(value)}
        produced |= weights.gradients(table, variables, grads)
    return produced


def transformer_forward(case: cases.Case) -> Arrays:
    """SignTransformer in eval mode: logits, attention, and loss with gradients where recorded."""
    net = transformer_net(case.args)
    table = net.key_table()
    variables, produced = weights.load(case, table, is_norm)

    @jax.jit
    def run(variables, x, valid):
        # Without the attention weights, because that is the path that training and serving take.
        outputs = dict(net.apply(variables, x, valid)["logits"])
        if case.wants("output/attn_"):
            layers = net.attention_weights(variables, x, valid)
            outputs |= {f"attn_{i}": weights for i, weights in enumerate(layers)}
        if case.wants("output/loss"):
            outputs["loss"] = _loss_and_gradients(case, net, variables, x, valid, 0.5)
        return outputs

    outputs = run(variables, case.inputs["x"], case.inputs.get("mask"))
    return produced | _export(outputs, table, variables)


def gru_net(case: cases.Case) -> iv3_gru.InceptionV3GRU:
    """jaxsign's net for the original's constructor arguments."""
    args = {k: v for k, v in case.args.items() if k != "pretrained_backbone"}
    return iv3_gru.InceptionV3GRU(**args, transform_input=case.call.get("transform_input", False))


def channels_last(frames: np.ndarray) -> np.ndarray:
    """[..., 3, H, W] -> [..., H, W, 3]."""
    return np.moveaxis(frames, -3, -1)


def gru_forward(case: cases.Case) -> Arrays:
    """InceptionV3GRU: the backbone alone, raw frames, or features."""
    net = gru_net(case)
    table = weights.present(case, net.key_table())
    variables, produced = weights.load(case, table, is_norm)
    if "backbone only" in case.call.get("method", ""):
        return produced | _backbone(case, variables)
    inputs = case.inputs
    x = inputs["feats"] if "feats" in inputs else channels_last(inputs["frames"])
    valid = np.arange(x.shape[1]) < inputs["lengths"][:, None] if "lengths" in inputs else None

    @jax.jit
    def run(variables, x, valid):
        result = net.apply(variables, x, valid)
        outputs = dict(result["logits"])
        outputs |= {f"{k}_prob": jax.nn.softmax(v) for k, v in result["logits"].items()}
        outputs |= {f"inter/{name}_seq": result[name] for name in ("gru1", "gru2")}
        if "features" in result:
            outputs["inter/features"] = result["features"]
        if case.wants("output/loss"):
            outputs["loss"] = _loss_and_gradients(case, net, variables, x, valid, 0.8)
        return outputs

    return produced | _export(run(variables, x, valid), table, variables)


def _backbone(case: cases.Case, variables: Mapping[str, Any]) -> Arrays:
    """Pooled features, and of every stage: mean, std and max, a corner and the centre."""
    net = inception.InceptionV3(transform_input=case.call["transform_input"])
    inner = {name: tree["backbone"] for name, tree in variables.items() if "backbone" in tree}

    @jax.jit
    def run(variables, frames):
        result, state = net.apply(variables, frames, mutable=["intermediates"])
        maps = {
            k.removeprefix("act_"): v[0]
            for k, v in state["intermediates"].items()
            if k.startswith("act_")
        }
        return result["features"], {stage: _samples(x) for stage, x in maps.items()}

    features, stages = run(inner, channels_last(case.inputs["frames"]))
    samples = {
        f"output/inter/act_{kind}/{stage}": np.asarray(value)
        for stage, values in stages.items()
        for kind, value in values.items()
    }
    return {"output/features": np.asarray(features)} | samples


def _samples(x: jax.Array) -> dict[str, jax.Array]:
    """x: float [N, H, W, C] -> what the original recorded of one stage."""
    return {
        "stats": jnp.stack([x.mean(), x.std(ddof=1), x.max()]),
        "corner": x[0, 0, 0, :8],
        "centre": x[-1, x.shape[1] // 2, x.shape[2] // 2, :8],
    }


def conv_unit(case: cases.Case) -> Arrays:
    """One convolution unit in train mode and its running statistics afterwards."""
    args, size = case.args, (case.args["kernel_size"],) * 2
    shape = (args["out_channels"], args["in_channels"], *size)
    table = [
        state_dict.Entry("conv.weight", ("params", "conv", "kernel"), "conv2d", shape),
        state_dict.Entry("bn.weight", ("params", "bn", "scale"), shape=shape[:1]),
        state_dict.Entry("bn.bias", ("params", "bn", "bias"), shape=shape[:1]),
        state_dict.Entry("bn.running_mean", ("batch_stats", "bn", "mean"), shape=shape[:1]),
        state_dict.Entry("bn.running_var", ("batch_stats", "bn", "var"), shape=shape[:1]),
        state_dict.Entry("bn.num_batches_tracked", ("batch_stats", "bn", "count"), "count", ()),
    ]
    variables, _ = weights.load(case, table)
    unit = inception_blocks.Unit("unit", shape[0], size, args["stride"], same=False)
    net = inception_blocks.ConvUnit(unit)
    y, updated = net.apply(
        variables, channels_last(case.inputs["x"]), train=True, mutable=["batch_stats"]
    )
    after = state_dict.to_state_dict(table, {**variables, **updated})
    return {"output/y": np.moveaxis(np.asarray(y), -1, -3)} | {
        f"after/{key}": value for key, value in after.items()
    }


_LOSSES = {
    "CrossEntropyLoss": ("ce", {}),
    "FocalLoss": ("focal", {"alpha": "focal_alpha", "gamma": "focal_gamma"}),
    "LabelSmoothingCrossEntropy": ("label_smoothing", {"smoothing": "label_smoothing"}),
}


def loss_functions(case: cases.Case) -> Arrays:
    """Every loss of `call.losses`, reduced as recorded, and its gradient to the logits."""
    logits, labels = case.inputs["logits"], jnp.asarray(case.inputs["target"], jnp.int32)
    produced = {}
    for name, (original, options) in case.call["losses"].items():
        kind, names = _LOSSES[original]
        reduce = _REDUCTIONS[options.get("reduction", "mean")]
        ours = {names[k]: v for k, v in options.items() if k != "reduction"}

        def value(x, kind=kind, reduce=reduce, ours=ours):
            return reduce(losses.per_example(kind, x, labels, **ours))

        produced[f"output/{name}"] = np.asarray(value(logits))
        gradient = jax.grad(lambda x, value=value: value(x).sum())(logits)
        produced[f"output/input_grad/{name}"] = np.asarray(gradient)
    return produced
