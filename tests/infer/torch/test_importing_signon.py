"""SignON's Lightning checkpoints of both generations become runs, and go out again alike."""

import csv
import sys
from pathlib import Path

import helpers
import numpy as np
import pytest

from jaxsign import api, cli, nets
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import exporting, importing
from jaxsign.input.signs.views import signon

torch = pytest.importorskip("torch")
SIZES = {"num_gloss": 3, "emb_dim": 8, "n_heads": 2, "n_layers": 1}
COMMON = {
    "batch_size": 4, "learning_rate": 3e-4, "weight_decay": None, "num_attention_layers": 1,
    "num_attention_heads": 2, "d_hidden": 8, "seed": 42,
}  # fmt: skip
B = {
    **COMMON, "num_classes": [1, 2], "data_dir": ["a", "b"], "source_aspect_ratio": [0.5625, 0.8],
    "data_kind": "Mediapipe", "variable_length_sequences": True, "pf_dropout": 0.3,
}  # fmt: skip
A = {
    **COMMON, "num_classes": 3, "data_dir": "data", "data_kind": "Mediapipe_Cleaned",
    "mediapipe_2d": True, "variable_length_sequences": False,
}  # fmt: skip


def weights(name, **more):
    rng = np.random.default_rng(0)
    return {
        f"model.{entry.key}": torch.from_numpy(
            entry.constant() if entry.constant else rng.random(entry.shape, np.float32)
        )
        for entry in nets.get(name)(**SIZES, **more).key_table()
    }


def save(path, state, arguments, **more):
    content = {
        "epoch": 4, "global_step": 9, "pytorch-lightning_version": "1.7.7", "state_dict": state,
        "callbacks": {"a": {"monitor": "val_accuracy", "best_model_score": torch.tensor(0.25)}},
        "hyper_parameters": arguments, **more,
    }  # fmt: skip
    torch.save(content, path)
    return path


def test_generation_b_tells_languages_aspects_and_sizes(tmp_path):
    state = weights("poseformer", languages=2)
    state["criterion.weight"] = torch.ones(3)  # of the loss, where classes are weighed
    path = save(tmp_path / "a.ckpt", state, {**B, "model_name": "PoseFormer"})
    found = importing.import_checkpoint(path, tmp_path / "r")
    assert found.net == "poseformer" and (found.epoch, found.best_metric) == (5, 0.25)
    assert found.fields.items() >= {**SIZES, "languages": 2, "dropout": 0.3}.items()
    assert any("2 languages of 1, 2 signs" in note for note in found.notes)
    config = runs.load_run(tmp_path / "r").config
    assert config.data.aspect == (0.5625, 0.8) and config.data.kind == "Mediapipe"
    assert (config.optim.lr, config.input.batch_size, config.input.fixed_length) == (3e-4, 4, 0)


def test_generation_a_takes_flat_vectors_of_fixed_length(tmp_path):
    state = weights("ptn", generation="A")
    path = save(tmp_path / "a.ckpt", state, {**A, "model_name": "PTN"})
    found = importing.import_checkpoint(path, tmp_path / "r")
    assert found.fields["generation"] == "A" and found.fields["input_dim"] == 134
    run = runs.load_run(tmp_path / "r")
    config = run.config
    assert (config.view.output, config.data.dims, config.input.fixed_length) == ("features", 2, 16)
    assert run.net.frame_shape == (134,)
    assert config.loss.name == "ce" and config.input.augment.signon.jitter == 0
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.ckpt").path
    content = torch.load(out, weights_only=True)
    assert content["hyper_parameters"] == {**A, "model_name": "PTN"}


