"""SignON's nets through their golden cases."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.nets import poseformer, ptn
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
        logits, labels = outputs["logits"]["gloss"], jnp.asarray(clips.targets, jnp.int32)
        kind = "label_smoothing"
        return losses.per_example(kind, logits, labels, label_smoothing=smoothing).mean(), outputs

    run = jax.jit(jax.value_and_grad(loss, has_aux=True))
    (value, outputs), grads = run(variables["params"], variables)
    found = {"logits": outputs["logits"]["gloss"], "loss": value}
    found |= {f"embedding_{name}": outputs[name] for name in ("spatial", "temporal", "cls")}
    produced |= {f"output/{name}": np.asarray(array) for name, array in found.items()}
    return produced | weights.gradients(table, variables, grads)


def positional_encoding(case: cases.Case) -> Arrays:
    """The first rows of the table of sines."""
    case.call.one_of("max_len", settings.ROWS)
    return {"output/pe": positions.sinusoidal(settings.ROWS, case.args["d_model"])[:40]}
