"""SceneLLM's files: stages, language models as libraries name them, and what cannot be read."""

import numpy as np
import pytest
import test_importing_scene_nets as shared

from jaxsign.errors import UserError
from jaxsign.infer import run as load_run
from jaxsign.infer.torch import importing
from jaxsign.nets import language_net

torch = pytest.importorskip("torch")
LAYER = "llm.model.base_model.model.layers.0.self_attn."


def imported(tmp_path, weights, *words, config=None):
    content = {"epoch": 1, "model_state_dict": weights, "config": config or {"mode": "predcls"}}
    torch.save(content, tmp_path / "a.tar")
    given = [f"--config.net.{word}" for word in words]
    return importing.import_checkpoint(tmp_path / "a.tar", tmp_path / "run", overrides=given)


def test_a_stage_is_taken_from_a_file_that_tells_it(tmp_path):
    config = {"mode": "predcls", "scenellm_training_stage": "stage1"}
    found = imported(tmp_path, shared.weights_of("scene_llm"), config=config)
    assert found.fields["stage"] == "stage1" and not any("stage" in note for note in found.notes)


def test_a_stage_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(UserError, match="'stage3', expected one of vqvae, stage1, stage2"):
        imported(
            tmp_path,
            shared.weights_of("scene_llm"),
            config={"scenellm_training_stage": "stage3"},
        )


def test_a_language_model_of_a_causal_model_is_the_same_and_its_words_stay_out(tmp_path):
    weights = shared.weights_of("gemma")
    start = language_net.ADAPTED
    renamed = {
        f"{start}model.{key.removeprefix(start)}" if key.startswith(start) else key: value
        for key, value in weights.items()
    }
    renamed[f"{start}model.embed_tokens.weight"] = torch.zeros(20, 12)
    renamed[f"{start}lm_head.weight"] = torch.zeros(20, 12)
    found = imported(tmp_path, renamed)
    assert any("embed_tokens.weight" in note and "lm_head" in note for note in found.notes)
    run = load_run.load_run(tmp_path / "run")
    assert (run.net.lora_names, run.net.lora_r) == (("q_proj", "v_proj"), 3)
    kept = run.variables["params"]["language"]["layer_1"]["self_attn"]["v_proj"]["lora_a"]
    key = f"{start}layers.1.self_attn.v_proj.lora_A.default.weight"
    np.testing.assert_array_equal(np.asarray(kept).T, weights[key])


def test_a_language_model_without_lora_has_none_here(tmp_path):
    weights = {
        key.replace("base_model.model.", "").replace("base_layer.", ""): value
        for key, value in shared.weights_of("gemma").items()
        if ".lora_" not in key
    }
    imported(tmp_path, weights)
    assert load_run.load_run(tmp_path / "run").net.lora_r == 0


def test_counts_of_codes_that_were_taken_away_stay_out(tmp_path):
    weights = shared.weights_of("scene_llm")
    key = "quantiser.codebook.weight"
    weights[key] = weights[key][:8].clone()
    weights["quantiser.usage_count"] = torch.arange(12.0)
    found = imported(tmp_path, weights)
    assert found.fields["codebook_size"] == 8 and any("4 counts" in note for note in found.notes)
    run = load_run.load_run(tmp_path / "run")
    assert run.variables["codebook"]["quantiser"]["usage"].tolist() == [*range(8)]


@pytest.mark.parametrize(
    ("change", "words", "told"),
    [
        ({f"{LAYER}k_proj.weight": torch.zeros(8, 12, dtype=torch.int8)}, (), "kept in int8"),
        ({f"{LAYER}k_proj.lora_A.default.weight": torch.zeros(3, 12)}, (), "k_proj.lora_B"),
        ({f"{LAYER}o_proj.weight": torch.zeros(12, 8)}, (), r"o_proj.weight has shape \[12, 8\]"),
        ({}, ("lora_names=('o_proj',)",), "o_proj.base_layer"),
        ({}, ("language_heads=3",), "q_proj.base_layer.weight has shape"),
        ({}, ("codebook_size=9",), r"codebook.weight has shape \[12, 8\], expected \[9, 8\]"),
    ],
)
def test_a_language_model_that_does_not_fit_is_refused(change, words, told, tmp_path):
    with pytest.raises(UserError, match=told):
        imported(tmp_path, {**shared.weights_of("gemma"), **change}, *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", [("input_layernorm", "q_proj"), ()])
def test_another_language_model_is_refused_with_what_was_found(kept, tmp_path):
    weights = {
        key: value
        for key, value in shared.weights_of("gemma").items()
        if not key.startswith("llm.") or any(name in key for name in kept)
    }
    with pytest.raises(UserError, match="no language model that is known.*Gemma 2's layers"):
        imported(tmp_path, weights)
