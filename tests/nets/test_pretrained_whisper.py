"""Whisper's weights in WhisperSign: every form of file, other sizes, damaged and wrong files."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import SHARED
from safetensors import numpy as safetensors

from jaxsign.errors import UserError
from jaxsign.nets import state_dict, whisper_sign
from jaxsign.nets.pretrained import whisper_files

torch = pytest.importorskip("torch")

D, FF, HEADS, LAYERS, POSITIONS, IDS = 12, 48, 3, 2, 10, 20


def small(**fields):
    sizes = {"dim": D, "num_heads": HEADS, "num_layers": LAYERS, "ff_dim": FF, "max_target": 7}
    own = {"num_gloss": 4, "num_joints": 2, "num_features": 3, "max_relative": 5}
    return whisper_sign.WhisperSign(**{**own, **sizes, **fields})


def fresh(net):
    """Random numbers in the shapes of the net: compiling its own initialisation takes seconds."""
    x = jnp.zeros((1, 4, 2, 3))
    shapes = jax.eval_shape(net.init, jax.random.key(0), x)
    rng = np.random.default_rng(5)
    return jax.tree.map(lambda a: rng.standard_normal(a.shape).astype(a.dtype), shapes)


def whisper(layers=LAYERS):
    """A Whisper of random numbers under OpenAI's names."""
    shapes = {
        "encoder.positional_embedding": (15, D),
        "encoder.conv1.weight": (D, 8, 3),
        "decoder.token_embedding.weight": (IDS, D),
        "decoder.positional_embedding": (POSITIONS, D),
    }
    for part, kinds in (("encoder", ("attn",)), ("decoder", ("attn", "cross_attn"))):
        for i in range(layers):
            block = f"{part}.blocks.{i}."
            for kind in kinds:
                for name in ("query", "key", "value", "out"):
                    shapes[f"{block}{kind}.{name}.weight"] = (D, D)
                    if name != "key":
                        shapes[f"{block}{kind}.{name}.bias"] = (D,)
            shapes |= {f"{block}mlp.0.weight": (FF, D), f"{block}mlp.0.bias": (FF,)}
            shapes |= {f"{block}mlp.2.weight": (D, FF), f"{block}mlp.2.bias": (D,)}
            for kind in (*kinds, "mlp"):
                shapes |= {f"{block}{kind}_ln.{leaf}": (D,) for leaf in ("weight", "bias")}
        top = "ln_post" if part == "encoder" else "ln"
        shapes |= {f"{part}.{top}.{leaf}": (D,) for leaf in ("weight", "bias")}
    rng = np.random.default_rng(0)
    return {key: rng.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}


def hugging_face(weights, prefix="model."):
    """OpenAI's names -> Hugging Face's, spelt out here on their own."""
    words = {
        "blocks": "layers",
        "attn": "self_attn",
        "cross_attn": "encoder_attn",
        "query": "q_proj",
        "key": "k_proj",
        "value": "v_proj",
        "out": "out_proj",
        "attn_ln": "self_attn_layer_norm",
        "cross_attn_ln": "encoder_attn_layer_norm",
        "mlp_ln": "final_layer_norm",
        "ln_post": "layer_norm",
        "ln": "layer_norm",
        "token_embedding": "embed_tokens",
        "positional_embedding": "embed_positions.weight",
    }
    found = {}
    for key, value in weights.items():
        key = key.replace("mlp.0", "fc1").replace("mlp.2", "fc2")
        found[prefix + ".".join(words.get(word, word) for word in key.split("."))] = value
    return found | {"proj_out.weight": weights["decoder.token_embedding.weight"]}


def save_pt(path, weights, heads=HEADS, dtype=None):
    tensors = {k: torch.from_numpy(v.copy()).to(dtype or torch.float32) for k, v in weights.items()}
    dims = {"n_audio_head": heads, "n_audio_state": D}
    torch.save({"dims": dims, "model_state_dict": tensors}, path)
    return path


