"""STTran with a language model beside it, through which one token of a video goes.

Source: the public system m3sgg, whose SceneLLM takes `google/gemma-2-2b` with LoRA where its
libraries are there, and a linear layer where they are not.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.nets import gemma_rows, state_dict, sttran
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense, gemma, lora
from jaxsign.nets.pretrained import gemma as pretrained
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
LANGUAGES = ("none", "gemma2")
KEPT = ("float32", "bfloat16")
_LAYERS = (*gemma.ATTENTION, *gemma.MLP)
PLAIN = "llm.model."  # before the keys of a language model
ADAPTED = f"{PLAIN}base_model.model."  # of one with LoRA
_HEAD = 256  # numbers of a head of Gemma 2, but of the largest
_CLAMP = 10.0  # of what the model is given
# A size of the model -> the field that sets it.
_FIELDS = {
    "hidden": "language_dim",
    "layers": "language_layers",
    "heads": "language_heads",
    "kv_heads": "language_kv_heads",
    "head_dim": "language_head_dim",
    "ff": "language_ff",
    "query_scalar": "language_scalar",
    "window": "language_window",
}


class LanguageNet(sttran.STTran):
    """STTran, and a language model that a subclass sends a token through.

    With 'gemma2' its weights are frozen in a recipe by `^language/.*/(kernel|weight)$`, which
    leaves LoRA to learn.

    Attributes:
      language: the language model: 'none' is a dense layer in its place.
      language_dim: width of its embeddings.
      language_layers: their number.
      language_heads, language_kv_heads: of queries, and of keys and values.
      language_head_dim: numbers of a head.
      language_ff: inner width of a feed-forward part.
      language_scalar: attention divides by its root.
      language_window: tokens that every other layer sees.
      language_weights: what its frozen weights are kept in.
      lora_names: layers of it that learn by LoRA. Attention over one token is that token: q_proj
        and k_proj, named or not, get no gradient.
      lora_r: inner width of LoRA; 0 = none learns.
      lora_alpha: LoRA counts lora_alpha / lora_r times.
      lora_dropout: rate of what LoRA reads.
    """

    language: str = fields.value("none", fields.among(*LANGUAGES))
    language_dim: int = fields.value(2304, fields.COUNT)
    language_layers: int = fields.value(26, fields.COUNT)
    language_heads: int = fields.value(8, fields.COUNT)
    language_kv_heads: int = fields.value(4, fields.COUNT)
    language_head_dim: int = fields.value(256, fields.COUNT)
    language_ff: int = fields.value(9216, fields.COUNT)
    language_scalar: float = fields.value(256.0, fields.POSITIVE)
    language_window: int = fields.value(4096, fields.COUNT)
    language_weights: str = fields.value("float32", fields.among(*KEPT))
    lora_names: tuple[str, ...] = fields.value(("q_proj", "v_proj"), fields.several(*_LAYERS))
    lora_r: int = fields.value(16, fields.NOT_NEGATIVE)
    lora_alpha: float = fields.value(32.0, fields.POSITIVE)
    lora_dropout: float = fields.value(0.05, fields.RATE)

    @property
    def language_sizes(self) -> gemma.GemmaSizes:
        """Those of the language model."""
        return gemma.GemmaSizes(
            self.language_dim,
            self.language_layers,
            self.language_heads,
            self.language_kv_heads,
            self.language_head_dim,
            self.language_ff,
            self.language_scalar,
            self.language_window,
        )

    @property
    def lora(self) -> lora.Lora:
        """The layers of it that learn, and how."""
        names = self.lora_names if self.lora_r else ()
        return lora.Lora(tuple(names), max(self.lora_r, 1), self.lora_alpha, self.lora_dropout)

    def _spoken(self, token: Array, train: bool) -> Array:
        """A token float [B, W] as a sequence of one through the language model: float [B, width].

        The width is `language_dim`, without a language model W.
        """
        if self.language == "none":
            found: Array = dense.Dense(token.shape[-1], name="language", **self.types)(token)
            return found
        if token.shape[-1] != self.language_dim:
            token = dense.Dense(self.language_dim, name="language_input", **self.types)(token)
        kept = jnp.dtype(self.language_weights)
        model = gemma.Gemma(
            self.language_sizes, self.lora, dtype=self.dtype, param_dtype=kept, name="language"
        )
        told: Array = model(jnp.clip(token, -_CLAMP, _CLAMP)[:, None], train=train)
        return told[:, 0]

    def language_rows(self, width: int) -> list[KeyEntry]:
        """The keys of the language model, and of what brings a token of `width` numbers to its own.

        Those of a linear layer are the original's; those of Gemma what PEFT makes of it.
        """
        if self.language == "none":
            return torch_rows.linear("llm.model", ("language",), width, width)
        prefix = ADAPTED if self.lora.names else PLAIN
        rows = gemma_rows.model(prefix, ("language",), self.language_sizes, self.lora)
        if width == self.language_dim:
            return rows
        name = "llm_input_projection"
        return rows + torch_rows.linear(name, ("language_input",), self.language_dim, width)

    @property
    def unasked_lora(self) -> tuple[str, ...]:
        """Patterns of LoRA's parameters that one token gives no gradient."""
        unasked = [name for name in ("q_proj", "k_proj") if name in self.lora.names]
        if self.language == "none" or not unasked:
            return ()
        return (rf"^language/.*/({'|'.join(unasked)})/lora_[ab]$",)

    @property
    def starts_from(self) -> str:
        """Gemma's weights."""
        if self.language == "none":
            return ""
        return "the folder of Gemma 2's weights, such as google/gemma-2-2b of Hugging Face"

    def load_pretrained(
        self, path: str | Path, variables: state_dict.Variables, *, zero_branches: bool = True
    ) -> tuple[state_dict.Variables, list[str]]:
        """Gemma's weights; see `pretrained.gemma`."""
        if self.language == "none":
            raise UserError(
                "train.pretrained is set, but net.language='none': there is no language model to "
                "load. Set net.language='gemma2', or leave train.pretrained out."
            )
        params = variables["params"]
        keys = {size: f"net.{field}" for size, field in _FIELDS.items()}
        own = {"params": params["language"]}
        made, notes = pretrained.load(path, self.language_sizes, self.lora, own, keys)
        return {**variables, "params": {**params, "language": made["params"]}}, notes


