"""Prediction of files and folders."""

import dataclasses
import json

import jax
import numpy as np
import pytest
import run_helpers
from helpers import GOLDEN, imported

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer import asking, clip_items, files, predict
from jaxsign.infer import run as runs
from jaxsign.input.signs.views import fslr156

save_clip = run_helpers.save_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module")
def run(folder):
    return runs.load_run(folder)


def test_one_file_gives_one_result(folder, run, tmp_path, capsys):
    path = save_clip(tmp_path / "clip_0089_how are you.npz", 12)
    out = tmp_path / "deep" / "p.json"
    assert predict.predict_files(folder, path, out=out) == 0
    saved = json.loads(out.read_text(encoding="utf-8"))
    assert list(saved) == [
        "gloss_prediction",
        "category_prediction",
        "gloss_probability",
        "category_probability",
        "gloss_top5",
        "category_top3",
    ]
    with np.load(path) as file:
        logits = run.net.apply(run.variables, file["X"][None])["logits"]
    best = int(logits["gloss"][0].argmax())
    assert saved["gloss_prediction"] == f"{run_helpers.NAMES['gloss'][best]} ({best})"
    assert sum(p for _, p in saved["gloss_top5"]) == pytest.approx(1, abs=1e-5)
    printed = capsys.readouterr().out
    assert "PREDICTION RESULTS" in printed and f"Gloss: {saved['gloss_prediction']}" in printed


def test_an_answer_waits_for_nothing_that_only_training_films_or_tables_need(folder, tmp_path):
    words = ["predict", "--workdir", str(folder), str(save_clip(tmp_path / "a.npz", 12))]
    told, heavy = imported(f"from jaxsign import cli\nassert cli.main({words}) == 0")
    assert "PREDICTION RESULTS" in told and {"jax", "flax", "tensorstore"} <= heavy
    assert not heavy & {
        "array_record", "av", "cv2", "grain", "matplotlib", "optax", "orbax", "pandas", "psutil",
        "pyarrow", "scipy", "sklearn", "tensorboardX", "torch",
    }  # fmt: skip


def test_a_folder_gives_a_list_and_bad_files_do_not_stop_it(folder, tmp_path, capsys):
    data = tmp_path / "data"
    for seed, frames in enumerate((3, 20, 9, 32)):
        save_clip(data / "sub" / f"c{seed}.npz", frames, seed)
    (data / "broken.npz").write_bytes(b"not a zip")
    save_clip(data / "empty.npz", 0)
    save_clip(data / "nan.npz", 4, X=np.full((4, 156), np.nan, np.float32))
    out = tmp_path / "p.json"
    assert predict.predict_files(folder, data, out=out) == 3
    saved = json.loads(out.read_text(encoding="utf-8"))
    assert [row["file"] for row in saved] == [f"sub/c{i}.npz" for i in range(4)]
    streams = capsys.readouterr()
    assert "4 of 7 files predicted" in streams.out
    assert f"c0.npz: {saved[0]['gloss_prediction']} 0." in streams.out
    for name, reason in (("broken", "not an .npz file"), ("empty", "no frames"), ("nan", "4 of 4")):
        line = next(li for li in streams.err.splitlines() if f"{name}.npz" in li)
        assert reason in line
    # Files one by one, as a shell spells them out, give the same.
    clips = [str(data / "sub" / f"c{i}.npz") for i in (2, 0)]
    words = ["predict", "--workdir", str(folder), *clips, "--out", str(out)]
    assert cli.main(words) == 0
    one_by_one = json.loads(out.read_text(encoding="utf-8"))
    assert [row.pop("file") for row in one_by_one] == clips
    assert [row["gloss_prediction"] for row in one_by_one] == [
        saved[i]["gloss_prediction"] for i in (2, 0)
    ]


def test_a_single_bad_file_is_an_error(folder, tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match="x.npz: not an .npz file"):
        predict.predict_files(folder, tmp_path / "x.npz")


