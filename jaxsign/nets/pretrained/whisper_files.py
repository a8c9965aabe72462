"""Reads Whisper's weights in the forms in which they are given away."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.nets import state_dict, torch_files
from jaxsign.nets.pretrained import tensor_files

Array = np.ndarray
Arrays = dict[str, Array]

_FOLDER_FILES = ("model.safetensors", "pytorch_model.bin")
# Hugging Face's names -> OpenAI's, applied in this order.
_NAMES = (
    ("encoder.layer_norm.", "encoder.ln_post."),
    ("decoder.layer_norm.", "decoder.ln."),
    (".layers.", ".blocks."),
    (".self_attn_layer_norm.", ".attn_ln."),
    (".encoder_attn_layer_norm.", ".cross_attn_ln."),
    (".final_layer_norm.", ".mlp_ln."),
    (".self_attn.", ".attn."),
    (".encoder_attn.", ".cross_attn."),
    (".q_proj.", ".query."),
    (".k_proj.", ".key."),
    (".v_proj.", ".value."),
    (".out_proj.", ".out."),
    (".fc1.", ".mlp.0."),
    (".fc2.", ".mlp.2."),
    (".embed_tokens.", ".token_embedding."),
    (".embed_positions.weight", ".positional_embedding"),
)


def find(path: Path) -> Path:
    """The file of weights that a path means: itself, or the one in a folder.

    Raises:
      UserError: there is none.
    """
    if path.is_dir():
        for name in _FOLDER_FILES:
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path} holds none of {', '.join(_FOLDER_FILES)}. Give the file itself.")
    if not path.is_file():
        raise UserError(
            f"{path}: no such file. Expected Whisper's weights: OpenAI's .pt, or model.safetensors "
            "or pytorch_model.bin of Hugging Face. Nothing is downloaded."
        )
    return path


def read(path: Path) -> tuple[Arrays, dict[str, int]]:
    """The weights under OpenAI's names, float32, and their sizes.

    Sizes: `dim`, `ff_dim`, `num_heads`, `encoder layers`, `decoder layers`, `target positions`;
    0 = not there, or not told.

    Raises:
      UserError: not a readable file of Whisper's weights.
    """
    told: dict[str, Any] = {}
    if path.suffix == ".safetensors":
        weights = _read_safetensors(path)
    else:
        checkpoint = torch_files.read(path)
        weights = state_dict.unwrap(checkpoint, where=str(path))
        dims = checkpoint.get("dims")
        told = dict(dims) if isinstance(dims, Mapping) else {}
    weights = {openai_name(key): value for key, value in weights.items()}
    floats = (np.float16, np.float32, np.float64)
    other = [key for key, value in weights.items() if value.dtype not in floats]
    if other:
        raise UserError(
            f"{path}: {other[0]} is {weights[other[0]].dtype}, expected floating-point numbers. "
            "Quantised weights cannot be loaded."
        )
    weights = {key: value.astype(np.float32) for key, value in weights.items()}
    return weights, _sizes(weights, told or _config_beside(path), path)


def _read_safetensors(path: Path) -> Arrays:
    files = tensor_files.TensorFiles(path)
    return {name: files.read(name) for name in files.found}


def _config_beside(path: Path) -> dict[str, Any]:
    """Attention heads from Hugging Face's config.json, where it lies beside the weights."""
    config = path.with_name("config.json")
    if not config.is_file():
        return {}
    try:
        stored = reading.read_json(config)
        return {"n_audio_head": int(stored["encoder_attention_heads"])}
    except (ValueError, KeyError, TypeError):  # another tool's file: then nothing is told
        return {}


def openai_name(key: str) -> str:
    """The name of one of Whisper's arrays in OpenAI's files, from either."""
    key = key.removeprefix("model.")
    for theirs, ours in _NAMES:
        key = key.replace(theirs, ours)
    return key


def _sizes(weights: Arrays, told: Mapping[str, Any], path: Path) -> dict[str, int]:
    needed = ("encoder.ln_post.weight", "encoder.blocks.0.mlp.0.weight")
    if any(key not in weights for key in needed):
        raise UserError(
            f"{path}: not Whisper's weights: no {' and no '.join(needed)} (or Hugging Face's names "
            f"of them) among its {len(weights)} arrays, the first: {', '.join(list(weights)[:5])}."
        )
    width = weights["encoder.ln_post.weight"].shape[0]
    positions = weights.get("decoder.positional_embedding", np.zeros((0, width)))
    return {
        "dim": int(width),
        "ff_dim": int(weights["encoder.blocks.0.mlp.0.weight"].shape[0]),
        "num_heads": int(told.get("n_audio_head") or 0),
        "encoder layers": _layers(weights, "encoder"),
        "decoder layers": _layers(weights, "decoder"),
        "target positions": int(positions.shape[0]),
    }


def _layers(weights: Iterable[str], part: str) -> int:
    numbers = [key.split(".")[2] for key in weights if key.startswith(f"{part}.blocks.")]
    return max((int(n) + 1 for n in numbers if n.isdigit()), default=0)