def exported(net, variables):
    return state_dict.to_state_dict(net.key_table(), variables)


def load(path, net=None, **options):
    net = net or small()
    return net.load_pretrained(path, fresh(net), **options)


@pytest.fixture(scope="module")
def openai(tmp_path_factory):
    """The arrays that OpenAI's form of the file gives, under the original's keys."""
    path = save_pt(tmp_path_factory.mktemp("whisper") / "tiny.pt", whisper())
    return exported(small(), load(path)[0])


def test_whisper_goes_where_it_belongs_and_nothing_else_changes(openai):
    weights, before = whisper(), exported(small(), fresh(small()))
    first = "encoder.layers.1.temporal_attn."
    block = "encoder.blocks.1."
    rows = [weights[f"{block}attn.{name}.weight"] for name in ("query", "key", "value")]
    np.testing.assert_array_equal(openai[f"{first}qkv.weight"], np.concatenate(rows))
    bias = [weights[f"{block}attn.query.bias"], np.zeros(D), weights[f"{block}attn.value.bias"]]
    np.testing.assert_array_equal(openai[f"{first}qkv.bias"], np.concatenate(bias))
    cross = "decoder.attention_decoder.decoder.layers.0.multihead_attn.out_proj.weight"
    np.testing.assert_array_equal(openai[cross], weights["decoder.blocks.0.cross_attn.out.weight"])
    positions = openai["decoder.attention_decoder.pos_embedding.weight"]
    np.testing.assert_array_equal(positions, weights["decoder.positional_embedding"][:7])
    for key in ("encoder.layers.0.spatial_attn.proj.bias", f"{first}rpe_proj.weight"):
        assert before[key].any() and not openai[key].any()
    kept = re.compile(
        r"frontend|ctc_decoder|token_embedding|output_proj|spatial_attn.qkv|norm_s|rpe\."
    )
    for key, value in before.items():
        assert np.array_equal(openai[key], value) == bool(kept.search(key)) or "rpe_proj" in key


@pytest.mark.parametrize("form", ["safetensors", "bin", "bare", "folder", "float16", "bfloat16"])
def test_every_form_of_file_gives_the_same(form, openai, tmp_path):
    weights, tolerance = whisper(), 0.0
    if form == "safetensors":
        path = tmp_path / "model.safetensors"
        safetensors.save_file(hugging_face(weights), path)
    elif form in ("bin", "bare"):
        path = tmp_path / "pytorch_model.bin"
        named = hugging_face(weights, "model." if form == "bin" else "")
        torch.save({k: torch.from_numpy(v) for k, v in named.items()}, path)
    elif form == "folder":
        path = tmp_path
        safetensors.save_file(hugging_face(weights), path / "model.safetensors")
        (path / "config.json").write_text(json.dumps({"encoder_attention_heads": HEADS}))
    else:
        path, tolerance = tmp_path / "half.pt", 0.05
        save_pt(path, weights, dtype=getattr(torch, form))
    variables, notes = load(path)
    found = exported(small(), variables)
    for key, value in openai.items():
        assert found[key].dtype == value.dtype
        np.testing.assert_allclose(found[key], value, atol=tolerance)
    assert ("assumed 3 attention heads" in " ".join(notes)) == (
        form not in ("folder", "float16", "bfloat16")
    )