def test_numbers_that_no_net_can_take_are_told_of_the_one_clip(folder, tmp_path, capsys):
    save_clip(tmp_path / "data" / "good.npz", 6)
    save_clip(tmp_path / "data" / "huge.npz", 6, X=np.full((6, 156), 3e38, np.float32))
    assert predict.predict_files(folder, tmp_path / "data", out=tmp_path / "p.json") == 1
    assert "huge.npz: 936 numbers beyond 1e+09, such as 3e+38" in capsys.readouterr().err
    assert [row["file"] for row in json.loads((tmp_path / "p.json").read_text())] == ["good.npz"]


def test_an_answer_that_is_no_number_is_refused(run, tmp_path):
    head = run.variables["params"]["gloss_head"]
    params = {**run.variables["params"], "gloss_head": jax.tree.map(lambda a: a * np.nan, head)}
    damaged = dataclasses.replace(run, variables={**run.variables, "params": params})
    clip = files.read(save_clip(tmp_path / "a.npz", 6), run)
    with pytest.raises(UserError, match=r"says of clip 0 is no number \(NaN\): its weights"):
        asking.Asker(damaged).answers([clip])


def test_stored_code_is_never_run(run, tmp_path):
    path = save_clip(tmp_path / "x.npz", 4, extra=np.array([{"a": 1}], object), X=None)
    with pytest.raises(UserError, match="no array of 156 numbers a frame.*mask"):
        files.read(path, run)


def test_long_clips_are_cut_with_one_warning(folder, tmp_path, caplog):
    long = save_clip(tmp_path / "long" / "a.npz", 50)
    save_clip(tmp_path / "long" / "b.npz", 40, 1)
    with np.load(long) as file:
        save_clip(tmp_path / "short" / "a.npz", 32, X=file["X"][:32])
    predict.predict_files(folder, tmp_path / "long", out=tmp_path / "l.json")
    (message,) = caplog.messages
    assert "2 clips longer than 32 frames; only the first 32 were used (a.npz has 50)" in message
    predict.predict_files(folder, tmp_path / "short" / "a.npz", out=tmp_path / "s.json")
    cut = json.loads((tmp_path / "l.json").read_text())[0]
    whole = json.loads((tmp_path / "s.json").read_text())
    assert cut["gloss_prediction"] == whole["gloss_prediction"]
    assert cut["gloss_probability"] == pytest.approx(whole["gloss_probability"], rel=1e-4)


def test_clips_without_hands_are_told_in_one_warning(folder, tmp_path, caplog):
    x = np.random.default_rng(0).random((20, 156), np.float32)
    x[1:, 50:134] = 0
    for name in "abc":
        save_clip(tmp_path / "data" / f"{name}.npz", 20, X=x if name != "b" else np.ones_like(x))
    assert predict.predict_files(folder, tmp_path / "data") == 0
    (message,) = caplog.messages
    assert "2 of 3 looked at: few frames show a hand (a.npz: 5.0% of the frames)" in message


