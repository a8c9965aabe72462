"""A token through the language model beside STTran: clipped, sized, loaded, and what learns."""

import functools
import re

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scenes
from flax import linen as nn
from test_pretrained_gemma import SIZES, check, written

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import language_net, state_dict

TOKEN = 5
TINY = dict(
    language="gemma2", language_dim=6, language_layers=2, language_heads=4, language_kv_heads=2,
    language_head_dim=4, language_ff=10, language_scalar=4.0, language_window=3, lora_r=2,
)  # fmt: skip


class Speaking(language_net.LanguageNet):
    """The language model alone."""

    @nn.compact
    def __call__(self, token, *, train=False):
        return self._spoken(token, train)


def net(**more):
    return Speaking(**{**TINY, **more})


def tokens(width=TOKEN):
    return np.random.default_rng(0).standard_normal((3, width)).astype(np.float32)


@functools.cache
def variables(width=TOKEN, **more):
    return fresh.variables(net(**more), tokens(width))


def test_the_fields_are_the_sizes_and_gemma_2_2b_by_default():
    assert net().language_sizes == SIZES
    defaults = Speaking(language="gemma2")
    numbers = sum(np.prod(row.shape) for row in defaults.language_rows(2304))
    lora = 26 * 16 * (2304 + 2048 + 2304 + 1024)
    assert numbers == 2_614_341_888 - 256_000 * 2304 + lora  # as published, without its words


def test_the_table_of_keys_is_what_the_module_has():
    for width, options in ((TOKEN, {}), (6, {"lora_r": 0}), (TOKEN, {"language": "none"})):
        rows = net(**options).language_rows(width)
        made = fresh.variables(net(**options), tokens(width))
        back = state_dict.to_variables(rows, state_dict.to_state_dict(rows, made))
        jax.tree.map(np.testing.assert_array_equal, back, made)
    keys = [row.key for row in net().language_rows(TOKEN)]
    assert "llm.model.base_model.model.layers.1.self_attn.v_proj.lora_B.default.weight" in keys
    assert keys[-1] == "llm_input_projection.bias"


def test_what_goes_in_is_clipped_at_ten():
    made = variables(6)
    tell = jax.jit(lambda size: net().apply(made, jnp.full((1, 6), size)))
    told = [tell(size) for size in (9.0, 10.0, 50.0)]
    assert (told[0] != told[1]).any()
    np.testing.assert_array_equal(told[1], told[2])


def test_one_token_teaches_what_no_pattern_leaves_out():
    made = variables(lora_names=("q_proj", "k_proj", "v_proj", "gate_proj"), lora_dropout=0.0)
    one = net(lora_names=("q_proj", "k_proj", "v_proj", "gate_proj"), lora_dropout=0.0)
    aim = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)
    grads = jax.jit(jax.grad(lambda given: (one.apply(given, tokens()) * aim).sum()))(made)
    for path, leaf in jax.tree_util.tree_leaves_with_path(grads["params"]):
        name = "/".join(key.key for key in path)
        if "/lora_" in name:
            unasked = any(re.search(pattern, name) for pattern in one.unasked_lora)
            assert (leaf == 0).all() == unasked, name
    assert net(language="none").unasked_lora == () == net(lora_names=("v_proj",)).unasked_lora


def test_weights_come_by_path_and_the_rest_stays(tmp_path):
    made, notes = net().load_pretrained(written(tmp_path / "one"), variables())
    check(made["params"]["language"])
    assert made["params"]["language_input"] is variables()["params"]["language_input"]
    assert "23 arrays" in notes[0]
    with pytest.raises(UserError, match=r"other sizes(.|\n)*--config.net.language_layers=2"):
        net(language_layers=1).load_pretrained(tmp_path / "one", variables())
    with pytest.raises(UserError, match="net.language='none'"):
        net(language="none").load_pretrained(tmp_path / "one", variables())


def test_frozen_weights_may_be_kept_in_bfloat16():
    shapes = jax.eval_shape(
        net(language_weights="bfloat16").init, jax.random.key(0), jnp.asarray(tokens())
    )["params"]["language"]["layer_0"]["self_attn"]["v_proj"]
    kept = {name: str(leaf.dtype) for name, leaf in shapes.items()}
    assert kept == {"kernel": "bfloat16", "lora_a": "float32", "lora_b": "float32"}


def test_a_recipe_is_told_the_nearest_layer_for_lora():
    (problem,) = fields.problems(Speaking, {"lora_names": ("v_proj", "q_pro")}, "net.")
    assert problem.startswith("net.lora_names=('v_proj', 'q_pro'): expected some of q_proj,")
    assert problem.endswith("Did you mean 'q_proj'?")
    assert fields.problems(Speaking, {"lora_names": ("v_proj", "v_proj")})
    assert not fields.problems(Speaking, {"lora_names": ()})


def test_a_net_with_gemma_says_what_it_needs():
    assert "google/gemma-2-2b" in net().starts_from and net(language="none").starts_from == ""


def test_scene_llm_has_the_languages_keys_among_its_own():
    one = scenes.net_of("scene_llm", "predcls", **{**TINY, "stage": "stage2"})
    shape = scenes.batch([scenes.video(np.random.default_rng(0), 2, 3)], *scenes.SIZES)
    made = fresh.variables(one, *(shape.get(name) for name in one.inputs))
    table = one.key_table()
    back = state_dict.to_variables(table, state_dict.to_state_dict(table, made))
    jax.tree.map(np.testing.assert_array_equal, back["params"], made["params"])
    turned = jax.tree.map(jnp.negative, made["params"]["language"])
    changed = {**made["params"], "language": turned}

    def moved(stage):
        tell = jax.jit(
            lambda params: nets.call(one.clone(stage=stage), {**made, "params": params}, shape)[
                "relations"
            ]
        )
        return np.abs(tell(made["params"]) - tell(changed)).max()

    assert moved("stage2") > 1e-4 and moved("stage1") == 0