def fields_of(weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields that the shapes of a state_dict tell of its language model.

    Attention's heads are not stored in them: they have 256 numbers, as Gemma 2's, or the largest
    power of 2 below that fits.

    Raises:
      KeyError, ValueError, IndexError: the weights are not of such a net.
    """
    if f"{PLAIN}weight" in weights:
        return {"language": "none"}
    adapted = [key.split(".lora_A.") for key in weights if ".lora_A." in key]
    start = ADAPTED if adapted else PLAIN
    first = f"{start}layers.0."

    def rows(name: str) -> int:
        part = "mlp" if name in gemma.MLP else "self_attn"
        place = f"{first}{part}.{name}."
        base = "base_layer." if f"{place}base_layer.weight" in weights else ""
        return len(weights[f"{place}{base}weight"])

    numbers, kept = rows("q_proj"), rows("k_proj")
    head = math.gcd(numbers, kept, _HEAD)
    names = {layer.rpartition(".")[2] for layer, _ in adapted}
    ranks = [len(weights[".lora_A.".join(parts)]) for parts in adapted]
    learned = {"lora_names": tuple(name for name in _LAYERS if name in names)} if names else {}
    return {
        "language": "gemma2",
        "language_dim": len(weights[f"{first}input_layernorm.weight"]),
        "language_layers": len(
            {
                key.removeprefix(f"{start}layers.").partition(".")[0]
                for key in weights
                if key.startswith(f"{start}layers.")
            }
        ),
        "language_heads": numbers // head,
        "language_kv_heads": kept // head,
        "language_head_dim": head,
        "language_ff": rows("gate_proj"),
        "lora_r": ranks[0] if ranks else 0,
        **learned,
    }