def test_vtn_learns_from_films_and_keeps_its_backbone(tmp_path):
    """A file as the original's module saves it, of random weights and running statistics."""
    from parity.reference import signon_vtn

    torch.manual_seed(0)
    backbone = "efficientnet_b0"
    module = signon_vtn.VTN(
        num_classes=[1, 2], d_hidden=8, num_attention_heads=2, num_attention_layers=1,
        lang_embedding_size=4, backbone_name=backbone,
    )  # fmt: skip
    state = {f"model.{key}": value for key, value in module.state_dict().items()}
    films = {"model_name": "VTN", "data_kind": "RGB_Full", "backbone_name": backbone}
    told = {**B, **films, "variable_length_sequences": False}
    found = importing.import_checkpoint(save(tmp_path / "a.ckpt", state, told), tmp_path / "r")
    assert found.net == "vtn"
    assert found.fields == {**SIZES, "languages": 2, "language_dim": 4, "backbone_name": backbone}
    run = runs.load_run(tmp_path / "r")
    assert run.takes_frames and (run.config.data.kind, run.config.view.name) == (
        "RGB_Full", "frames",
    )  # fmt: skip
    assert (run.config.input.fixed_length, run.config.data.aspect) == (0, ())
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.ckpt").path
    content = torch.load(out, weights_only=True)
    assert list(content["state_dict"]) == list(state) and content["hyper_parameters"] == told
    for key, value in state.items():
        assert torch.equal(content["state_dict"][key], value), key
    # Of the heads alone, and with words of the run's own.
    del content["hyper_parameters"]
    bare = tmp_path / "bare.ckpt"
    torch.save(content, bare)
    importing.import_checkpoint(bare, tmp_path / "s", n_heads=2)
    own = exporting.export_checkpoint(tmp_path / "s", tmp_path / "p.ckpt", heads_only=True).path
    content = torch.load(own, weights_only=True)
    assert content["hyper_parameters"].items() >= {**films, "num_classes": [3]}.items()
    assert not any(key.startswith("model.backbone.0.") for key in content["state_dict"])
    for change, expected in (
        ({"backbone_name": "resnet34"}, "backbone_name: 'resnet34' in hyper_parameters"),
        ({"data_kind": "Mediapipe"}, "data_kind: 'Mediapipe', but the net takes films"),
    ):
        path = save(tmp_path / "b.ckpt", state, {**told, **change})
        with pytest.raises(UserError, match=expected):
            importing.import_checkpoint(path, tmp_path / "t")


def test_embeddings_over_time_have_as_many_rows_as_the_clip_has_frames(tmp_path):
    torch.save(weights("ptn"), tmp_path / "bare.pt")
    importing.import_checkpoint(tmp_path / "bare.pt", tmp_path / "r", n_heads=2)
    model, clip = api.load(tmp_path / "r"), np.random.default_rng(0).random((5, 75, 3), np.float32)
    shapes = [model.embed(clip, name).shape for name in ("spatial", "temporal", "cls")]
    assert shapes == [(5, 8), (5, 8), (8,)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"d_hidden": 16}, "emb_dim: 16 in hyper_parameters, 8 by the weights"),
        ({"num_classes": [2, 2]}, r"num_classes: \[2, 2\] in hyper_parameters, 3 by"),
        ({"model_name": "PTN"}, "model_name: 'PTN', expected 'PoseFormer'"),
        ({"data_kind": "RGB_Full"}, "'RGB_Full', but the net takes points"),
        ({"data_kind": "OpenPose_Raw"}, "'OpenPose_Raw' is of generation A"),
        ({"data_kind": "Kinect"}, "data_kind: "),
        ({"num_attention_heads": 3}, "n_heads=3 does not divide emb_dim=8"),
        ({"num_classes": [1, 1, 1]}, "num_classes 3, data_dir 2, source_aspect_ratio 2"),
        ({**A, "data_dir": "d"}, "as in generation A, which has no PoseFormer"),
    ],
)
def test_arguments_that_contradict_the_weights_are_told(tmp_path, change, expected):
    told = {**(A if change.get("num_classes") == 3 else B), "model_name": "PoseFormer", **change}
    path = save(tmp_path / "a.ckpt", weights("poseformer"), told)
    with pytest.raises(UserError, match=expected):
        importing.import_checkpoint(path, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_weights_of_another_number_of_languages_are_told(tmp_path):
    path = save(tmp_path / "a.ckpt", weights("ptn", languages=3), {**B, "model_name": "PTN"})
    with pytest.raises(UserError, match=r"ratio 2, languages by the weights 3\nTake the file"):
        importing.import_checkpoint(path, tmp_path / "r")


def test_a_run_without_a_file_of_the_originals_goes_out_with_its_own_arguments(tmp_path):
    state = weights("ptn")
    torch.save(state, tmp_path / "bare.pt")
    found = importing.import_checkpoint(tmp_path / "bare.pt", tmp_path / "r", n_heads=2)
    assert any("no hyper_parameters" in note for note in found.notes)
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.ckpt").path
    content = torch.load(out, weights_only=True)
    assert list(content["state_dict"]) == list(state)
    told = content["hyper_parameters"]
    assert told["num_classes"] == [3] and told["source_aspect_ratio"] == [1.0]
    assert (told["model_name"], told["d_hidden"], told["num_attention_heads"]) == ("PTN", 8, 2)
    again = importing.import_checkpoint(out, tmp_path / "s")
    assert again.fields == found.fields | {"generation": "B"}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["poseformer", "ptn"])
