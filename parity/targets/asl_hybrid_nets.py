"""The net and the blocks of the ASL hybrid through their golden cases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets import asl_hybrid, state_dict
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import landmark_motion, lstm, temporal_attention, temporal_conv
from jaxsign.tasks.classes import loss as losses
from parity import cases, weights

Arrays = dict[str, np.ndarray]
SMOOTHING = 0.05
# The original's momentum in all its norms but the classifier's.
_NORM = {"momentum": 0.95}
# Where the original's submodules stand among ours, in the order of the forward pass.
_INTERMEDIATES = {
    "preprocessing": "preprocessing",
    "stem_bn": "stem_norm",
    **{f"tcn{i}": f"tcn_{i}" for i in (1, 2, 3)},
    "lstm": "lstm",
    "temporal_attention": "temporal_attention",
    **{f"conv{i}": f"conv_{i}" for i in (1, 2, 3)},
    "transformer1": "transformer",
    "top_bn": "top_norm",
}


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    layer = key.rpartition(".")[0]
    return layer == "classifier.1" or layer.endswith(("bn", "_norm"))


def original_net(args: Mapping[str, Any], **fields: Any) -> asl_hybrid.ASLHybrid:
    """jaxsign's net for the original's constructor arguments, with the original's behaviour."""
    return asl_hybrid.ASLHybrid(
        num_gloss=args["num_classes"],
        dim=args["dim"],
        max_len=args["max_len"],
        mask_padding=False,
        missing="zero",
        bn_momentum=_NORM["momentum"],
        **fields,
    )


def load(case: cases.Case, table: Sequence[state_dict.Entry]) -> tuple[dict[str, Any], Arrays]:
    """As `weights.load`, and the weights may be in a torch file beside the case."""
    kind, _, name = case.meta["weights"].partition(":")
    if kind != "checkpoint":
        return weights.load(case, table, is_norm)
    bare = state_dict.unwrap(state_dict.read_torch(case.path.parent / name), where=name)
    variables = state_dict.to_variables(table, bare, where=name)
    weights.check_round_trip(bare, state_dict.to_state_dict(table, variables), where=name)
    return variables, {}


def preprocessing(case: cases.Case) -> Arrays:
    """The motion features."""
    points = case.args["point_landmarks"]
    x = case.inputs["x"]
    features = jax.jit(landmark_motion.preprocess, static_argnames=("points", "max_len"))(
        x if x.ndim == 4 else x[None],
        points=landmark_motion.POINTS if points is None else tuple(points),
        max_len=case.args["max_len"],
    )
    expected = case.expected["output/features"]
    return {"output/features": same_turn(np.asarray(features), expected)}


