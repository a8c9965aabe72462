"""SignON's nets through their golden cases."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.input.signs.views import signon
from jaxsign.nets import poseformer, ptn, state_dict, torch_files, vtn
from jaxsign.nets.layers import body_points, positions
from jaxsign.tasks.classes import loss as losses
from parity import cases, weights
from parity.settings import signon as settings
from parity.targets import signon_input

Arrays = dict[str, np.ndarray]
_UPSTREAM: Mapping[str, Any] = {"missing": "upstream", "padding": "upstream"}


def original_poseformer(case: cases.Case, **fields: Any) -> poseformer.PoseFormer:
    """jaxsign's net for the original's arguments, with the original's behaviour."""
    sizes = settings.poseformer(case)
    counts = settings.classes(sizes)
    return poseformer.PoseFormer(
        num_gloss=sum(counts),
        emb_dim=sizes["embed_dim"],
        n_heads=sizes["n_heads"],
        n_layers=sizes["n_layers"],
        languages=len(counts) if sizes["multilingual_conditioned"] else 0,
        language_dim=sizes["lang_embedding_size"],
        label_norm=sizes["l1_label_norm"],
        **{**_UPSTREAM, "dropout": sizes["dropout"], **fields},
    )


def original_ptn(case: cases.Case, **fields: Any) -> ptn.PTN:
    """As `original_poseformer`."""
    sizes = settings.ptn(case)
    return ptn.PTN(
        generation=sizes["generation"],
        input_dim=sizes["d_pose"],
        embedding="none" if sizes["no_pose_embedding"] else sizes["pose_embedding_kind"],
        residual=sizes["residual_pose_embedding"],
        **_encoder(sizes),
        **{**_UPSTREAM, **fields},
    )


def original_vtn(case: cases.Case) -> vtn.VTN:
    """As `original_poseformer`."""
    sizes = settings.vtn(case)
    return vtn.VTN(backbone_name=sizes["backbone_name"], **_encoder(sizes))


def _encoder(sizes: Mapping[str, Any]) -> dict[str, Any]:
    counts = settings.classes(sizes)
    return {
        "num_gloss": sum(counts),
        "emb_dim": sizes["d_hidden"],
        "n_heads": sizes["num_attention_heads"],
        "n_layers": sizes["num_attention_layers"],
        "languages": len(counts) if len(counts) > 1 else 0,
        "language_dim": sizes["lang_embedding_size"],
    }


def points(net: nets.Net, case: cases.Case) -> Arrays:
    """A net of points in eval mode: outputs, what it makes of the points, loss and gradients."""
    clips = settings.clips(case)
    flat = clips.x.ndim == 3
    valid = ~clips.padding if flat and case.args["variable_length_sequences"] else None
    produced = forward(net, case, clips, clips.x.swapaxes(0, 1), valid, settings.is_norm)
    if flat:
        mask = np.pad(clips.padding, ((0, 0), (1, 0)))
        return produced | {"output/inter/src_key_padding_mask": mask}
    found, _ = body_points.features(jnp.asarray(clips.x), "upstream")
    empty = "nan" if isinstance(net, ptn.PTN) else "zero"
    _, counts = body_points.counted(
        jnp.asarray(clips.x.swapaxes(0, 1)), None, "upstream", "upstream", empty=empty
    )
    produced["output/inter/features"] = np.asarray(found)
    produced["output/inter/padding_mask"] = ~np.asarray(counts)
    signon_input.check_absences(case, produced)
    return produced