def test_the_originals_own_files_make_the_round_trip_without_torch(name, tmp_path, monkeypatch):
    original = helpers.SHARED / f"golden/signon/lightning_{name}_tiny.ckpt"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        importing.import_checkpoint(original, tmp_path / "r")
    out = exporting.export_checkpoint(tmp_path / "r", tmp_path / "o.ckpt").path
    one, two = (torch.load(path, weights_only=True) for path in (original, out))
    assert list(one["state_dict"]) == list(two["state_dict"])
    for key, value in one["state_dict"].items():
        assert torch.equal(two["state_dict"][key], value), key
    assert one["hyper_parameters"] == two["hyper_parameters"] and one["epoch"] == two["epoch"]
    assert {key for key in two if key not in one} == set()


@pytest.mark.shared
def test_the_originals_predictions_are_repeated(tmp_path):
    folder = helpers.SHARED / "golden/signon"
    importing.import_checkpoint(folder / "lightning_poseformer_tiny.ckpt", tmp_path / "r")
    run = runs.load_run(tmp_path / "r")
    with open(folder / "e2e/test_predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))[::4]
    for row in rows:
        points = np.load(folder / "e2e/mediapipe" / f"{Path(row['Path']).stem}.npy")
        x = signon.filled(points.astype(np.float64), run.config.data.aspect[0])
        logits = run.net.apply(run.variables, x[None].astype(np.float32))["logits"]["gloss"][0]
        found = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(found, [float(row[f"p{i}"]) for i in range(4)], atol=1e-5)


@pytest.mark.shared
def test_the_originals_table_of_answers_is_repeated(tmp_path):
    folder = helpers.SHARED / "golden/signon"
    importing.import_checkpoint(folder / "lightning_poseformer_tiny.ckpt", tmp_path / "r")
    words = ["--workdir", str(tmp_path / "r"), "--data", str(folder / "e2e")]
    assert cli.main(["evaluate", *words, "--csv", str(tmp_path / "t.csv")]) == 0
    with open(tmp_path / "t.csv", newline="") as file:
        found = list(csv.DictReader(file))
    with open(folder / "e2e/test_predictions.csv", newline="") as file:
        wanted = list(csv.DictReader(file))
    assert list(found[0]) == list(wanted[0])
    told = [row for row in found if row["Subset"] != "train"]
    assert len(found) == 19 and len(told) == len(wanted)
    for ours, theirs in zip(told, wanted, strict=True):
        assert f"{ours['Path']}.mp4" == theirs["Path"]
        for key in ("Subset", "Ground truth", "Prediction"):
            assert ours[key] == theirs[key]
        for i in range(4):
            assert float(ours[f"p{i}"]) == pytest.approx(float(theirs[f"p{i}"]), abs=1e-5)
