"""Gemma's weights: every form of file, other sizes, damaged, absent and foreign ones."""

import functools
import json
import re

import fresh
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors import numpy as safetensors

from jaxsign.errors import UserError
from jaxsign.nets import gemma_rows
from jaxsign.nets.layers import gemma, lora
from jaxsign.nets.pretrained import gemma as pretrained

SIZES = gemma.GemmaSizes(
    hidden=6, layers=2, heads=4, kv_heads=2, head_dim=4, ff=10, query_scalar=4.0, window=3
)
CONFIG = {
    "model_type": "gemma2",
    "hidden_size": 6,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "intermediate_size": 10,
    "query_pre_attn_scalar": 4,
    "sliding_window": 3,
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "hidden_activation": "gelu_pytorch_tanh",
    "attention_bias": False,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
}
LORA = lora.Lora(("q_proj",), rank=2)
KEYS = {"hidden": "net.language_dim", "heads": "net.language_heads"}
CUT = "model.layers.1.mlp.up_proj.weight"


@functools.cache
def variables(kept=jnp.float32):
    net = gemma.Gemma(SIZES, LORA, param_dtype=kept)
    return fresh.variables(net, jnp.zeros((1, 1, SIZES.hidden)))


@functools.cache
def weights():
    """Random numbers under the names of Gemma2ForCausalLM."""
    rng = np.random.default_rng(0)
    rows = gemma_rows.model("model.", (), SIZES, lora.Lora())
    shapes = {"model.embed_tokens.weight": (9, 6)} | {row.key: row.shape for row in rows}
    return {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}


