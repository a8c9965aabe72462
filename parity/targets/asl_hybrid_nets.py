"""The net and the blocks of the ASL hybrid through their golden cases."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.nets import asl_hybrid, state_dict, torch_files
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import landmark_motion, lstm, temporal_attention, temporal_conv
from jaxsign.tasks.classes import loss as losses
from parity import cases, entries, weights
from parity.settings import asl_hybrid as settings

Arrays = dict[str, np.ndarray]
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


def original_net(args: entries.Entries, **fields: Any) -> asl_hybrid.ASLHybrid:
    """jaxsign's net for the original's constructor arguments, with the original's behaviour."""
    sizes = settings.sizes(args)
    return asl_hybrid.ASLHybrid(
        num_gloss=sizes["num_classes"],
        dim=sizes["dim"],
        max_len=sizes["max_len"],
        mask_padding=False,
        missing="zero",
        bn_momentum=_NORM["momentum"],
        **fields,
    )


def load(
    case: cases.Case, table: Sequence[state_dict.KeyEntry]
) -> tuple[state_dict.Variables, Arrays]:
    """As `weights.load`, and the weights may be in a torch file beside the case."""
    kind, _, name = case.meta["weights"].partition(":")
    if kind != "checkpoint":
        return weights.load(case, table, is_norm)
    settings.loads(case.call)
    bare = state_dict.unwrap(torch_files.read(case.path.parent / name), where=name)
    variables = state_dict.to_variables(table, bare, where=name)
    weights.check_round_trip(bare, state_dict.to_state_dict(table, variables), where=name)
    return variables, {}


def preprocessing(case: cases.Case) -> Arrays:
    """The motion features."""
    points = case.args.get("point_landmarks")
    x = case.inputs["x"]
    features = _preprocess(
        x if x.ndim == 4 else x[None],
        points=landmark_motion.POINTS if points is None else tuple(points),
        max_len=case.args.get("max_len", 384),
    )
    expected = case.expected["output/features"]
    return {"output/features": same_turn(np.asarray(features), expected)}


_preprocess = jax.jit(landmark_motion.preprocess, static_argnames=("points", "max_len"))


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
    smoothing = settings.smoothing(case.call)

    def loss(params, variables, x):
        # Without the intermediates, because that is the path that training and serving take.
        result: Any = net.apply({**variables, "params": params}, x)
        logits = result["logits"]["gloss"]
        if smoothing is None:
            return jnp.zeros(()), (logits, result["embedding"])
        labels = jnp.asarray(case.inputs["labels"], jnp.int32)
        rows = losses.per_example("label_smoothing", logits, labels, label_smoothing=smoothing)
        return rows.mean(), (logits, result["embedding"])

    @jax.jit
    def run(variables, x):
        given, grads = (variables["params"], variables, x), {}
        if smoothing is None:
            value, outputs = loss(*given)
        else:
            (value, outputs), grads = jax.value_and_grad(loss, has_aux=True)(*given)
        _, state = net.apply(variables, x, mutable=["intermediates"])
        return value, outputs, grads, state["intermediates"]

    value, (logits, embedding), grads, sown = run(variables, case.inputs["x"])
    outputs = {"logits": logits, "probabilities": jax.nn.softmax(logits), "inter/pooled": embedding}
    outputs |= {
        f"inter/{theirs}": sown[f"after_{ours}"][0] for theirs, ours in _INTERMEDIATES.items()
    }
    outputs["inter/attention_pool"] = sown["attention_pool"]["frames"][0]
    if smoothing is not None:
        outputs["loss"] = value
        produced |= weights.gradients(table, variables, grads)
    produced |= {f"output/{name}": np.asarray(array) for name, array in outputs.items()}
    recorded = "output/inter/preprocessing"
    if case.wants(recorded):
        produced[recorded] = same_turn(produced[recorded], case.expected[recorded])
    return produced


def block(
    make: Callable[[entries.Entries], tuple[nn.Module, Sequence[state_dict.KeyEntry]]],
) -> Callable[[cases.Case], Arrays]:
    """A function that runs one block's cases: forward, and the gradients of sum(y * cotangent).

    `make`: constructor arguments of the original -> our module and its state_dict table.
    """

    def run(case: cases.Case) -> Arrays:
        module, table = make(case.args)
        variables, produced = load(case, table)
        params, x = variables["params"], case.inputs["x"]

        def apply(params, x) -> Any:
            return module.apply({**variables, "params": params}, x)

        if not settings.has_block_loss(case.call):
            return produced | {"output/y": np.asarray(jax.jit(apply)(params, x))}

        def total(params, x):
            y = apply(params, x)
            return (y * case.inputs["cotangent"]).sum(), y

        both = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
        (value, y), (grads, grad_x) = both(params, x)
        found = {"y": y, "loss": value, "input_grad/x": grad_x}
        produced |= {f"output/{name}": np.asarray(array) for name, array in found.items()}
        return produced | weights.gradients(table, variables, grads)

    return run


def temporal_conv_block(args: entries.Entries) -> tuple[nn.Module, Sequence[state_dict.KeyEntry]]:
    """The gated block."""
    taps = args.get("kernel_size", 17)
    dilation, rate = args.get("dilation", 1), args.get("drop_rate", 0.2)
    module = temporal_conv.TemporalConvBlock(taps, dilation, dropout=rate, norm=_NORM)
    return module, torch_rows.temporal_conv("", (), args["dim"], taps)


def conv_block(args: entries.Entries) -> tuple[nn.Module, Sequence[state_dict.KeyEntry]]:
    """The depthwise separable block."""
    taps = args.get("kernel_size", 17)
    module = temporal_conv.Conv1DBlock(taps, dropout=args.get("drop_rate", 0.2), norm=_NORM)
    return module, torch_rows.conv("", (), args["dim"], taps)


def attention_block(args: entries.Entries) -> tuple[nn.Module, Sequence[state_dict.KeyEntry]]:
    """The attention with learned positions."""
    heads, rate = args.get("num_heads", 8), args.get("drop_rate", 0.2)
    module = temporal_attention.TemporalAttention(heads, rate)
    return module, torch_rows.temporal_attention("", (), args["dim"])


def transformer_block(args: entries.Entries) -> tuple[nn.Module, Sequence[state_dict.KeyEntry]]:
    """The transformer block with BatchNorms."""
    heads, expand = args.get("num_heads", 8), args.get("expand", 2)
    rate = args.get("drop_rate", 0.2)
    module = temporal_attention.TransformerBlock(heads, expand, rate, _NORM)
    return module, torch_rows.transformer("", (), args["dim"], expand)


class ProjectedLSTM(nn.Module):
    """The LSTM and the projection that the net puts behind it."""

    width: int
    hidden: int
    layers: int
    rate: float

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = lstm.BidirectionalLSTM(self.hidden, self.layers, self.rate, name="lstm")(x)
        return temporal_attention.linear(self.width, "projection", {})(h)


def bidirectional_lstm(args: entries.Entries) -> tuple[nn.Module, Sequence[state_dict.KeyEntry]]:
    """The recurrent block."""
    width, layers = args["dim"], args.get("num_layers", 2)
    hidden = args.get("hidden_dim")
    hidden = width if hidden is None else hidden
    table = torch_rows.lstm("lstm.", ("lstm",), width, hidden, layers)
    table += torch_rows.linear("projection", ("projection",), width, 2 * hidden)
    return ProjectedLSTM(width, hidden, layers, args.get("drop_rate", 0.2)), table
