"""SceneLLM's checkpoints, with a linear layer or Gemma 2 as its language model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch.originals import TorchFile, _scenes
from jaxsign.nets import language_net, scene_llm

Array = np.ndarray
_CODES, _COUNTS = "quantiser.codebook.weight", "quantiser.usage_count"
# Of Gemma 2's layers: what all such models have, and what others lack.
_FIRST, _LAST = "layers.0.input_layernorm.weight", "layers.0.pre_feedforward_layernorm.weight"
_STAGE = "scenellm_training_stage"  # m3sgg's flag


class SceneLLMForm(_scenes.SceneForm):
    """As of other nets of relations; only m3sgg has it, so boxes are held as there."""

    def weights(self, file: TorchFile) -> Mapping[str, Array]:
        """Without a language model's words, and with counts of the codes that there are.

        m3sgg shortens a codebook and leaves the counts as long as they were.

        Raises:
          UserError: another language model, or one whose weights are not plain numbers.
        """
        weights, notes = file.weights, file.notes
        spoken = [key for key in weights if key.startswith("llm.")]
        _check_language(weights, spoken, file.path)
        kept, ends = dict(weights), ("embed_tokens.weight", "lm_head.weight")
        if words := [key for key in spoken if key.endswith(ends)]:
            notes.append(f"left out {', '.join(words)}: there are no words here")
            kept = {key: value for key, value in kept.items() if key not in words}
        if start := next((k.removesuffix(_FIRST) for k in kept if k.endswith(_FIRST)), ""):
            adapted = any(".lora_A." in key for key in spoken)
            own = language_net.ADAPTED if adapted else language_net.PLAIN
            kept = {
                own + key.removeprefix(start) if key.startswith(start) else key: value
                for key, value in kept.items()
            }
        codes, counted = len(weights[_CODES]), weights.get(_COUNTS)
        if counted is not None and counted.ndim == 1 and len(counted) > codes:
            notes.append(f"left out {len(counted) - codes} counts of codes that are no more there")
            kept[_COUNTS] = counted[:codes]
        return kept

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """With the stage, and what no shape tells of a language model and of boxes.

        Raises:
          UserError: a stage that there is not.
        """
        fields, found, notes = super().fields(file), file.found, file.notes
        config = file.section("config")
        stage = str(config.get(_STAGE, scene_llm.STAGES[-1]))
        if stage not in scene_llm.STAGES:
            known = ", ".join(scene_llm.STAGES)
            raise UserError(f"{file.path}: {_STAGE} is {stage!r}, expected one of {known}")
        if _STAGE not in config:
            notes.append(f"assumed stage={stage!r}: the file does not tell it")
        notes.append("box_scale='corner', as m3sgg holds boxes")
        if found["language"] != "none":
            told = {k: fields[k] for k in ("language_heads", "language_kv_heads")}
            told["language_head_dim"] = fields["language_head_dim"]
            if found["lora_r"]:
                told["lora_alpha"] = fields["lora_alpha"] = 2.0 * found["lora_r"]
            sizes = ", ".join(f"{key}={value}" for key, value in told.items())
            notes.append(f"assumed {sizes}: shapes do not tell them. Else: --config.net.KEY")
        return {**fields, "stage": stage, "box_scale": "corner"}

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """With the stage."""
        content = super().checkpoint(run, tensors)
        content["config"] = {**content["config"], _STAGE: run.config.net.stage}
        return content


def _check_language(weights: Mapping[str, Array], keys: list[str], path: Path) -> None:
    """Raises UserError: neither a linear layer nor Gemma 2 in plain numbers."""
    if packed := [key for key in keys if weights[key].dtype.kind in "iub"]:
        raise UserError(
            f"{path}: the language model is kept in {weights[packed[0]].dtype} ({packed[0]} and "
            f"{len(packed) - 1} more), which cannot be read here. Save it from a model that was "
            "loaded without load_in_8bit."
        )
    own = [key for key in keys if key.endswith((_FIRST, _LAST))]
    if f"{language_net.PLAIN}weight" not in keys and len(own) < 2:
        raise UserError(
            f"{path}: no language model that is known here: it holds {', '.join(keys[:3]) or 'no'} "
            f"... Expected a linear layer, {language_net.PLAIN}weight, or Gemma 2's layers, "
            f"llm....{_FIRST} and llm....{_LAST}"
        )


FORM = SceneLLMForm("scenellm", "scene_llm")
