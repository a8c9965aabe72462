"""The benchmarks run and report; no time is asserted."""

import json

import numpy as np
import pytest

from benchmarks import (
    command,
    detector,
    devices,
    flops,
    fslr,
    input_pipeline,
    scene_graphs,
    timing,
    views,
    whisper_sign,
    workload,
)
from jaxsign.nets import iv3_gru, sign_transformer
from jaxsign.nets import whisper_sign as whisper_sign_nets

pytest.importorskip("torch")


def test_every_comparison_is_reported(tmp_path, capsys):
    path = tmp_path / "report.json"
    measures = (*fslr.MEASURES, *input_pipeline.MEASURES)
    command.main(*measures, argv=["--check", "--json", str(path)])
    printed = capsys.readouterr().out
    assert "training step" in printed and "ratio" in printed
    report = json.loads(path.read_text())
    rows = [row for one in report["measures"].values() for row in one["rows"]]
    names = [row["name"] for row in rows]
    for words, count in (("training step", 2), ("prediction", 4), ("epoch", 2), ("input", 4)):
        assert sum(words in name for name in names) == count
    for row in rows:
        ours, theirs = list(row["sides"].values())
        assert row["ratio"] == pytest.approx(theirs["median_s"] / ours["median_s"])
    assert report["machine"]["torch_threads"] >= 1
    assert report["measures"]["fslr"]["matmul_peak_gflop_per_s"] > 0


def test_ways_to_share_a_batch_are_timed():
    rows = devices.measure("check")
    assert [list(row.sides) for row in rows] == [["jit", "pmap"], ["jit", "one device"]]
    assert all(row.ratio > 0 for row in rows)


def test_the_originals_loop_counts_the_same_recall():
    rows = scene_graphs.measure_recall("check")  # refuses other numbers
    assert [list(row.sides) for row in rows] == [["jaxsign", "numpy"]] * 3


def test_nets_of_scenes_are_timed_beside_their_references(capsys):
    command.main(*scene_graphs.MEASURES, argv=["--check", "--only", "stket", "recall"])
    printed = capsys.readouterr().out
    for name in ("step, 2 videos", "evaluation, 2 videos"):
        assert f"STKET: {name}" in printed
    assert "STTran" not in printed and "Recall of 20 frames" in printed


def test_the_detector_is_timed_beside_the_reference(capsys):
    command.main(*detector.MEASURES, argv=["--check", "--only", "detector"])
    printed = capsys.readouterr().out
    for name in ("maps of an image", "RoIAlign of 100 boxes", "features of 100 boxes", "an image"):
        assert f"Detector: {name}" in printed


def test_every_view_is_timed(capsys):
    command.main(*views.MEASURES, argv=["--check"])
    printed = capsys.readouterr().out
    for name in ("fslr156", "asl_hybrid", "whisper_sign", "signon A", "signon B"):
        assert f"view {name}" in printed
    assert printed.count("clips a second") == len(views.VIEWS)


def test_alternate_repeats_short_runs_and_calls_both_sides_in_turn():
    calls = []
    sides = {"jax": lambda: calls.append("j"), "torch": lambda: calls.append("t")}
    times = timing.alternate(sides, rounds=4, shortest=0.0, pause=0.0)
    assert calls == [*"jjtt", *"jt", *"tj", *"jt"]
    assert len(times["jax"].seconds) == 4
    calls.clear()
    times = timing.alternate(sides, rounds=2, shortest=0.01, pause=0.0)
    assert calls[:4] == [*"jjtt"] and len(calls) > 100 and len(times["torch"].seconds) == 2


def test_timing_summary():
    measured = timing.Timing(9.0, (1.0, 2.0, 3.0, 4.0, 5.0))
    assert measured.median == 3.0 and measured.spread == pytest.approx(1 / 3)


def test_operations_of_the_default_nets():
    # By hand: 3200 rows; a layer has 786,432 weights in its products and 2 x 100 x 256
    # multiplications a row in attention; the embedding 156 x 256; each head 256 x 128 and its
    # classes.
    first, layers = 3200 * 156 * 256, 4 * 3200 * (786_432 + 51_200)
    heads = 32 * (2 * 256 * 128 + 128 * 115)
    net = sign_transformer.SignTransformer()
    assert flops.count(net, 32, 100, train=False) == 2 * (first + layers + heads)
    assert flops.count(net, 32, 100, train=True) == 2 * (2 * first + 3 * (layers + heads))
    gru = 3 * (16 * 16 + 16 * 12 + 12 * 12) * 7 + 12 * 115
    assert flops.count(iv3_gru.InceptionV3GRU(), 1, 7, train=False) == 2 * (7 * 2048 * 48 + gru)


def test_operations_of_whisper_sign():
    # By hand: 2 clips of 10 frames are 6 patches of 4 x 5 x 3 numbers; 4 tokens a clip.
    net = whisper_sign_nets.WhisperSign(
        num_gloss=9, num_joints=5, num_features=3, dim=8, num_heads=2, num_layers=3, ff_dim=12
    )
    first, frontend, heads = 6 * 60 * 8, 6 * 2 * 64, (6 + 8) * 8 * 10
    encoder = 2 * (6 * 4 * 64 + 2 * 6 * 3 * 8) + 6 * 2 * 8 * 12
    decoder = 8 * 4 * 64 + 2 * 8 * 4 * 8  # its own tokens
    decoder += (8 + 8 + 6 + 6) * 64 + 2 * 8 * 3 * 8  # query, output; key, value of the patches
    decoder += 8 * 2 * 8 * 12
    expected = 2 * (2 * first + 3 * (frontend + heads + 3 * (encoder + decoder)))
    assert flops.whisper_sign_step(net, 2, 10, 4) == expected


def test_an_epoch_is_summed_from_its_steps():
    parts = [(timing.Timing(9.0, (1.0, 2.0)), 3), (timing.Timing(4.0, (10.0, 20.0)), 1)]
    epoch = whisper_sign.summed(parts)
    assert epoch.first == 13.0 and epoch.seconds == (13.0, 26.0)


def test_the_originals_epoch_holds_every_clip():
    clips = workload.lengths(50, shortest=20, longest=120, seed=3)
    epoch = workload.padded_to_longest(clips, 8, 2)
    np.testing.assert_array_equal(np.concatenate([b["lengths"] for b in epoch]), clips)
    for batch in epoch:
        assert batch["x"].shape[1] == batch["lengths"].max()
        np.testing.assert_array_equal(batch["valid"].sum(1), batch["lengths"])
        assert np.all(batch["x"][~batch["valid"]] == 0)
