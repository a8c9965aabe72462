"""Rows of state_dict tables: a language model of Gemma 2's shape, under Hugging Face's names."""

from jaxsign.nets.layers import gemma, lora
from jaxsign.nets.state_dict import KeyEntry

Path = tuple[str, ...]
_NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)


def model(prefix: str, path: Path, sizes: gemma.GemmaSizes, adapted: lora.Lora) -> list[KeyEntry]:
    """`gemma.Gemma` at `path`.

    Args:
      prefix: begins the keys; ends with a dot or is empty.
      path: of the module.
      sizes: its.
      adapted: layers with LoRA have the names that PEFT gives them.
    """
    rows, place = [], ("params", *path)
    widths = sizes.widths()
    for i in range(sizes.layers):
        key, inside = f"{prefix}layers.{i}.", (*place, f"layer_{i}")
        for part, names in (("self_attn", gemma.ATTENTION), ("mlp", gemma.MLP)):
            for name in names:
                rows += _linear(f"{key}{part}.{name}", (*inside, part, name), widths[name], adapted)
        for norm in _NORMS:
            shape = (sizes.hidden,)
            rows.append(KeyEntry(f"{key}{norm}.weight", (*inside, norm, "weight"), shape=shape))
    last = KeyEntry(f"{prefix}norm.weight", (*place, "norm", "weight"), shape=(sizes.hidden,))
    return [*rows, last]


def _linear(key: str, path: Path, shape: tuple[int, int], adapted: lora.Lora) -> list[KeyEntry]:
    """A linear layer without bias, as PEFT has it where it learns by LoRA."""
    if path[-1] not in adapted.names:
        return [KeyEntry(f"{key}.weight", (*path, "kernel"), "linear", shape)]
    (out, width), rank = shape, adapted.rank
    return [
        KeyEntry(f"{key}.base_layer.weight", (*path, "kernel"), "linear", shape),
        KeyEntry(f"{key}.lora_A.default.weight", (*path, "lora_a"), "linear", (rank, width)),
        KeyEntry(f"{key}.lora_B.default.weight", (*path, "lora_b"), "linear", (out, rank)),
    ]
