"""The detector: padding of images and chunks, layouts, clipping, given boxes, its key table."""

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import faster_rcnn, resnet, state_dict
from jaxsign.nets.layers import image_convs, roi_align

SIZES = np.array([[64, 48], [43, 61], [30, 64]])  # rows and columns of images
SMALL = {"num_classes": 3, "proposals": 6, "scales": (1.0, 2.0), "proposal_dim": 8}


def net(**options):
    return faster_rcnn.FasterRCNN(**{**SMALL, "backbone": "resnet18", **options})


def variables(made):
    found = fresh.variables(made, jnp.zeros((1, 64, 64, 3)))
    for part in ("base", "top"):  # sums of many blocks stay as small as what they are made of
        for name, block in found["params"][part].items():
            if name != "stem":
                block[sorted(n for n in block if n != "shortcut")[-1]]["norm"]["scale"] *= 0.2
    found["params"]["rpn"]["deltas"]["kernel"] *= 0.1
    return found


def images(sizes=SIZES, seed=0):
    """Images of these sizes, and what lies around them, as a batch."""
    rng = np.random.default_rng(seed)
    made = [rng.normal(0, 60, (*size, 3)).astype(np.float32) for size in sizes]
    batch = np.full((len(sizes), 64, 80, 3), 7e3, np.float32)
    for row, image in zip(batch, made, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return made, batch


@pytest.fixture(scope="module", params=["resnet18 torchvision", "resnet50 caffe"])
def told(request):
    """What a net tells of a padded batch, and of every image of it alone."""
    backbone, layout = request.param.split()
    made = net(backbone=backbone, layout=layout)
    weights = variables(made)
    alone, batch = images()

    @jax.jit
    def run(weights, given):
        return nets.call(made, weights, given)

    both = {"images": batch, "image_sizes": SIZES}
    return run(weights, both), [run(weights, {"images": image[None]}) for image in alone]


def test_padding_and_company_change_no_box(told):
    together, alone = told
    for i, one in enumerate(alone):
        assert one["valid_boxes"].sum() > 2
        np.testing.assert_array_equal(together["valid_boxes"][i], one["valid_boxes"][0])
        np.testing.assert_allclose(together["boxes"][i], one["boxes"][0], rtol=1e-4, atol=1e-3)
        rows, columns = one["maps"].shape[1:3]
        maps = together["maps"][i]
        np.testing.assert_allclose(maps[:rows, :columns], one["maps"][0], rtol=1e-3, atol=1e-4)
        assert not maps[rows:].any() and not maps[:, columns:].any()
        for name in ("scores", "class_logits", "features"):
            np.testing.assert_allclose(
                together[name][i], one[name][0], rtol=1e-3, atol=1e-4, err_msg=name
            )
        np.testing.assert_allclose(
            together["class_boxes"][i], one["class_boxes"][0], rtol=1e-3, atol=1e-2
        )


def test_boxes_are_within_their_images_and_those_that_are_none_are_0(told):
    together, _ = told
    last = np.tile(SIZES[:, ::-1] - 1, 2)
    for name in ("boxes", "class_boxes"):
        found = np.asarray(together[name])
        limits = last.reshape(3, *[1] * (found.ndim - 2), 4)
        assert (found >= 0).all() and (found <= limits).all()
    assert not np.asarray(together["boxes"])[~np.asarray(together["valid_boxes"])].any()
    np.testing.assert_allclose(together["scores"].sum(-1), 1, rtol=1e-5)


def test_given_boxes_are_looked_at_and_only_the_first_frame_of_a_chunk_is_clipped_as_originally():
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 30, (3, 4, 2))
    given = np.concatenate([corner, corner + rng.uniform(5, 30, (3, 4, 2))], -1).astype(np.float32)
    _, batch = images()
    batch = {"images": batch, "image_sizes": SIZES, "boxes": given}
    made = {clip: net(clip=clip, chunk=2) for clip in ("each", "first_of_chunk")}
    weights = variables(made["each"])
    weights["params"]["class_deltas"]["kernel"] *= 30
    each, first = (jax.jit(lambda w, n=n: nets.call(n, w, batch))(weights) for n in made.values())
    np.testing.assert_array_equal(each["boxes"], given)
    assert each["valid_boxes"].all()
    np.testing.assert_array_equal(each["class_boxes"][::2], first["class_boxes"][::2])
    last = np.tile(SIZES[1, ::-1] - 1, 2)
    assert (first["class_boxes"][1] > last).any() and (first["class_boxes"] >= 0).all()
    np.testing.assert_array_equal(each["class_boxes"][1], np.minimum(first["class_boxes"][1], last))