def forward(
    net: nets.Net,
    case: cases.Case,
    clips: settings.Clips,
    x: np.ndarray,
    valid: np.ndarray | None,
    is_norm: Callable[[str], bool],
) -> Arrays:
    """Outputs, loss and gradients in eval mode on x [B, T, ...]."""
    table = net.key_table()
    variables, produced = weights.load(case, table, is_norm)
    smoothing = settings.smoothing(case.call)
    batch = {"x": x, "valid": valid, "language": clips.languages}

    def loss(params, variables):
        outputs = nets.call(net, {**variables, "params": params}, batch)
        logits, labels = nets.logits_of(outputs)["gloss"], jnp.asarray(clips.targets, jnp.int32)
        kind = "label_smoothing"
        return losses.per_example(kind, logits, labels, label_smoothing=smoothing).mean(), outputs

    run = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (value, outputs), grads = run(variables["params"], variables)
    found = {"logits": nets.logits_of(outputs)["gloss"], "loss": value}
    found |= {f"embedding_{name}": outputs[name] for name in ("spatial", "temporal", "cls")}
    produced |= {f"output/{name}": np.asarray(array) for name, array in found.items()}
    return produced | weights.gradients(table, variables, grads)


def vtn_case(case: cases.Case) -> Arrays:
    """A case of VTN."""
    net, clips = original_vtn(case), settings.images(case)
    table = net.key_table()
    check_shapes(case, table)
    raw = np.moveaxis(case.inputs["images_uint8"].swapaxes(0, 1), 2, -1)
    # Only what is normalised as usual can be given as it is.
    plain = case.call["input_gain"] == 1
    x = raw if plain else np.moveaxis(clips.x.swapaxes(0, 1), 2, -1)
    produced = forward(net, case, clips, x, None, settings.is_image_norm(case))
    produced["output/inter/backbone"] = produced["output/embedding_spatial"].swapaxes(0, 1)
    return produced


def check_shapes(case: cases.Case, table: Sequence[state_dict.KeyEntry]) -> None:
    """Refuses a table that is not the state_dict that the case lists."""
    shapes = {row.key: row.shape or () for row in table}
    sizes = [np.prod(row.shape or (), dtype=int) for row in table if row.path[0] == "params"]
    settings.check_shapes(case, shapes, int(sum(sizes)))


def positional_encoding(case: cases.Case) -> Arrays:
    """The first rows of the table of sines."""
    case.call.one_of("max_len", settings.ROWS)
    return {"output/pe": positions.sinusoidal(settings.ROWS, case.args["d_model"])[:40]}


def predict(case: cases.Case) -> Arrays:
    """Whole videos through a checkpoint: what each kind of embedding is, and the logits."""
    kind, _, name = case.meta["weights"].partition(":")
    assert kind == "checkpoint"
    case.call.one_of("generation", "B")
    stored = torch_files.read(case.path.parent / name)
    bare = state_dict.unwrap(stored, where=name)
    net = poseformer.PoseFormer(
        **poseformer.PoseFormer.fields_from_state_dict(bare),
        n_heads=stored["hyper_parameters"]["num_attention_heads"],
        **_UPSTREAM,
    )
    variables = state_dict.to_variables(net.key_table(), bare, where=name)
    aspect, videos = case.call["inverse_aspect_ratio"], case.inputs
    clips = [signon.SignonView(output="points", aspect=aspect)(raw) for raw in videos.values()]
    # One batch padded with zeros, which the original's answers know of.
    x = np.zeros((len(clips), max(map(len, clips)), *net.frame_shape), np.float32)
    for row, clip in enumerate(clips):
        x[row, : len(clip)] = clip
    outputs = jax.jit(lambda x: nets.call(net, variables, {"x": x}))(x)
    produced = {}
    for row, (video, clip) in enumerate(zip(videos, clips, strict=True)):
        # What the original calls probabilities are logits.
        found = {
            "spatial": outputs["spatial"][row, : len(clip)],
            "temporal": outputs["temporal"][row, : len(clip)],
            "CLS": outputs["cls"][row],
            "probabilities": nets.logits_of(outputs)["gloss"][row],
        }
        for output, value in found.items():
            produced[f"output/{output}/{video.removeprefix('raw/')}"] = np.asarray(value)
    return produced