def test_safetensors_of_bfloat16_are_read(openai, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    save_file({k: torch.from_numpy(v).bfloat16() for k, v in hugging_face(whisper()).items()}, path)
    key = "encoder.final_norm.weight"
    np.testing.assert_allclose(exported(small(), load(path)[0])[key], openai[key], atol=0.05)


def test_notes_count_what_was_done(tmp_path):
    variables, notes = load(save_pt(tmp_path / "tiny.pt", whisper(layers=4)))
    assert jax.tree.structure(variables) == jax.tree.structure(fresh(small()))
    text = "\n".join(notes)
    assert "loaded 83 of Whisper's arrays into 65 of 98; 6 set to zero, 27 left fresh" in text
    assert "took the first 2 of Whisper's 4 encoder layers" in text
    assert "took the first 2 of Whisper's 4 decoder layers" in text
    assert "encoder.conv1.weight" in text and "decoder.token_embedding.weight" in text


def test_branches_are_left_alone_if_asked(tmp_path):
    path = save_pt(tmp_path / "tiny.pt", whisper())
    found = exported(small(), load(path, zero_branches=False)[0])
    before = exported(small(), fresh(small()))
    key = "encoder.layers.0.spatial_attn.proj.weight"
    np.testing.assert_array_equal(found[key], before[key])


def test_a_file_without_decoder_fills_the_encoder(tmp_path):
    weights = {k: v for k, v in whisper().items() if k.startswith("encoder.")}
    net = small()
    variables, notes = load(save_pt(tmp_path / "encoder.pt", weights), net)
    assert any("attention decoder stays fresh" in note for note in notes)
    before, after = fresh(net)["params"], variables["params"]
    key = "attention_decoder"
    jax.tree.map(np.testing.assert_array_equal, after[key], before[key])
    assert not np.array_equal(
        after["encoder"]["final_norm"]["scale"], before["encoder"]["final_norm"]["scale"]
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim": 24}, "dim: 12 there, 24 here"),
        ({"ff_dim": 24}, "ff_dim: 48 there, 24 here"),
        ({"num_heads": 4}, "num_heads: 3 there, 4 here"),
        ({"num_layers": 3}, "encoder layers: 2 there, 3 here"),
        ({"max_target": 11}, "target positions: 10 there, 11 here"),
    ],
)
def test_other_sizes_are_one_clear_error(fields, words, tmp_path):
    path = save_pt(tmp_path / "tiny.pt", whisper())
    with pytest.raises(UserError, match=words) as caught:
        load(path, small(**fields))
    assert "--config.net.dim=12" in str(caught.value)


def test_one_array_of_another_shape_is_named(tmp_path):
    weights = whisper()
    weights["decoder.blocks.1.mlp.2.weight"] = np.zeros((D, FF + 1), np.float32)
    with pytest.raises(
        UserError, match=r"linear2.weight has shape \[12, 49\], expected \[12, 48\]"
    ):
        load(save_pt(tmp_path / "tiny.pt", weights))


def test_missing_arrays_are_all_named(tmp_path):
    weights = whisper()
    gone = ("encoder.blocks.0.attn.key.weight", "decoder.ln.bias")
    for key in gone:
        del weights[key]
    with pytest.raises(UserError, match="lacks 2 of Whisper's arrays") as caught:
        load(save_pt(tmp_path / "tiny.pt", weights))
    assert all(key in str(caught.value) for key in gone)


@pytest.mark.parametrize("name", ["tiny.pt", "model.safetensors"])
def test_damaged_files_are_refused(name, tmp_path):
    path = tmp_path / name
    if path.suffix == ".pt":
        save_pt(path, whisper())
    else:
        safetensors.save_file(hugging_face(whisper()), path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UserError, match="not a readable"):
        load(path)


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load(tmp_path / "none.pt")
    with pytest.raises(UserError, match="holds none of model.safetensors"):
        load(tmp_path)
    path = tmp_path / "other.pt"
    torch.save({"embedding.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(UserError, match="not Whisper's weights"):
        load(path)
    weights = whisper()
    weights["encoder.blocks.0.attn.out.weight"] = weights[
        "encoder.blocks.0.attn.out.weight"
    ].astype(np.int8)
    safetensors.save_file(weights, tmp_path / "int8.safetensors")
    with pytest.raises(UserError, match="int8, expected floating-point"):
        load(tmp_path / "int8.safetensors")


@pytest.mark.shared
def test_names_are_those_of_the_libraries():
    path = SHARED / "golden/whispersign/whisper_import_hf_names.json"
    for ours, theirs, _ in json.loads(path.read_text())["pairs"]:
        assert whisper_files.openai_name(theirs) == ours == whisper_files.openai_name(ours)
