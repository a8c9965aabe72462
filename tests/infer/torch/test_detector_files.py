"""Files of detectors and of ResNets: in, out, and what is no such file."""

import os
import pathlib

import jax
import numpy as np
import pytest

from jaxsign import cli, nets
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer.torch import detectors
from jaxsign.nets import detector_backbone, faster_rcnn, state_dict
from jaxsign.nets.pretrained import detectors as pretrained

torch = pytest.importorskip("torch")
RESNET = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")


def detector(classes=81, **options):
    """A small net of the original's layout."""
    return faster_rcnn.FasterRCNN(
        backbone="resnet18", num_classes=classes, proposal_dim=4, **options
    )


def numbers(table, seed=0):
    rng = np.random.default_rng(seed)
    return {
        row.key: np.asarray(rng.integers(0, 9), np.int64)
        if row.kind == "count"
        else rng.random(row.shape, np.float32)
        for row in table
    }


def saved(path, weights, **more):
    torch.save({**more, "model": {k: torch.from_numpy(v) for k, v in weights.items()}}, path)
    return path


@pytest.fixture(scope="module")
def known():
    """A net of 81 classes, and a state_dict of it."""
    net = detector()
    return net, numbers(net.key_table())


def test_a_file_of_the_original_comes_in_and_goes_out_bit_by_bit(known, tmp_path):
    net, weights = known
    # Beside the weights the original saves these.
    more = {"session": 1, "epoch": 7, "pooling_mode": "align", "class_agnostic": False}
    path = saved(tmp_path / "faster_rcnn_1_7_9.pth", weights, **more)
    found = detectors.load(path, clip="first_of_chunk")
    assert found.net == net.clone(clip="first_of_chunk") and found.notes == ()
    detectors.save(found, tmp_path / "out.pth")
    back = torch.load(tmp_path / "out.pth", weights_only=True)
    assert list(back) == ["model"] and list(back["model"]) == list(weights)
    for key, value in back["model"].items():
        np.testing.assert_array_equal(value.numpy(), weights[key])
    with pytest.raises(UserError, match="already exists"):
        detectors.save(found, tmp_path / "out.pth")


def test_an_old_file_without_counters_and_of_nine_anchors(tmp_path):
    net = detector(21, scales=(8.0, 16.0, 32.0))
    weights = numbers(row for row in net.key_table() if row.kind != "count")
    path = tmp_path / "voc.pth"
    content = {"model": {f"module.{k}": torch.from_numpy(v) for k, v in weights.items()}}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    found = detectors.load(path)
    assert found.net == net
    assert found.variables["batch_stats"]["base"]["stem"]["norm"]["count"] == 0


def test_other_classes_are_fresh_where_they_are_asked_for(known, tmp_path):
    net, weights = known
    path = saved(tmp_path / "coco.pth", weights)
    found = detectors.load(path, num_classes=37)
    assert found.net == net.clone(num_classes=37)
    assert "81 classes are not the 37" in found.notes[0]
    for name, width, deviation in (("class_scores", 37, 0.01), ("class_deltas", 148, 0.001)):
        layer = found.variables["params"][name]
        assert layer["kernel"].shape == (512, width) and not layer["bias"].any()
        assert layer["kernel"].std() == pytest.approx(deviation, rel=0.05)
    kept = state_dict.to_state_dict(found.net.key_table(), found.variables)
    for key, value in weights.items():
        if not key.startswith(pretrained.CLASSES):
            np.testing.assert_array_equal(kept[key], value)


def blank(net):
    shapes = jax.eval_shape(
        lambda: nets.init(net, jax.random.key(0), {"images": np.zeros((1, 64, 64, 3))})
    )
    return jax.tree.map(lambda a: np.full(a.shape, 11, a.dtype), shapes)


def test_a_run_starts_from_a_detector_of_other_classes_and_anchors(known, tmp_path):
    _, weights = known
    path = saved(tmp_path / "coco.pth", weights)
    net = detector(37, scales=(8.0, 16.0, 32.0))
    made, notes = net.load_pretrained(path, blank(net))
    kept = state_dict.to_state_dict(net.key_table(), made)
    fresh = {key for key, value in kept.items() if (value == 11).all()}
    assert fresh == {
        f"{name}.{leaf}"
        for name in (
            "RCNN_rpn.RPN_cls_score", "RCNN_rpn.RPN_bbox_pred", "RCNN_cls_score", "RCNN_bbox_pred"
        )
        for leaf in ("weight", "bias")
    }  # fmt: skip
    assert f"{len(kept) - 8} of {len(kept)} arrays" in notes[0] and "left fresh" in notes[1]
    same, notes = detector().load_pretrained(path, blank(detector()))
    assert len(notes) == 1
    np.testing.assert_array_equal(
        same["params"]["class_scores"]["bias"], weights["RCNN_cls_score.bias"]
    )