def test_a_bottlenecks_stride_stands_where_the_layout_has_it():
    rows = resnet.convolutions(64, 256, 2, True)
    assert [row[2:] for row in rows] == [(1, 1), (3, 2), (1, 1), (1, 2)]
    rows = resnet.convolutions(64, 256, 2, True, stride_in_1x1=True)
    assert [row[2:] for row in rows] == [(1, 2), (3, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize("shape", [(8, 9), (7, 6), (2, 3), (5, 5)])
def test_pooling_without_padding_is_torchs_ceil_mode(shape):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(1, *shape, 2)).astype(np.float32)
    pool = torch.nn.MaxPool2d(3, 2, padding=0, ceil_mode=True)
    expected = pool(torch.from_numpy(x).movedim(-1, 1)).movedim(1, -1).numpy()
    np.testing.assert_array_equal(image_convs.max_pool_inside(jnp.asarray(x)), expected)


def test_cells_that_are_not_wanted_are_left_out_and_padding_of_maps_does_not_count():
    rng = np.random.default_rng(0)
    maps = jnp.asarray(rng.normal(size=(1, 6, 5, 3)), jnp.float32)
    boxes = jnp.asarray([[[0.0, 0, 79, 95], [10, 20, 70, 90], [60, 80, 200, 300]]])
    whole = roi_align.roi_align(maps, boxes)
    some = roi_align.roi_align(maps, boxes, step=2)
    np.testing.assert_allclose(some, whole[:, :, ::2, ::2], rtol=1e-5, atol=1e-6)
    padded = jnp.pad(maps, ((0, 0), (0, 3), (0, 4), (0, 0)), constant_values=1e6)
    found = roi_align.roi_align(padded, boxes, sizes=jnp.asarray([[6, 5]]))
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)


def test_the_originals_keys_come_in_and_go_out():
    made = net(backbone="resnet50", proposal_dim=4, scales=(8.0, 16.0, 32.0))
    shapes = jax.eval_shape(made.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    rng = np.random.default_rng(0)
    kept = jax.tree.map(lambda a: rng.uniform(size=a.shape).astype(a.dtype), shapes)
    table = made.key_table()
    exported = state_dict.to_state_dict(table, kept)
    assert len(exported) == len(jax.tree.leaves(kept))
    assert [name for name in nets.names() if nets.get(name).matches(exported)] == ["faster_rcnn"]
    told = faster_rcnn.FasterRCNN.fields_from_state_dict(exported)
    assert faster_rcnn.FasterRCNN(**told, proposals=6) == made
    back = state_dict.to_variables(table, exported)
    jax.tree.map(np.testing.assert_array_equal, kept, back)


def test_files_of_boxes_of_no_class_and_of_other_anchors_are_no_such_nets():
    exported = {row.key: np.zeros(row.shape) for row in net(scales=(8.0, 16.0, 32.0)).key_table()}
    read = faster_rcnn.FasterRCNN.fields_from_state_dict
    assert read(exported)["backbone"] == "resnet18"
    with pytest.raises(ValueError, match="RCNN_bbox_pred"):
        read(exported | {"RCNN_bbox_pred.weight": np.zeros((4, 512))})
    with pytest.raises(ValueError, match="5 anchors a cell"):
        read(exported | {"RCNN_rpn.RPN_cls_score.weight": np.zeros((10, 8, 1, 1))})
    with pytest.raises(ValueError, match="a backbone of"):
        read({k: v for k, v in exported.items() if not k.startswith("RCNN_base.6.1")})
    with pytest.raises(UserError, match="takes images"):
        _ = net().frame_shape