def written(folder, arrays=None, **config):
    """A folder as save_pretrained leaves it."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    safetensors.save_file(weights() if arrays is None else arrays, folder / "model.safetensors")
    return folder


def sharded(folder):
    """The same in two shards."""
    written(folder)
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    table = {key: names[i % 2] for i, key in enumerate(weights())}
    for name in names:
        own = {key: value for key, value in weights().items() if table[key] == name}
        safetensors.save_file(own, folder / name)
    index = {"metadata": {"total_size": 1}, "weight_map": table}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder, names


def load(path, kept=jnp.float32):
    return pretrained.load(path, SIZES, LORA, variables(kept), KEYS)


def refused(path, *words):
    with pytest.raises(UserError) as error:
        load(path)
    for word in words:
        assert re.search(word, str(error.value)), (word, str(error.value))


def check(params, expected=None):
    expected = weights() if expected is None else expected
    given = expected["model.layers.1.self_attn.o_proj.weight"]
    np.testing.assert_array_equal(params["layer_1"]["self_attn"]["o_proj"]["kernel"], given.T)
    given = expected["model.layers.0.pre_feedforward_layernorm.weight"]
    np.testing.assert_array_equal(params["layer_0"]["pre_feedforward_layernorm"]["weight"], given)


def test_every_array_of_the_file_is_in_its_place_and_lora_is_left(tmp_path):
    made, notes = load(written(tmp_path / "one"))
    assert jax.tree.structure(made) == jax.tree.structure(variables())
    check(made["params"])
    fresh_ones, ours = variables()["params"], made["params"]
    for path, leaf in jax.tree_util.tree_leaves_with_path(ours):
        old = functools.reduce(lambda tree, key: tree[key.key], path, fresh_ones)
        assert (np.asarray(leaf) == np.asarray(old)).all() == path[-1].key.startswith("lora")
    assert "23 arrays" in notes[0] and "embed_tokens" in notes[1]


def test_the_file_itself_and_names_without_model_are_read_too(tmp_path):
    bare = {key.removeprefix("model."): value for key, value in weights().items()}
    folder = written(tmp_path / "one", bare)
    check(load(folder / "model.safetensors")[0]["params"])


def test_shards_are_one_model(tmp_path):
    folder, _ = sharded(tmp_path / "two")
    check(load(folder)[0]["params"])
    check(load(folder / "model.safetensors.index.json")[0]["params"])


def test_bfloat16_is_read_and_may_be_kept(tmp_path):
    small = {key: value.astype(ml_dtypes.bfloat16) for key, value in weights().items()}
    folder = written(tmp_path / "one", small)
    wide = {key: value.astype(np.float32) for key, value in small.items()}
    for kept in (jnp.float32, jnp.bfloat16):
        params = load(folder, kept)[0]["params"]
        check(params, wide)
        assert params["layer_0"]["mlp"]["up_proj"]["kernel"].dtype == kept


def test_other_sizes_are_told_with_the_keys_that_set_them(tmp_path):
    folder = written(tmp_path / "one", hidden_size=8, num_attention_heads=8)
    refused(
        folder, "hidden: 8 there, 6 here", "heads: 8 there, 4 here",
        "--config.net.language_dim=8 --config.net.language_heads=8",
    )  # fmt: skip
    refused(written(tmp_path / "two", rope_theta=5.0), "theta: 5 there", "cannot be read here")


def test_another_kind_of_model_is_refused(tmp_path):
    refused(
        written(tmp_path / "a", model_type="llama"), "config.json", "'llama', expected 'gemma2'"
    )
    refused(written(tmp_path / "b", layer_types=["full_attention"] * 2), "layer_types")
    refused(written(tmp_path / "c", attention_bias=True), "attention_bias: True, expected False")
    refused(written(tmp_path / "d", head_dim=None), "a size is no number")
    refused(written(tmp_path / "e", rope_parameters={"rope_type": "linear"}), "'linear', expected")


def test_rope_theta_may_stand_among_rope_parameters(tmp_path):
    folder = written(tmp_path / "one")
    config = {key: value for key, value in CONFIG.items() if key != "rope_theta"}
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": 10000.0}
    (folder / "config.json").write_text(json.dumps(config))
    assert pretrained.sizes_of(folder) == SIZES


def test_arrays_of_another_shape_missing_or_left_over_are_told_with_the_file(tmp_path):
    arrays = dict(weights())
    arrays[CUT] = arrays[CUT][:, :4].copy()
    del arrays["model.norm.weight"]
    arrays["model.layers.0.self_attn.q_proj.bias"] = np.zeros(3, np.float32)
    arrays["model.layers.0.input_layernorm.weight"] = np.zeros(6, np.int8)
    folder = written(tmp_path / "one", arrays)
    refused(
        folder, re.escape(str(folder)), "4 arrays",
        r"layers.1.mlp.up_proj.weight in model.safetensors is \[10, 4\], expected \[10, 6\]",
        "  - norm.weight is missing", "q_proj.bias has no place here", "is I8, expected one of F32",
    )  # fmt: skip


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    file = written(tmp_path / "one") / "model.safetensors"
    whole = file.read_bytes()
    for size in (0, 5, 200, len(whole) - 3):
        file.write_bytes(whole[:size])
        refused(file, re.escape(str(file)), "not a readable safetensors file", "fetch it again")


def test_an_absent_shard_is_named(tmp_path):
    folder, names = sharded(tmp_path / "two")
    (folder / names[1]).unlink()
    refused(folder, "1 of its 2 shards are not in the folder", names[1])


def test_an_index_that_lies_is_refused(tmp_path):
    folder, names = sharded(tmp_path / "two")
    index = folder / "model.safetensors.index.json"
    told = json.loads(index.read_text())
    other = {**told["weight_map"], CUT: names[0], "model.norm.weight": names[1]}
    index.write_text(json.dumps({"weight_map": {**other, "extra": names[0]}}))
    refused(folder, "its shards lack", "extra: not in model-00001")
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    refused(folder, "files of its own folder")
    for text in ("{", "[]", '{"weight_map": 3}', "{}"):
        index.write_text(text)
        refused(folder, "not an index of shards")


def test_an_empty_folder_and_no_folder_are_told(tmp_path):
    refused(tmp_path, "config.json: no such file", "it tells the heads")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    refused(tmp_path, "holds neither model.safetensors.index.json nor model.safetensors")
    refused(tmp_path / "other.safetensors", "no such file")
