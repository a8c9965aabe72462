"""Weights of Google's Gemma 2 for a net with such a language model inside.

Source: Hugging Face transformers (`Gemma2ForCausalLM`, `Gemma2Model`), its config.json beside
model.safetensors, or beside shards and their index. The table of words is not taken: what goes into
the model here are embeddings.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.nets import gemma_rows, state_dict
from jaxsign.nets.layers.gemma import GemmaSizes
from jaxsign.nets.layers.lora import Lora
from jaxsign.nets.pretrained import tensor_files

# config.json's name -> the size's.
_SIZES = {
    "hidden_size": "hidden",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "intermediate_size": "ff",
    "query_pre_attn_scalar": "query_scalar",
    "sliding_window": "window",
    "attn_logit_softcapping": "cap",
    "rms_norm_eps": "eps",
    "rope_theta": "theta",
}
# What only one value of is built here.
_FIXED: dict[str, Any] = {
    "model_type": "gemma2",
    "hidden_activation": "gelu_pytorch_tanh",
    "attention_bias": False,
    "rope_scaling": None,
}
_FLOATS = ("F32", "F16", "BF16", "F64")
_NOT_TAKEN = ("embed_tokens.weight", "lm_head.weight")


def sizes_of(path: str | Path) -> GemmaSizes:
    """The sizes that config.json tells, in a folder or beside a file of weights.

    Raises:
      UserError: there is none, or it is of another kind of model.
    """
    path = Path(path)
    config = (path if path.is_dir() else path.parent) / "config.json"
    reading.check(config, "Expected Gemma's config.json beside its weights: it tells the heads.")
    try:
        told = reading.read_json(config)
        told = {**_FIXED, **told.get("rope_parameters", {}), **told}
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{config}: not a readable config.json ({error})") from error
    if told.get("rope_type", "default") != "default":
        told["rope_scaling"] = told["rope_type"]
    other = [f"{key}: {told[key]!r}, expected {v!r}" for key, v in _FIXED.items() if told[key] != v]
    other += [f"{key}: missing" for key in _SIZES if key not in told]
    other += _other_layers(told.get("layer_types"))
    if other:
        raise UserError(f"{config}: not a Gemma 2 that can be read here:\n{listing(other)}")
    defaults = vars(GemmaSizes())
    try:
        return GemmaSizes(**{name: type(defaults[name])(told[key]) for key, name in _SIZES.items()})
    except (TypeError, ValueError) as error:
        raise UserError(f"{config}: a size is no number ({error})") from error


def _other_layers(kinds: list[str] | None) -> list[str]:
    expected = ["full_attention" if i % 2 else "sliding_attention" for i in range(len(kinds or ()))]
    return [] if kinds in (None, expected) else ["layer_types: expected sliding, full, sliding ..."]


def load(
    path: str | Path, sizes: GemmaSizes, adapted: Lora, variables: state_dict.Variables,
    keys: Mapping[str, str],
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Puts Gemma's weights into the variables of a `gemma.Gemma`.

    Args:
      path: a folder of Hugging Face's, or its file of weights.
      sizes, adapted: of the language model; layers with LoRA keep theirs.
      variables: its own, `{'params': ...}`; they are not changed.
      keys: a size's name -> the key of a recipe that sets it, for messages.

    Returns:
      The new variables in the old ones' types, and notes on what was loaded and what not.

    Raises:
      UserError: the files are missing, damaged, of other sizes, or hold other arrays.
    """
    _check_sizes(path, sizes_of(path), sizes, keys)
    files = tensor_files.TensorFiles(path)
    names = {name.removeprefix("model."): name for name in files.found}
    rows = gemma_rows.model("", (), sizes, Lora(rank=adapted.rank))
    _check_arrays(files, names, rows)
    result = dict(variables)
    for row in rows:  # one after another: there is no room for all of them twice
        arrays = {row.key: files.read(names[row.key])}
        one = state_dict.to_variables([row], arrays, where=str(files.path))
        result = state_dict.merged(result, one)
    skipped = [name for key, name in names.items() if key in _NOT_TAKEN]
    count = sum(math.prod(row.shape or ()) for row in rows)
    notes = [f"language {len(rows)} arrays, {count:,} numbers, are those of {files.path}"]
    if skipped:
        notes.append(f"language not taken, there are no words here: {', '.join(skipped)}")
    return result, notes


def _check_sizes(
    path: str | Path, there: GemmaSizes, here: GemmaSizes, keys: Mapping[str, str]
) -> None:
    mine, theirs = vars(here), vars(there)
    other = [name for name in mine if mine[name] != theirs[name]]
    if not other:
        return
    rows = [f"{name}: {theirs[name]:g} there, {mine[name]:g} here" for name in other]
    mend = " ".join(f"--config.{keys[n]}={theirs[n]:g}" for n in other if n in keys)
    raise UserError(
        f"{path}: this Gemma has other sizes than the net:\n{listing(rows)}\n"
        + (f"Its sizes: {mend}" if mend else "Such a one cannot be read here.")
    )


def _check_arrays(
    files: tensor_files.TensorFiles, names: Mapping[str, str], rows: list[state_dict.KeyEntry]
) -> None:
    """Raises UserError: tells every array that is missing, left over, or of another form."""
    problems = []
    for row in rows:
        if row.key not in names:
            problems.append(f"{row.key} is missing")
            continue
        one = files.found[names[row.key]]
        if one.shape != row.shape:
            found, expected = [*one.shape], [*(row.shape or ())]
            problems.append(f"{row.key} in {one.file.name} is {found}, expected {expected}")
        elif one.kind not in _FLOATS:
            problems.append(
                f"{row.key} in {one.file.name} is {one.kind}, expected one of {', '.join(_FLOATS)}"
            )
    known = {*_NOT_TAKEN, *(row.key for row in rows)}
    problems += [f"{name} has no place here" for key, name in names.items() if key not in known]
    if problems:
        raise UserError(
            f"{files.path}: {len(problems)} arrays are not those of this Gemma 2:\n"
            f"{listing(problems)}\nQuantised and adapted weights cannot be loaded: give those that "
            "transformers saves with save_pretrained."
        )
