"""The nets of FSLR through their golden cases: forward passes, losses, gradients, activations."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets import inception, iv3_gru, sign_transformer, state_dict
from jaxsign.nets.layers import inception_blocks
from jaxsign.tasks.classes import loss as losses
from parity import cases, entries, weights
from parity.settings import fslr as settings

Arrays = dict[str, np.ndarray]
_REDUCTIONS = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    return key.endswith((".gamma", ".beta")) or ".bn." in f".{key}"


def transformer_net(args: entries.Entries) -> sign_transformer.SignTransformer:
    """jaxsign's net for the original's constructor arguments."""
    names = ("input_dim", "emb_dim", "n_heads", "n_layers", "num_gloss", "num_cat")
    rest = ("dropout", "max_len", "ff_dim")
    return sign_transformer.SignTransformer(**args.given(*names, *rest, pooling="pooling_method"))


def _weighted(
    logits: Mapping[str, Any], labels: Mapping[str, Any], shares: tuple[float, float]
) -> jax.Array:
    """Cross entropies of gloss and category, by their shares."""
    gloss, cat = (
        losses.per_example("ce", logits[head], labels[head]).mean() for head in ("gloss", "cat")
    )
    return shares[0] * gloss + shares[1] * cat


def _loss_and_gradients(
    case: cases.Case,
    net: nn.Module,
    variables: Mapping[str, Any],
    x: Any,
    valid: Any,
    shares: tuple[float, float],
) -> tuple[jax.Array, Any]:
    """The recorded loss and its gradients to `variables['params']`, in Flax's layout."""
    labels = {head: jnp.asarray(case.inputs[head], jnp.int32) for head in ("gloss", "cat")}

    def loss(params):
        output: Any = net.apply({**variables, "params": params}, x, valid)
        return _weighted(output["logits"], labels, shares)

    return jax.value_and_grad(loss)(variables["params"])


