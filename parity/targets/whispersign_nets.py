"""WhisperSign's net, its parts, and Whisper's weights in it, through their golden cases."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign.nets import rows as torch_rows
from jaxsign.nets import state_dict, torch_files, whisper_sign
from jaxsign.nets.layers import (
    attention_decoder,
    dense,
    patch_frontend,
    relative_attention,
    two_attention_encoder,
    whisper_rows,
)
from jaxsign.nets.pretrained import whisper
from jaxsign.tasks.sequences.decoding import greedy
from parity import cases, weights
from parity.settings import whispersign as settings

Arrays = dict[str, np.ndarray]
Tables = Sequence[state_dict.KeyEntry]
IGNORED = -1
REACH = 2000
_PRODUCT = "sum(output/{} * input/cotangent)"


def is_norm(key: str) -> bool:
    """Whether a state_dict key of this system belongs to a normalisation."""
    layer = key.rpartition(".")[0].rpartition(".")[2]
    return layer.startswith("norm") or layer.endswith("_norm")


def original_net(sizes: Mapping[str, Mapping[str, Any]], **fields: Any) -> whisper_sign.WhisperSign:
    """jaxsign's net for the original's `model` section, with the original's behaviour.

    Args:
      sizes: of `settings.sizes`.
      fields: others of the net's own.
    """
    frontend, encoder = sizes["frontend"], sizes["encoder"]
    return whisper_sign.WhisperSign(
        num_gloss=sizes["decoder"]["vocab_size"] - 1,
        num_joints=frontend["num_joints"],
        num_features=frontend["num_features"],
        patch_size=frontend["patch_size"],
        dim=frontend["d_model"],
        num_heads=encoder["num_heads"],
        num_layers=encoder["num_layers"],
        ff_dim=encoder["d_ff"],
        dropout=encoder["dropout"],
        frontend_dropout=frontend["dropout"],
        spatial_dropout=frontend["spatial_dropout"],
        padding="upstream",
        **fields,
    )


def load(case: cases.Case, table: Tables) -> tuple[state_dict.Variables, Arrays]:
    """As `weights.load`, and the weights may be in a torch file beside the case."""
    kind, _, name = case.meta["weights"].partition(":")
    if kind != "checkpoint":
        return weights.load(case, table, is_norm)
    stored = torch_files.read(case.path.parent / name)
    settings.checkpoint(case.call, stored)
    bare = state_dict.unwrap(stored, where=name)
    variables = state_dict.to_variables(table, bare, where=name)
    weights.check_round_trip(bare, state_dict.to_state_dict(table, variables), where=name)
    return variables, {}


def _valid(lengths: np.ndarray | None, frames: int) -> np.ndarray | None:
    return None if lengths is None else np.arange(frames) < lengths[:, None]


def _output(named: Mapping[str, Any]) -> Arrays:
    return {f"output/{name}": np.asarray(value) for name, value in named.items()}


def relative_positions(case: cases.Case) -> Arrays:
    """The spread of a table by distance, its numbers one after the other."""
    table = jnp.asarray(case.under("param/")["rel_pos_bias.weight"])
    case.args.one_of("d_model", table.shape[1])
    case.args.one_of("max_len", (len(table) + 1) // 2)
    spread = jax.jit(jax.vmap(relative_attention.by_distance, (1, None), 2), static_argnums=1)
    return {f"output/L{n}": np.asarray(spread(table, n)) for n in case.call["lengths"]}


def frontend(case: cases.Case) -> Arrays:
    """Embeddings, the steps before them, gradients, and BatchNorm's buffers after train mode."""
    args, inputs = settings.part(case.args, settings.FRONTEND), case.inputs
    settings.described(case, _PRODUCT.format("embeddings"))
    case.call.one_of("steps", 0)
    width = args["patch_size"] * args["num_joints"] * args["num_features"]
    module = patch_frontend.PatchFrontend(
        args["d_model"],
        args["patch_size"],
        args["dropout"],
        args["spatial_dropout"],
        mask_padding=False,
    )
    table = whisper_rows.frontend("", (), args["d_model"], width)
    variables, produced = load(case, table)
    x, train = inputs["features"], case.meta["kind"] == "train"
    valid = _valid(inputs.get("lengths"), x.shape[1])

    def total(params, x):
        given, mutable = {**variables, "params": params}, ["batch_stats", "intermediates"]
        y, state = module.apply(given, x, valid, train=train, mutable=mutable)
        return (y * inputs["cotangent"]).sum(), (y, state)

    both = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    (loss, (y, state)), (grads, grad_x) = both(variables["params"], x)
    sown = state.pop("intermediates")
    found = {"embeddings": y, "loss": loss, "input_grad/features": grad_x}
    found |= {"inter/patch_embedding": sown["patch_embedding"][0]}
    found |= {"inter/conv_spe": sown["convolved"][0]}
    if valid is not None:
        found["lengths"] = (
            patch_frontend.patches(jnp.asarray(valid), args["patch_size"]).any(-1).sum(1)
        )
    produced |= _output(found) | weights.gradients(table, variables, grads)
    after = state_dict.to_state_dict(table, {**variables, **state})
    return produced | {f"after/{key}": value for key, value in after.items()}


