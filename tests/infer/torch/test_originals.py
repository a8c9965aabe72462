"""Checkpoints and manifests in the forms of the original systems."""

import json

import jax
import numpy as np
import pytest
import run_helpers
from helpers import GOLDEN

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.infer import asking
from jaxsign.infer import run as runs

torch = pytest.importorskip("torch")


def test_asl_checkpoints_are_the_originals_dictionary(asl_run, tmp_path):
    path = tmp_path / "asl_model_v1.pth"
    assert cli.main(["export", "--workdir", str(asl_run), str(path)]) == 0
    stored = torch.load(path, weights_only=True)
    assert list(stored) == [
        "epoch", "model_state_dict", "optimizer_state_dict", "val_acc", "train_acc",
        "architecture", "manifest",
    ]  # fmt: skip
    from parity.reference import asl_hybrid_net

    model = asl_hybrid_net.ASLModel(num_classes=3, dim=16)
    assert list(model.state_dict()) == list(stored["model_state_dict"])
    model.load_state_dict(stored["model_state_dict"])
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.load_state_dict(stored["optimizer_state_dict"])
    info = runs.load_run(asl_run).info
    assert stored["epoch"] == info["epoch"] - 1
    assert stored["val_acc"] == pytest.approx(100 * info["metric"])


def test_a_checkpoint_stands_once_all_that_lies_beside_it_does(asl_run, tmp_path):
    words = ["export", "--workdir", str(asl_run), str(tmp_path / "asl.pth")]
    blocked = tmp_path / "asl_final_manifest.json"
    blocked.mkdir()
    assert cli.main(words) == 1
    assert not any(path.suffix in (".pth", ".tmp") for path in tmp_path.iterdir())
    blocked.rmdir()
    assert cli.main(words) == 0 and blocked.is_file()


def test_manifests_tell_the_run(asl_run, tmp_path):
    assert cli.main(["export", "--workdir", str(asl_run), str(tmp_path / "m.pth")]) == 0
    first = json.loads((tmp_path / "m_manifest.json").read_text())
    last = json.loads((tmp_path / "m_final_manifest.json").read_text())
    assert (tmp_path / "training_history.png").stat().st_size > 10_000
    assert first["model_parameters"]["input_dim"] == 744
    assert first["dataset_info"]["num_classes"] == 3 == len(first["dataset_info"]["class_names"])
    assert first["training_results"]["training_progress"]["epochs_completed"] == 4
    assert len(first["model_info"]["timestamp"]) == 15
    history = last["training_history"]
    assert {len(values) for values in history.values()} == {4}
    assert set(history) == {
        "train_losses", "train_accuracies", "val_losses", "val_accuracies", "learning_rates",
    }  # fmt: skip
    results = last["final_results"]
    assert results["best_val_accuracy"] == max(history["val_accuracies"])
    assert results["improvement_over_baseline"] == results["best_val_accuracy"] - 65
    assert not results["early_stopping_triggered"]


def test_what_went_out_comes_in_and_goes_out_again_alike(asl_run, tmp_path):
    first, second = tmp_path / "a.pth", tmp_path / "b.pth"
    assert cli.main(["export", "--workdir", str(asl_run), str(first)]) == 0
    assert cli.main(["import", str(first), "--workdir", str(tmp_path / "run")]) == 0
    assert cli.main(["export", "--workdir", str(tmp_path / "run"), str(second)]) == 0
    one, two = (torch.load(p, weights_only=True) for p in (first, second))
    assert list(one["model_state_dict"]) == list(two["model_state_dict"])
    assert all(
        torch.equal(one["model_state_dict"][key], two["model_state_dict"][key])
        for key in one["model_state_dict"]
    )
    assert one["epoch"] == two["epoch"] and two["val_acc"] == pytest.approx(one["val_acc"])
    # What was imported behaves as the original does with padding.
    assert runs.load_run(tmp_path / "run").config.net.mask_padding is False


def test_the_originals_own_checkpoint_comes_back_as_it_was(tmp_path):
    original = GOLDEN / "asl_hybrid/checkpoint_dim16.pth"
    run, out = tmp_path / "run", tmp_path / "again.pth"
    assert cli.main(["import", str(original), "--workdir", str(run)]) == 0
    assert cli.main(["export", "--workdir", str(run), str(out)]) == 0
    one, two = (torch.load(p, weights_only=True) for p in (original, out))
    for key in ("epoch", "val_acc", "train_acc", "architecture", "manifest"):
        assert one[key] == two[key]
    assert json.loads((tmp_path / "again_manifest.json").read_text()) == one["manifest"]
    assert not (tmp_path / "again_final_manifest.json").exists()
    assert configs.load_run_config(run).input.augment.landmarks.flip == 0


def test_an_imported_net_answers_at_the_clips_own_length(tmp_path):
    path = GOLDEN / "asl_hybrid/checkpoint_dim16.pth"
    assert cli.main(["import", str(path), "--workdir", str(tmp_path / "run")]) == 0
    run = runs.load_run(tmp_path / "run")
    rng = np.random.default_rng(0)
    lengths = (20, 33, 20)
    clips = [
        runs.NetInput(rng.uniform(0, 1, (n, 62, 2)).astype(np.float32), np.ones(n, bool))
        for n in lengths
    ]
    apply = jax.jit(run.net.apply)
    for answer, clip in zip(asking.Asker(run).answers(clips), clips, strict=True):
        alone = apply(run.variables, clip.x[None])["logits"]["gloss"][0]
        np.testing.assert_allclose(answer.logits["gloss"], alone, rtol=1e-4, atol=1e-4)


def test_other_systems_keep_the_common_form(tmp_path):
    run_helpers.save_run(tmp_path / "run")
    assert cli.main(["export", "--workdir", str(tmp_path / "run"), str(tmp_path / "x.pt")]) == 0
    assert "model" in torch.load(tmp_path / "x.pt", weights_only=True)
    assert not list(tmp_path.glob("*.json"))