def _export(
    outputs: Mapping[str, Any], table: list[state_dict.KeyEntry], variables: Mapping[str, Any]
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
    shares, mask = settings.loss_weights(case.call), settings.mask(case)

    @jax.jit
    def run(variables, x, valid):
        # Without the attention weights, because that is the path that training and serving take.
        outputs = dict(net.apply(variables, x, valid)["logits"])
        if case.wants("output/attn_"):
            layers = net.attention_weights(variables, x, valid)
            outputs |= {f"attn_{i}": weights for i, weights in enumerate(layers)}
        if shares is not None:
            outputs["loss"] = _loss_and_gradients(case, net, variables, x, valid, shares)
        return outputs

    outputs = run(variables, case.inputs["x"], mask)
    return produced | _export(outputs, table, variables)


def gru_net(args: entries.Entries, transform_input: bool) -> iv3_gru.InceptionV3GRU:
    """jaxsign's net for the original's constructor arguments."""
    return iv3_gru.InceptionV3GRU(
        num_gloss=args["num_gloss"],
        num_cat=args["num_cat"],
        transform_input=transform_input,
        **args.given("hidden1", "hidden2", "dropout", "freeze_backbone"),
    )


def channels_last(frames: np.ndarray) -> np.ndarray:
    """[..., 3, H, W] -> [..., H, W, 3]."""
    return np.moveaxis(frames, -3, -1)


def gru_forward(case: cases.Case) -> Arrays:
    """InceptionV3GRU: the backbone alone, raw frames, or features."""
    given = settings.frames(case)
    net = gru_net(case.args, given.transform_input)
    table = weights.present(case, net.key_table())
    variables, produced = weights.load(case, table, is_norm)
    if given.backbone_only:
        return produced | _backbone(case, variables, given)
    x = given.x if given.features_already else channels_last(given.x)
    valid = None if given.lengths is None else np.arange(x.shape[1]) < given.lengths[:, None]
    shares = settings.loss_weights(case.call)
    settings.check_heads(case, lambda: state_dict.to_state_dict(table, variables))

    @jax.jit
    def run(variables, x, valid):
        result = net.apply(variables, x, valid)
        outputs = dict(result["logits"])
        outputs |= {f"{k}_prob": jax.nn.softmax(v) for k, v in result["logits"].items()}
        outputs |= {f"inter/{name}_seq": result[name] for name in ("gru1", "gru2")}
        if "features" in result:
            outputs["inter/features"] = result["features"]
        if shares is not None:
            outputs["loss"] = _loss_and_gradients(case, net, variables, x, valid, shares)
        return outputs

    return produced | _export(run(variables, x, valid), table, variables)


def _backbone(case: cases.Case, variables: Mapping[str, Any], given: settings.Frames) -> Arrays:
    """Pooled features, and of every stage: mean, std and max, a corner and the centre."""
    net = inception.InceptionV3(transform_input=given.transform_input)
    inner = {name: tree["backbone"] for name, tree in variables.items() if "backbone" in tree}

    @jax.jit
    def run(variables, frames):
        result, state = net.apply(variables, frames, mutable=["intermediates"])
        return result["features"], state["intermediates"]

    features, sown = run(inner, channels_last(given.x))
    maps = {k.removeprefix("act_"): np.asarray(v[0]) for k, v in sown.items() if "act_" in k}
    shapes = {stage: [len(x), x.shape[3], *x.shape[1:3]] for stage, x in maps.items()}
    settings.check_shapes(case.call, shapes)
    samples = {
        f"output/inter/act_{kind}/{stage}": value
        for stage, x in maps.items()
        for kind, value in _samples(x).items()
    }
    return {"output/features": np.asarray(features)} | samples


def _samples(x: np.ndarray) -> Arrays:
    """x: float [N, H, W, C] -> what the original recorded of one stage."""
    return {
        "stats": np.stack([x.mean(), x.std(ddof=1), x.max()]),
        "corner": x[0, 0, 0, :8],
        "centre": x[-1, x.shape[1] // 2, x.shape[2] // 2, :8],
    }


def conv_unit(case: cases.Case) -> Arrays:
    """One convolution unit in train mode and its running statistics afterwards."""
    settings.conv_unit(case.call)
    args, size = case.args, (case.args["kernel_size"],) * 2
    args.one_of("padding", 0)
    shape = (args["out_channels"], args["in_channels"], *size)
    table = [
        state_dict.KeyEntry("conv.weight", ("params", "conv", "kernel"), "conv2d", shape),
        state_dict.KeyEntry("bn.weight", ("params", "bn", "scale"), shape=shape[:1]),
        state_dict.KeyEntry("bn.bias", ("params", "bn", "bias"), shape=shape[:1]),
        state_dict.KeyEntry("bn.running_mean", ("batch_stats", "bn", "mean"), shape=shape[:1]),
        state_dict.KeyEntry("bn.running_var", ("batch_stats", "bn", "var"), shape=shape[:1]),
        state_dict.KeyEntry("bn.num_batches_tracked", ("batch_stats", "bn", "count"), "count", ()),
    ]
    variables, _ = weights.load(case, table)
    unit = inception_blocks.Unit("unit", shape[0], size, args.get("stride", 1), same=False)
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
    "FocalLoss": ("focal", {"focal_alpha": "alpha", "focal_gamma": "gamma"}),
    "LabelSmoothingCrossEntropy": ("label_smoothing", {"label_smoothing": "smoothing"}),
}


def loss_functions(case: cases.Case) -> Arrays:
    """Every loss of `call.losses`, reduced as recorded, and its gradient to the logits."""
    labels = jnp.asarray(case.inputs["target"], jnp.int32)

    made = {name: _reduced(row[0], row[1], labels) for name, row in case.call["losses"].items()}
    logits = jnp.asarray(case.inputs["logits"])

    @jax.jit
    def gradients(logits):
        return {name: jax.grad(lambda x, f=f: f(x).sum())(logits) for name, f in made.items()}

    # Not in one program: the tolerance of sums is less than a float32's last bit.
    found = {name: loss(logits) for name, loss in made.items()}
    found |= {f"input_grad/{name}": value for name, value in gradients(logits).items()}
    return {f"output/{name}": np.asarray(value) for name, value in found.items()}


def _reduced(
    original: str, options: entries.Entries, labels: jax.Array
) -> Callable[[jax.Array], jax.Array]:
    """A loss of logits, by the original's name and arguments."""
    kind, names = _LOSSES[original]
    reduce, given = _REDUCTIONS[options.get("reduction", "mean")], options.given(**names)
    return lambda logits: reduce(losses.per_example(kind, logits, labels, **given))