def test_visibility_mask_leaves_frames_out(run, tmp_path):
    mask = np.ones((10, 78), bool)
    mask[[2, 5, 9]] = False
    path = save_clip(tmp_path / "x.npz", 10, mask=mask)
    assert files.read(path, run).valid.all()
    clip = files.read(path, run, "visibility")
    assert clip.valid.tolist() == mask.any(1).tolist()
    found, other = asking.Asker(run).answers([clip, files.read(path, run)], 2)
    expected = run.net.apply(run.variables, clip.x[None], mask.any(1)[None])["logits"]
    np.testing.assert_allclose(found.logits["gloss"], expected["gloss"][0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(found.logits["gloss"], other.logits["gloss"], atol=1e-6)


def test_visibility_mask_needs_a_visible_frame_and_a_mask(run, tmp_path):
    unseen = save_clip(tmp_path / "unseen.npz", 5, mask=np.zeros((5, 78), bool))
    with pytest.raises(UserError, match="unseen.npz: no frame with a visible keypoint"):
        files.read(unseen, run, "visibility")
    bare = save_clip(tmp_path / "bare.npz", 5, mask=None)
    with pytest.raises(UserError, match="bare.npz.*needs the array mask"):
        files.read(bare, run, "visibility")


def test_the_array_is_chosen_by_the_width_of_the_net(run, tmp_path):
    wide = np.ones((6, 2048), np.float32)
    both = save_clip(tmp_path / "both.npz", 6, X2048=wide)
    only_wide = save_clip(tmp_path / "wide.npz", 6, X=None, X2048=wide)
    in_x = save_clip(tmp_path / "x.npz", 6, X=wide)
    assert files.read(both, run).x.shape == (6, 156)
    with pytest.raises(UserError, match=r"wide.npz: no array of 156.*X2048 \[6, 2048\]"):
        files.read(only_wide, run)
    features = runs.load_run(run_helpers.save_run(tmp_path / "r", input_dim=2048, n_layers=1))
    for path in (both, only_wide, in_x):
        assert files.read(path, features).x.shape == (6, 2048)


def test_recorded_clips_go_through_the_view(run, tmp_path):
    clip = run_helpers.recorded(9)
    clip.save(tmp_path / "a.clip.npz")
    read = files.read(tmp_path / "a.clip.npz", run)
    np.testing.assert_array_equal(read.x, fslr156.Fslr156View()(clip))
    assert read.valid.all() and len(read.x) == 9


def test_visibility_of_recorded_clips(run, tmp_path):
    clip = run_helpers.recorded(12)
    clip.landmarks[3:10] = np.nan  # longer than the gaps that are filled
    clip.save(tmp_path / "a.clip.npz")
    valid = files.read(tmp_path / "a.clip.npz", run, "visibility").valid
    assert valid.tolist() == [True] * 3 + [False] * 7 + [True] * 2


def test_runs_of_features_refuse_recorded_clips(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", "iv3_gru"))
    run_helpers.recorded(4).save(tmp_path / "a.clip.npz")
    with pytest.raises(UserError, match="a.clip.npz: a clip of landmarks.*2048 stored features"):
        files.read(tmp_path / "a.clip.npz", run)


def test_stored_keypoints_are_scaled_like_the_clips_of_training(tmp_path):
    words = ["--config.view.normalise=shoulders"]
    run = runs.load_run(run_helpers.save_run(tmp_path / "a", words=words))
    clip = run_helpers.recorded(6)
    x, _ = fslr156.keypoints(clip)
    path = save_clip(tmp_path / "c.npz", 6, X=x)
    scaled = files.read(path, run).x
    np.testing.assert_allclose(scaled, fslr156.Fslr156View(normalise="shoulders")(clip), atol=1e-5)


def test_gru_runs_take_features(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r", "iv3_gru")
    path = save_clip(tmp_path / "c.npz", 6, X2048=np.ones((6, 2048), np.float32))
    assert predict.predict_files(folder, path, out=tmp_path / "p.json") == 0
    assert len(json.loads((tmp_path / "p.json").read_text())["gloss_top5"]) == 5


def test_runs_with_a_backbone_take_images(tmp_path):
    small = runs.load_run(run_helpers.save_run(tmp_path / "r", "iv3_gru"))
    frames = np.random.default_rng(0).integers(0, 255, (3, 75, 75, 3), np.uint8)
    path = save_clip(tmp_path / "c.npz", 3, frames=frames)
    with pytest.raises(UserError, match=r"no array of 2048.*frames \[3, 75, 75, 3\] uint8"):
        files.read(path, small)
    params = {**small.variables["params"], "backbone": {}}
    run = dataclasses.replace(small, variables={"params": params})
    clip = files.read(path, run)
    assert clip.x.dtype == np.uint8 and clip.x.shape == (3, 75, 75, 3)


def test_a_bare_array_named_npz_is_explained(run, tmp_path):
    with (tmp_path / "x.npz").open("wb") as file:
        np.save(file, np.zeros((3, 156), np.float32))
    with pytest.raises(UserError, match="x.npz: not an .npz file"):
        files.read(tmp_path / "x.npz", run)


@pytest.mark.parametrize(
    "name, reason",
    [
        ("no.npz", "no such file"),
        ("v.MP4", "is a film: .*--model PATH(.|\n)*MediaPipe publishes"),
        ("a.txt", "none of the known formats"),
    ],
)
def test_what_cannot_be_predicted_is_said(tmp_path, name, reason):
    if not name.startswith("no"):
        (tmp_path / name).write_text("x")
    with pytest.raises(UserError, match=reason):
        clip_items.find(tmp_path / name)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="none of the known formats"):
        clip_items.find(tmp_path)


def test_clips_with_flaws_of_the_golden_set_are_read_or_explained(run):
    items = clip_items.find(GOLDEN / "fslr/validate_npz")
    answers = {a.path.stem: a for a in predict.Predictor(run)(items, batch_size=8)}
    assert len(answers) == len(items) >= 20
    assert answers["ok"].answer is not None and not answers["ok"].error
    for stem in ("not_a_zip", "missing_X", "x_nan", "empty_T0", "x_shape"):
        assert answers[stem].answer is None and stem in answers[stem].error


def sequences(path, count=3):
    rng = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        landmarks=rng.random((count, 6, 75, 3), np.float32),
        pose_visibility=np.ones((count, 6, 33), np.float32),
        label=np.arange(count) % 2,
        split=np.zeros(count, np.int8),
        classes=np.asarray(["A", "hello"]),
    )
    return path


def test_one_archive_of_many_clips_gives_an_answer_each(folder, tmp_path, capsys):
    path = sequences(tmp_path / "sequences.npz")
    for source in (path, tmp_path):
        assert predict.predict_files(folder, source) == 0
        told = capsys.readouterr().out.splitlines()
        assert told[-1] == "3 of 3 files predicted."
        assert len({line.partition(": ")[0] for line in told[:3]}) == 3  # which is which


def test_bare_landmarks_are_read_as_a_clip(run, tmp_path):
    clip = run_helpers.recorded(9)
    np.savez(tmp_path / "bare.npz", landmarks=clip.landmarks, fps=30.0)
    clip.save(tmp_path / "whole.clip.npz")
    bare, whole = (files.read(tmp_path / name, run) for name in ("bare.npz", "whole.clip.npz"))
    np.testing.assert_allclose(bare.x, whole.x, atol=1e-6)


def test_a_folder_of_films_needs_a_model(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.MP4").touch()
    with pytest.raises(UserError, match="holds films: .*--model PATH"):
        clip_items.find(tmp_path)


def test_a_clip_without_a_person_has_no_answer(run, tmp_path):
    clip = run_helpers.recorded(9)
    empty = dataclasses.replace(clip, landmarks=np.full_like(clip.landmarks, np.nan))
    empty.save(tmp_path / "a.clip.npz")
    with pytest.raises(UserError, match="nobody was found in any of its 9 frames"):
        files.read(tmp_path / "a.clip.npz", run)


def test_what_a_folder_holds_besides_is_named(tmp_path, caplog):
    save_clip(tmp_path / "a.npz", 4)
    for name in ("a.parquet", "b.pose", "c.mp4", "labels.csv", "a.preview.mp4"):
        (tmp_path / name).touch()
    with caplog.at_level("WARNING"):
        assert [item.name for item in clip_items.find(tmp_path)] == ["a.npz"]
    assert "2 other files left out: b.pose, c.mp4." in caplog.text


def test_a_single_number_is_no_input(run, tmp_path):
    np.savez(tmp_path / "a.npz", X=np.float32(3))
    (item,) = clip_items.find(tmp_path / "a.npz", run)
    with pytest.raises(UserError, match=r"a.npz: no array of 156.*Found: X \[\] float32"):
        files.read(item, run)


def test_a_person_is_chosen_only_where_there_may_be_several(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 156), np.float32))
    for source in (tmp_path, tmp_path / "a.npz"):
        with pytest.raises(UserError, match="--person 2, but files of arrays are of one person"):
            clip_items.find(source, person=2)