def test_a_run_starts_from_a_resnet_of_torchvisions_or_caffes(tmp_path):
    table = detector_backbone.backbone_rows("resnet18", RESNET)
    weights = numbers(row for row in table if row.kind != "count")
    weights["fc.weight"] = np.zeros((10, 512), np.float32)
    path = tmp_path / "resnet18.pth"
    torch.save({k: torch.from_numpy(v) for k, v in weights.items()}, path)
    net = detector(37, layout="torchvision")
    made, notes = net.load_pretrained(path, blank(net))
    stem = made["params"]["base"]["stem"]["conv"]["kernel"]
    np.testing.assert_array_equal(stem, weights["conv1.weight"].transpose(2, 3, 1, 0))
    last = made["params"]["top"]["layer4_1"]["conv2"]["conv"]["kernel"]
    np.testing.assert_array_equal(last, weights["layer4.1.conv2.weight"].transpose(2, 3, 1, 0))
    assert (made["params"]["rpn"]["conv"]["kernel"] == 11).all()
    assert "a ResNet" in notes[0] and "RCNN_rpn.RPN_Conv.weight" in notes[1]
    with pytest.raises(UserError, match="does not fit this net"):
        other = faster_rcnn.FasterRCNN(backbone="resnet34", proposal_dim=4)
        other.load_pretrained(path, {})


def test_an_exported_run_comes_back_with_what_no_key_tells(known, tmp_path, capsys):
    path = saved(tmp_path / "own.pth", numbers(detector(3).key_table()))
    own = {"layout": "torchvision", "scales": (1.0, 2.0, 4.0, 8.0), "short_side": 192}
    objects = ("__background__", "cup", "dog")
    words = [f"--config.net.{name}={value}" for name, value in own.items()]
    words += [f"--config.task.objects={objects}"]
    run, again, out = (str(tmp_path / name) for name in ("run", "again", "out.pth"))
    assert cli.main(["import", str(path), "--workdir", run, *words]) == 0
    assert cli.main(["export", "--workdir", run, out]) == 0
    assert "scripts have no layout=torchvision, scales=[1.0, 2.0" in capsys.readouterr().out
    found = detectors.load(out)
    assert found.net == detector(3, **own) and found.objects == objects and not found.notes
    assert cli.main(["import", out, "--workdir", again]) == 0
    assert "named its" not in capsys.readouterr().out
    first, second = (configs.load_run_config(pathlib.Path(one)) for one in (run, again))
    assert first.net == second.net and tuple(second.task.objects) == objects
    with pytest.raises(UserError, match="learnt with net.layout=torchvision, the recipe has caffe"):
        detector(3).load_pretrained(out, {})
    held = torch.load(out, weights_only=True)
    held["jaxsign"]["net"]["layout"] = "another"
    torch.save(held, path)
    with pytest.raises(UserError, match="own.pth: jaxsign.net.layout='another': expected 'caffe'"):
        detectors.load(path)


class Planted:
    """What a pickle runs that is opened the common way."""

    def __reduce__(self):
        return os.system, ("touch planted",)


def test_what_is_no_detector_is_an_error_and_nothing_goes_on_without_weights(
    known, tmp_path, monkeypatch
):
    net, weights = known
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "bad.pth", weights, optimizer=Planted())
    for name, reason in (("none.pth", "no such file.*random weights"), ("bad.pth", "refused")):
        with pytest.raises(UserError, match=reason):
            detectors.load(tmp_path / name)
        with pytest.raises(UserError, match=reason):
            net.load_pretrained(tmp_path / name, {})
    assert not (tmp_path / "planted").exists()
    whole = saved(tmp_path / "whole.pth", weights).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cut short"):
        detectors.load(path)
    saved(path, {k: v for k, v in weights.items() if k != "RCNN_top.0.1.bn2.bias"})
    with pytest.raises(UserError, match="missing key RCNN_top.0.1.bn2.bias"):
        detectors.load(path)
    saved(path, {"conv1.weight": weights["RCNN_base.0.weight"]})
    with pytest.raises(UserError, match="are no detector's"):
        detectors.load(path)
    agnostic = {"RCNN_bbox_pred.weight": np.zeros((4, 512), np.float32)}
    saved(path, weights | agnostic)
    with pytest.raises(UserError, match="not of each class"):
        detectors.load(path)
