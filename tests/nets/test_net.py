"""The contract of a net: what is true of all of them, and what `call` hands over."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scenes
from flax import linen as nn

from jaxsign import nets
from jaxsign.errors import UserError

SMALL = {
    "asl_hybrid": {"dim": 8},
    **dict.fromkeys(
        ("easg", "easg_fc"),
        {"num_objects": scenes.OBJECTS, "predicates": (3, 2), "feature_dim": scenes.FEATURES,
         "verb_dim": scenes.VERB},
    ),
    "faster_rcnn": {"backbone": "resnet18", "num_classes": 3},
    "iv3_gru": {},
    **dict.fromkeys(
        ("poseformer", "ptn", "sign_transformer", "vtn"),
        {"emb_dim": 8, "n_heads": 2, "n_layers": 1},
    ),
    **dict.fromkeys(
        ("scene_llm", "stket", "sttran", "tempura"),
        {"num_objects": scenes.OBJECTS, "feature_dim": scenes.FEATURES, "union_dim": scenes.UNION},
    ),
    "whisper_sign": {"dim": 8, "num_heads": 2, "num_layers": 1, "ff_dim": 8},
}  # fmt: skip
OF_SCENES = ("easg", "easg_fc", "scene_llm", "stket", "sttran", "tempura")


def batch_for(name, net):
    if name in OF_SCENES:
        rng = np.random.default_rng(0)
        return scenes.batch([scenes.video(rng, 2, 3), scenes.video(rng, 3, 2)], 4, 3, 2)
    if name == "faster_rcnn":
        return {"images": np.zeros((2, 64, 64, 3), np.float32)}
    x = np.zeros((2, 4, *net.frame_shape), np.float32)
    return {"x": x, "valid": np.ones((2, 4), bool), "tokens": np.zeros((2, 1), np.int32)}


class Echo(nets.Net):
    """Returns what it was given."""

    inputs = ("x", "valid", "tokens")
    uses_progress = True

    @nn.compact
    def __call__(self, x, valid, tokens, *, train=False, progress=None):
        self.param("weight", nn.initializers.normal(), x.shape[1:])
        seen = self.variable("batch_stats", "seen", jnp.zeros, ())
        if train:
            seen.value += 1
        return {"x": x, "valid": valid, "tokens": tokens, "train": train, "progress": progress}


@pytest.mark.parametrize("name", nets.names())
def test_every_net_gives_the_outputs_that_it_names(name):
    net = nets.build(name, **SMALL.get(name, {}))
    batch = batch_for(name, net)

    def run():
        variables = nets.init(net, jax.random.key(0), batch)
        return nets.call(net, variables, batch)

    assert set(net.outputs) <= set(jax.eval_shape(run))
    assert nets.get(name) is type(net) and nets.name_of(type(net)) == name


def test_a_call_hands_over_the_batchs_fields_and_what_a_net_asks_for():
    net, x = Echo(), np.ones((3, 2), np.float32)
    variables = nets.init(net, jax.random.key(0), {"x": x})
    assert variables["params"]["weight"].shape == (2,)
    given = nets.call(net, variables, {"x": x, "tokens": x, "other": x})
    assert given["x"] is x and given["tokens"] is x and given["valid"] is None
    assert not given["train"] and given["progress"] is None
    now = nets.Progress(epoch=2.0, step=7)
    given, new = nets.call(net, variables, {"x": x}, train=True, now=now, mutable=["batch_stats"])
    assert given["train"] and given["progress"] == now and new["batch_stats"]["seen"] == 1


def test_unknown_nets_and_fields_are_refused_with_the_known_ones():
    with pytest.raises(UserError, match="no net is called 'whisper_sing'.*whisper_sign"):
        nets.get("whisper_sing")
    with pytest.raises(UserError, match="has no field 'dims'.*dim"):
        nets.build("asl_hybrid", dims=8)


def test_a_net_without_an_original_says_so():
    net = Echo()
    assert not Echo.matches({}) and net.absent_params == () and net.with_frozen(()) is net
    with pytest.raises(UserError, match="cannot be imported"):
        Echo.fields_from_state_dict({})
    with pytest.raises(UserError, match="no torch original"):
        net.key_table()
    with pytest.raises(UserError, match="starts from no other model"):
        net.load_pretrained("file.pt", {})
