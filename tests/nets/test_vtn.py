"""VTN and its backbones: layout of the checkpoints, weights of torchvision, padding, frames."""

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_layers import assert_same_with_gradients, normal

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import state_dict, vtn
from jaxsign.nets.layers import image_convs
from jaxsign.train import by_path

FRAMES = np.zeros((1, 1, 32, 32, 3), np.uint8)


def shapes(net, x=FRAMES):
    return jax.eval_shape(lambda: nets.init(net, jax.random.key(0), {"x": x}))


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({}, 29_932_298),
        ({"backbone_name": "resnet50", "emb_dim": 2048}, 158_760_458),
        ({"backbone_name": "efficientnet_b0", "emb_dim": 1280}, 57_083_206),
        ({"backbone_name": "efficientnet_b0", "emb_dim": 16, "n_layers": 1}, None),
    ],
)
def test_layout_of_the_originals_checkpoint(fields, parameters):
    net = vtn.VTN(**fields)
    table = net.key_table()
    variables = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes(net))
    exported = state_dict.to_state_dict(table, variables)
    assert len(exported) == len(jax.tree.leaves(variables))
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert parameters in (None, count)
    assert state_dict.to_variables(table, exported).keys() == variables.keys()
    assert [name for name in nets.names() if nets.get(name).matches(exported)] == ["vtn"]
    assert vtn.VTN(**vtn.VTN.fields_from_state_dict(exported)) == net
    # Without images there is no backbone, and its rows say which paths that leaves out.
    rest = shapes(net, np.zeros((1, 2, *net.frame_shape), np.float32))
    whole, less = (set(by_path.flat(each["params"])) for each in (variables, rest))
    assert whole - less == set(net.absent_params)


def test_padding_and_holes_never_change_an_answer():
    net = vtn.VTN(num_gloss=3, emb_dim=8, n_heads=2, n_layers=1)
    variables = fresh.variables(net, jnp.zeros((1, 2, 512)))
    x = np.random.default_rng(0).random((1, 7, 512), np.float32)
    valid = (np.arange(7) < 5)[None]
    call = jax.jit(lambda x, valid: nets.call(net, variables, {"x": x, "valid": valid}))
    noise = np.where(valid[..., None], x, 9)
    alone = nets.call(net, variables, {"x": x[:, :5]})
    for found in (call(x, valid), call(noise, valid)):
        for name in ("spatial", "temporal"):
            np.testing.assert_allclose(found[name][:, :5], alone[name], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found["cls"], alone["cls"], rtol=1e-4, atol=1e-5)


def test_frames_that_are_no_images_are_refused():
    with pytest.raises(ValueError, match=r"expected frames \[B, T, H, W, 3\] or features"):
        shapes(vtn.VTN(), np.zeros((1, 2, 511), np.float32))


def published(name):
    """State_dict of torchvision's, without the counters that its old files lack."""
    table = vtn.BACKBONES[name].published()
    rng = np.random.default_rng(0)
    weights = {r.key: rng.random(r.shape, np.float32) for r in table if r.kind != "count"}
    return weights | {f"{vtn.BACKBONES[name].classifier}weight": np.zeros((10, 4), np.float32)}


def test_weights_that_torchvision_publishes(tmp_path):
    torch = pytest.importorskip("torch")
    weights = published("efficientnet_b0")
    torch.save({k: torch.from_numpy(v) for k, v in weights.items()}, tmp_path / "b0.pth")
    net = vtn.VTN(backbone_name="efficientnet_b0", emb_dim=8, n_heads=2, n_layers=1)
    (part,) = net.optional_parts
    made = jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), shapes(net))
    joined = part.joined(made, tmp_path / "b0.pth")
    assert jax.tree.map(np.shape, joined) == jax.tree.map(np.shape, dict(made))
    stem = joined["params"]["backbone"]["stem"]["conv"]["kernel"]
    np.testing.assert_array_equal(stem, weights["features.0.0.weight"].transpose(2, 3, 1, 0))
    with pytest.raises(UserError, match="missing key conv1.weight"):
        vtn.VTN().optional_parts[0].load(tmp_path / "b0.pth")
    with pytest.raises(UserError, match="torchvision's documentation of resnet34"):
        vtn.VTN().optional_parts[0].load(tmp_path / "none.pth")


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_convolutions_of_images(stride):
    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel[:, :, None], (stride, stride), [(1, 1)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3,
        )  # fmt: skip

    x, kernel = normal(0, 2, 5, 6, 3), normal(1, 3, 3, 3)
    assert_same_with_gradients(
        lambda x, k: image_convs.shifted_products(x, k, stride), plain, x, kernel
    )


@pytest.mark.parametrize(("stride", "most"), [(1, 2**20), (2, 300)])
def test_convolutions_of_images(stride, most):
    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), [(1, 1)] * 2,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )  # fmt: skip

    x, kernel = normal(0, 4, 5, 6, 3), normal(1, 3, 3, 3, 2)
    assert_same_with_gradients(
        lambda x, k: image_convs.convolution(x, k, stride, most), plain, x, kernel
    )


@pytest.mark.parametrize("shape", [(5, 6), (4, 7), (1, 1)])
def test_wide_convolutions_by_sums_of_places(shape):
    x, kernel = normal(0, 2, *shape, 128), normal(1, 3, 3, 128, 130)
    sums = jax.jit(image_convs.winograd)(x, kernel)
    plain = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), [(1, 1)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(sums, plain, rtol=1e-4, atol=2e-4)
    chosen = jax.jit(image_convs.convolution, static_argnums=2)(x, kernel, 1)
    np.testing.assert_array_equal(chosen, sums)


def test_the_greatest_of_windows():
    x = np.asarray(normal(0, 1, 5, 4, 2))
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    found = image_convs.max_pool(jnp.asarray(x))
    assert found.shape == (1, 3, 2, 2)
    for i, j in np.ndindex(3, 2):
        window = wide[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        np.testing.assert_array_equal(found[0, i, j], window.max((0, 1)))