def encoder_layer(case: cases.Case) -> Arrays:
    """One layer: each of its parts, the result and gradients."""
    settings.described(case, _PRODUCT.format("y"))
    one = {name: value for name, value in settings.ENCODER.items() if name != "num_layers"}
    args, inputs = settings.part(case.args, one), case.inputs
    heads, d = args["num_heads"], args["d_model"]
    module = two_attention_encoder.TwoAttentionLayer(
        heads, args["d_ff"], args["dropout"], REACH, mask_padding=False
    )
    table = whisper_rows.encoder_layer("", (), d, args["d_ff"], head=d // heads, reach=REACH)
    variables, produced = load(case, table)
    mask = inputs.get("mask")

    def total(params, x):
        y, state = module.apply({"params": params}, x, mask, mutable=["intermediates"])
        return (y * inputs["cotangent"]).sum(), (y, state)

    both = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    (loss, (y, state)), (grads, grad_x) = both(variables["params"], inputs["x"])
    names = {"spatial_attn": "spatial", "temporal_attn": "temporal", "ffn": "feed_forward"}
    found = {"y": y, "loss": loss, "input_grad/x": grad_x}
    for theirs, ours in names.items():
        found[f"inter/{theirs}"] = state["intermediates"][f"after_{ours}"][0]
    return produced | _output(found) | weights.gradients(table, variables, grads)


def encoder(case: cases.Case) -> Arrays:
    """The layers one after the other."""
    settings.described(case)
    module, table = _encoder(settings.part(case.args, settings.ENCODER))
    variables, produced = load(case, table)
    apply = jax.jit(lambda v, x, m: module.apply(v, x, m, mutable=["intermediates"]))
    y, state = apply(variables, case.inputs["x"], case.inputs.get("mask"))
    sown = state["intermediates"]
    inter = {f"inter/layer{i}": sown[f"after_layer_{i}"][0] for i in range(module.num_layers)}
    return produced | _output({"y": y, **inter})


def _encoder(args: Mapping[str, Any]) -> tuple[Any, Tables]:
    layers, heads, d, ff = (args[k] for k in ("num_layers", "num_heads", "d_model", "d_ff"))
    module = two_attention_encoder.TwoAttentionEncoder(
        layers, heads, ff, args["dropout"], mask_padding=False
    )
    sizes = {"layers": layers, "head": d // heads, "reach": REACH}
    return module, whisper_rows.encoder("", (), d, ff, **sizes)


def ctc_head(case: cases.Case) -> Arrays:
    """Log-probabilities and what greedy decoding makes of them."""
    d, ids = case.args["d_model"], case.args["vocab_size"]
    table = torch_rows.linear("projection", (), ids, d)
    variables, produced = load(case, table)

    @jax.jit
    def run(variables, x):
        logits: Any = dense.Dense(ids).apply(variables, x)
        return jax.nn.log_softmax(logits)

    log_probs = np.asarray(run(variables, case.inputs["x"]))
    return produced | _output({"log_probs": log_probs}) | {"output/greedy": _greedy(log_probs)}


def _greedy(log_probs: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
    """Greedily decoded ids, rows filled with -1."""
    ids = log_probs.argmax(-1)
    rows = greedy.greedy(ids, np.ones(ids.shape, bool) if valid is None else valid)
    padded = np.full((len(rows), max([1, *map(len, rows)])), -1, np.int64)
    for row, found in zip(padded, rows, strict=True):
        row[: len(found)] = found
    return padded


def decoder(case: cases.Case) -> Arrays:
    """Logits, their cross entropy, and gradients."""
    settings.described(case, "cross entropy, mean over targets != -1")
    args, inputs = settings.part(case.args, settings.DECODER), case.inputs
    module, table = _decoder(args, case.args["vocab_size"], args["max_target_len"])
    variables, produced = load(case, table)
    tokens, targets = inputs["tokens"].astype(np.int32), inputs["targets"]
    mask = inputs.get("encoder_mask")

    def total(params, memory):
        logits = module.apply({"params": params}, tokens, memory, mask)
        real = targets != IGNORED
        picked = jnp.take_along_axis(
            jax.nn.log_softmax(logits), jnp.where(real, targets, 0)[..., None], -1
        )[..., 0]
        return -(picked * real).sum() / real.sum(), logits

    both = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))
    (loss, logits), (grads, grad_memory) = both(variables["params"], inputs["encoder_output"])
    found = {"logits": logits, "loss": loss, "input_grad/encoder_output": grad_memory}
    return produced | _output(found) | weights.gradients(table, variables, grads)


def _decoder(args: Mapping[str, Any], ids: int, max_target: int) -> tuple[Any, Tables]:
    layers, heads, d, ff = (args[k] for k in ("num_layers", "num_heads", "d_model", "d_ff"))
    module = attention_decoder.AttentionDecoder(
        ids, d, heads, layers, ff, dropout=args["dropout"], max_target=max_target
    )
    sizes = {"layers": layers, "ids": ids, "max_target": max_target}
    return module, whisper_rows.decoder("", (), d, ff, **sizes)


def model(case: cases.Case) -> Arrays:
    """The whole net in eval mode: all outputs, and greedy decoding with and without padding."""
    net = original_net(settings.sizes(case.args))
    table = net.key_table()
    variables, produced = load(case, table)
    inputs = case.inputs
    x, tokens = inputs["features"], inputs.get("tokens")
    valid = _valid(inputs.get("lengths"), x.shape[1])
    tokens = None if tokens is None else tokens.astype(np.int32)
    found = jax.jit(net.apply)(variables, x, valid, tokens)
    seen = np.asarray(found.pop("output_valid"))
    produced |= _output({name: value for name, value in found.items() if value is not None})
    if valid is not None:
        produced["output/output_lengths"] = seen.sum(1)
    log_probs = produced["output/ctc_log_probs"]
    produced["output/decode_upstream"] = _greedy(log_probs)
    produced["output/decode_length_aware"] = _greedy(log_probs, seen)
    return produced


def whisper_import(case: cases.Case) -> Arrays:
    """Whisper's arrays in WhisperSign's keys, and its blocks' outputs from ours."""
    args, call = settings.part(case.args, settings.DECODER), case.call
    net, variables = _whisper_sized(args)
    path = case.path.parent / call["file"]
    call.one_of("dims", torch_files.read(path)["dims"])
    call.one_of("hf_names", f"{path.stem}_hf_names.json")
    loaded, _ = whisper.load_pretrained(path, net, variables)
    exported = state_dict.to_state_dict(net.key_table(), loaded)
    inputs = case.inputs
    module, _ = _encoder(args)
    params = loaded["params"]
    y = jax.jit(module.apply)({"params": params["encoder"]}, inputs["x"])
    module, _ = _decoder(args, net.vocabulary, net.max_target)
    decoded = module.apply(
        {"params": params["attention_decoder"]},
        *(inputs["t"], inputs["memory"], None),
        method="decode_embedded",
    )
    found = {"encoder": y, "decoder_after_final_norm": decoded}
    return _output(found) | {f"output/expected/{k}": v for k, v in exported.items()}


def _whisper_sized(args: Mapping[str, Any]) -> tuple[whisper_sign.WhisperSign, Any]:
    net = whisper_sign.WhisperSign(
        num_gloss=4,
        num_joints=2,
        dim=args["d_model"],
        num_heads=args["num_heads"],
        num_layers=args["num_layers"],
        ff_dim=args["d_ff"],
        max_target=args["max_target_len"],
    )
    return net, jax.jit(net.init)(jax.random.key(0), jnp.zeros((1, 4, 2, 7)))