def same_turn(features: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The features with their angles, the last twelfth, on the turn of the expected ones.

    Pi and -pi are one direction: which of them comes out is a matter of the last bit.
    """
    angles = slice(-(features.shape[-1] // landmark_motion.FEATURES_A_POINT), None)
    turns = np.round((expected[..., angles] - features[..., angles]) / (2 * np.pi))
    features = features.copy()
    features[..., angles] += turns * np.float32(2 * np.pi)
    return features


def model(case: cases.Case) -> Arrays:
    """The whole net in eval mode: logits, intermediates, and loss with gradients if recorded."""
    net = original_net(case.args)
    table = net.key_table()
    variables, produced = load(case, table)

    @jax.jit
    def run(variables, x):
        # Without the intermediates, because that is the path that training and serving take.
        result = net.apply(variables, x)
        outputs = {"logits": result["logits"]["gloss"], "inter/pooled": result["embedding"]}
        outputs["probabilities"] = jax.nn.softmax(outputs["logits"])
        _, state = net.apply(variables, x, mutable=["intermediates"])
        for theirs, ours in _INTERMEDIATES.items():
            outputs[f"inter/{theirs}"] = state["intermediates"][f"after_{ours}"][0]
        pooling = state["intermediates"]["attention_pool"]
        outputs["inter/attention_pool"] = pooling["frames"][0]
        return outputs

    outputs = run(variables, case.inputs["x"])
    produced |= {f"output/{name}": np.asarray(value) for name, value in outputs.items()}
    recorded = "output/inter/preprocessing"
    if case.wants(recorded):
        produced[recorded] = same_turn(produced[recorded], case.expected[recorded])
    if case.wants("output/loss"):
        produced |= _loss_and_gradients(case, net, table, variables)
    return produced


def _loss_and_gradients(
    case: cases.Case,
    net: asl_hybrid.ASLHybrid,
    table: Sequence[state_dict.Entry],
    variables: Mapping[str, Any],
) -> Arrays:
    labels = jnp.asarray(case.inputs["labels"], jnp.int32)

    @jax.jit
    @jax.value_and_grad
    def loss(params):
        logits: Any = net.apply({**variables, "params": params}, case.inputs["x"])
        return losses.per_example(
            "label_smoothing", logits["logits"]["gloss"], labels, label_smoothing=SMOOTHING
        ).mean()

    value, grads = loss(variables["params"])
    return {"output/loss": np.asarray(value)} | weights.gradients(table, variables, grads)


def block(
    make: Callable[[Mapping[str, Any]], tuple[nn.Module, Sequence[state_dict.Entry]]],
) -> Callable[[cases.Case], Arrays]:
    """A function that runs one block's cases: forward, and the gradients of sum(y * cotangent).

    `make`: constructor arguments of the original -> our module and its state_dict table.
    """

    def run(case: cases.Case) -> Arrays:
        module, table = make(case.args)
        variables, produced = load(case, table)
        apply = jax.jit(lambda v, x: module.apply(v, x))
        produced["output/y"] = np.asarray(apply(variables, case.inputs["x"]))
        if "cotangent" not in case.inputs:
            return produced

        def total(params, x):
            y: Any = apply({**variables, "params": params}, x)
            return (y * case.inputs["cotangent"]).sum()

        value, (grads, grad_x) = jax.value_and_grad(total, (0, 1))(
            variables["params"], case.inputs["x"]
        )
        produced |= {"output/loss": np.asarray(value), "output/input_grad/x": np.asarray(grad_x)}
        return produced | weights.gradients(table, variables, grads)

    return run


def temporal_conv_block(args: Mapping[str, Any]) -> tuple[nn.Module, Sequence[state_dict.Entry]]:
    """The gated block."""
    taps = args["kernel_size"]
    module = temporal_conv.TemporalConvBlock(
        taps, args["dilation"], dropout=args["drop_rate"], norm=_NORM
    )
    return module, torch_rows.temporal_conv("", (), args["dim"], taps)


def conv_block(args: Mapping[str, Any]) -> tuple[nn.Module, Sequence[state_dict.Entry]]:
    """The depthwise separable block."""
    taps = args["kernel_size"]
    module = temporal_conv.Conv1DBlock(taps, dropout=args["drop_rate"], norm=_NORM)
    return module, torch_rows.conv("", (), args["dim"], taps)


def attention_block(args: Mapping[str, Any]) -> tuple[nn.Module, Sequence[state_dict.Entry]]:
    """The attention with learned positions."""
    module = temporal_attention.TemporalAttention(args["num_heads"], args["drop_rate"])
    return module, torch_rows.temporal_attention("", (), args["dim"])


def transformer_block(args: Mapping[str, Any]) -> tuple[nn.Module, Sequence[state_dict.Entry]]:
    """The transformer block with BatchNorms."""
    module = temporal_attention.TransformerBlock(
        args["num_heads"], args["expand"], args["drop_rate"], _NORM
    )
    return module, torch_rows.transformer("", (), args["dim"], args["expand"])


class ProjectedLSTM(nn.Module):
    """The LSTM and the projection that the net puts behind it."""

    width: int
    hidden: int
    layers: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = lstm.BidirectionalLSTM(self.hidden, self.layers, name="lstm")(x)
        return temporal_attention.linear(self.width, "projection", {})(h)


def bidirectional_lstm(args: Mapping[str, Any]) -> tuple[nn.Module, Sequence[state_dict.Entry]]:
    """The recurrent block."""
    width, layers = args["dim"], args["num_layers"]
    hidden = width if args["hidden_dim"] is None else args["hidden_dim"]
    table = torch_rows.lstm("lstm.", ("lstm",), width, hidden, layers)
    table += torch_rows.linear("projection", ("projection",), width, 2 * hidden)
    return ProjectedLSTM(width, hidden, layers), table
