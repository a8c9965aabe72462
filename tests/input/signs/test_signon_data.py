"""SignON's data sets as a recipe names them: kinds, languages, labels, and what is refused."""

import dataclasses
import logging

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.input.signs import clip, signon_kinds, signon_parts, views
from jaxsign.input.signs.formats import signon as formats_signon
from jaxsign.input.signs.views import signon
from jaxsign.tasks import answering
from jaxsign.tasks.classes import examples, scoring
from jaxsign.train import setup

HEADER = "Id,Label,Participant,Video,Subset"


def a_folder(folder, labels, subsets=("train", "val"), kind="Mediapipe", table="samples.csv"):
    """A clip of 4 to 6 frames for every label and subset, none of it missing."""
    told = signon_kinds.get(kind)
    (folder / told.folder).mkdir(parents=True)
    rows = [HEADER]
    for i, (subset, label) in enumerate((s, label) for s in subsets for label in labels):
        points = np.random.default_rng(i).random((4 + i % 3, told.layout.points, 3))
        np.save(folder / told.folder / f"{subset}{label}.npy", points)
        rows.append(f"{i},{label},S{i % 2},{subset}{label}.mp4,{subset}")
    (folder / table).write_text("\n".join(rows) + "\n")
    return folder


def a_recipe(*folders, view=None, **data):
    config = configs.base()
    config.view = {"name": "signon", "output": "points", **(view or {})}
    config.task.heads = ("gloss",)
    config.net.num_gloss = 0
    config.data.source, config.data.parts = "signon", tuple(map(str, folders))
    config.data.update(data)
    return config


def opened(*folders, split="train", view=None, **data):
    return examples.open_examples(a_recipe(*folders, view=view, **data), split)


def refused(*folders, **data):
    with pytest.raises(UserError) as caught:
        opened(*folders, **data)
    return str(caught.value)


def stored(folder, name="train0"):
    return np.load(folder / "mediapipe" / f"{name}.npy")


@pytest.mark.parametrize(
    ("kind", "dims", "width"),
    [
        ("Mediapipe", 2, 134),
        ("Mediapipe_Raw", 2, 134),
        ("Mediapipe_Raw", 3, 201),
        ("Mediapipe_Cleaned_2022", 3, 201),
        ("OpenPose_Raw", 2, 108),
        ("OpenPose_Cleaned", 2, 108),
        ("MMPose_Raw", 2, 106),
        ("MMPose_Cleaned", 2, 106),
    ],
)
def test_every_kind_tells_its_folder_and_width(tmp_path, kind, dims, width):
    a_folder(tmp_path, [0, 1], kind=kind)
    found = opened(tmp_path, kind=kind, dims=dims, view={"output": "features"})
    assert found.width == width
    told = signon_kinds.get(kind)
    x = np.load(tmp_path / told.folder / "train0.npy")
    if kind == "MMPose_Raw":
        x = x / [960, 540, 1]
    if kind != "Mediapipe":
        wanted = x[:, told.layout.kept, :dims].reshape(len(x), -1)
        np.testing.assert_allclose(found.example(0)["x"], wanted, atol=1e-6)


def test_points_of_generation_b_have_the_aspect_and_are_not_normalised(tmp_path, caplog):
    a_folder(tmp_path, [0, 1])
    with caplog.at_level(logging.WARNING):
        found = opened(tmp_path, aspect=(0.5625,))
        assert not caplog.records
        np.testing.assert_allclose(
            found.example(0)["x"], stored(tmp_path) * [1, 0.5625, 1], atol=1e-6
        )
        a_recipe(tmp_path)
        examples.open_examples(a_recipe(tmp_path), "train", training=True)
    assert "nothing tells the shape of the films" in caplog.text
    assert "0.5625" in caplog.text


def test_two_languages_have_disjoint_labels_and_batches_tell_the_language(tmp_path):
    a_folder(tmp_path / "vgt", [0, 1, 2])
    a_folder(tmp_path / "ngt", [3, 4])
    found = opened(tmp_path / "vgt", tmp_path / "ngt", aspect=(1.0, 0.5))
    assert found.ids == [
        "vgt/train0", "vgt/train1", "vgt/train2", "ngt/train3", "ngt/train4",
    ]  # fmt: skip
    assert found.source.labels["gloss"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(
        found.example(3)["x"], stored(tmp_path / "ngt", "train3") * [1, 0.5, 1], atol=1e-6
    )
    batches = batching.EvalBatches(found, batching.BatchOptions(batch_size=6))
    batch = next(iter(batches))
    assert batch["language"].tolist() == [0, 0, 0, 1, 1, 0]
    assert batch["language"].dtype == np.int32 and batch["weight"].tolist() == [1] * 5 + [0]
    assert batches.blank((6,), (2,))["language"].tolist() == [0, 0]
    # Another order of the folders is another numbering of the languages.
    swapped = opened(tmp_path / "ngt", tmp_path / "vgt").source
    assert swapped.languages.tolist() == [0, 0, 1, 1, 1]


def test_labels_that_begin_at_0_are_moved_behind_the_folders_before(tmp_path):
    a_folder(tmp_path / "vgt", [0, 1, 2])
    a_folder(tmp_path / "ngt", [0, 1])
    (tmp_path / "vgt" / "glosses.csv").write_text("Gloss\nYES\nNO\nHOUSE\nTREE\n")
    (tmp_path / "ngt" / "glosses.csv").write_text("Gloss\nNO\nBIKE\n")
    source = opened(tmp_path / "vgt", tmp_path / "ngt", offset_labels=True).source
    assert source.labels["gloss"].tolist() == [0, 1, 2, 4, 5]
    assert source.class_names["gloss"] == ("YES", "NO (vgt)", "HOUSE", "TREE", "NO (ngt)", "BIKE")


def test_a_run_finds_its_folders_from_anywhere(tmp_path, monkeypatch):
    a_folder(tmp_path / "vgt", [0, 1])
    a_folder(tmp_path / "ngt", [2, 3])
    monkeypatch.chdir(tmp_path)
    config = configs.load("signon", ["--config.data.parts=('vgt', 'ngt')"])
    found = setup.resolve(config, examples.open_examples(config, "train"))
    assert found.data.parts == (str(tmp_path / "vgt"), str(tmp_path / "ngt"))


def test_a_place_is_told_by_its_key_and_parts_are_of_all_splits(tmp_path):
    gone, config = tmp_path / "gone", a_recipe(a_folder(tmp_path / "a", [0]))
    for besides in ("train", "val"):
        config.data[besides].path = str(gone)
        for split in ("train", "val"):
            said = rf"data.{besides}.path=.*gone, besides data.parts=.*Leave data.{besides}.path"
            with pytest.raises(UserError, match=said):
                signon_parts.places(config.data, split)
        config.data[besides].path = ""
    config.data.parts, config.data.val.path = (), str(gone)
    with pytest.raises(UserError, match=r"^data.val.path: .*gone: no such folder"):
        signon_parts.places(config.data, "val")
    config.data.val.path, config.data.train.path = "", str(gone)
    with pytest.raises(UserError, match=r"^data.train.path: .*gone: no such folder"):
        signon_parts.places(config.data, "val")
    with pytest.raises(UserError, match=r"^data.parts: .*gone: no such folder"):
        opened(gone)


def test_a_recipe_gives_the_true_rate_of_stored_points_and_of_clips(tmp_path):
    a_folder(tmp_path, [0])
    assert opened(tmp_path).source.rate == 25
    for kind in ("Mediapipe", "Mediapipe_Raw"):
        a_folder(tmp_path / kind, [0], kind=kind)
        source = opened(tmp_path / kind, kind=kind, source_fps=50.0).source
        value = source.read(0)
        # Arrays that are what the view gives have no times: the source tells their rate.
        rate = value.fps if isinstance(value, clip.Clip) else source.rate
        assert rate == 50


def test_a_net_is_told_of_as_many_languages_as_there_are_folders(tmp_path):
    folders = [a_folder(tmp_path / name, [i]) for i, name in enumerate("abc")]
    words = [f"--config.data.parts={tuple(map(str, folders))}"]
    config = configs.load("signon", words)
    found = examples.open_examples(config, "train")
    for good in (0, 3):
        config.net.languages = good
        assert setup.resolve(config, found).net.languages == good
    for wrong in (2, 4):
        config.net.languages = wrong
        with pytest.raises(
            UserError, match=rf"net.languages={wrong}, but .* 3 languages.*languages=3"
        ):
            setup.resolve(config, found)
    # A run that is used on other clips looks at those that there are.
    config.net.num_gloss, config.net.languages = 3, 2
    with pytest.raises(UserError, match=r"c/train2 is of language 2, but net.languages=2"):
        found.under(config)
    net = nets.build(**config.net.to_dict())
    run = answering.Trained(tmp_path, "best", config, {"gloss": None}, net, {}, {})
    with pytest.raises(UserError, match=r"c/train2 is of language 2"):
        scoring.ClassScore(run, found)


def test_which_rows_are_trained_on(tmp_path):
    a_folder(tmp_path, [0, 1, 2], subsets=("val", "train", "test"), table="mine.csv")
    names = {"samples_file": "mine.csv"}
    assert opened(tmp_path, **names).ids == ["train0", "train1", "train2"]
    both = opened(tmp_path, retrain_on_all=True, **names)
    assert both.ids == ["val0", "val1", "val2", "train0", "train1", "train2"]
    assert opened(tmp_path, learning_curve=0.7, **names).ids == ["train0", "train1"]
    for split in ("val", "test"):  # the original cuts these too
        assert len(opened(tmp_path, split=split, learning_curve=0.4, **names)) == 3
        assert len(opened(tmp_path, split=split, retrain_on_all=True, **names)) == 3
    assert "learning_curve=0.1 of 3 training clips is none" in refused(
        tmp_path, learning_curve=0.1, **names
    )


def test_a_share_of_a_table_that_is_sorted_by_sign_has_every_sign(tmp_path):
    a_folder(tmp_path, range(7), subsets=("train",))
    rows = [f"{i},{label},,train{i}.mp4,train" for i, label in enumerate((0, 0, 0, 0, 1, 1, 2))]
    (tmp_path / "sorted.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    for share, wanted in ((0.5, "014"), (0.6, "0146"), (0.99, "012456"), (1.0, "0123456")):
        found = opened(tmp_path, learning_curve=share, samples_file="sorted.csv").ids
        assert found == [f"train{i}" for i in wanted], share


def test_a_run_goes_on_with_its_classes_and_its_languages(tmp_path):
    """Labels that are moved, or languages that are counted, are others in another order."""
    a, b = (a_folder(tmp_path / name, [0, 1], kind="Mediapipe") for name in "ab")

    def prepared(*folders, **data):
        config = configs.load("signon", ["--config.data.offset_labels=True"])
        config.data.update(parts=tuple(map(str, folders)), **data)
        return setup.prepare(config, tmp_path / "run")

    setup.claim(prepared(a, b))
    prepared(b, a)  # nothing is learnt yet
    (tmp_path / "run" / "checkpoints").mkdir()
    prepared(a, b)
    before = (tmp_path / "run" / "labels.json").read_text()
    with pytest.raises(UserError, match="data.parts: b, a, but the run began with a, b"):
        prepared(b, a)
    for folder, names in ((a, "YES\nNO"), (b, "HOUSE\nTREE")):
        (folder / "glosses.csv").write_text(f"Gloss\n{names}\n")
    setup.claim(prepared(a, b))  # classes that were numbers get names
    (b / "glosses.csv").write_text("Gloss\nTREE\nHOUSE\n")
    with pytest.raises(UserError, match="2 differ:\n  - gloss 2: 'HOUSE' there, 'TREE' now"):
        prepared(a, b)
    assert "HOUSE" in (tmp_path / "run" / "labels.json").read_text() != before


def test_labels_that_do_not_fit_together_are_told(tmp_path):
    a, b = a_folder(tmp_path / "a", [0, 1, 2]), a_folder(tmp_path / "b", [2, 3])
    text = refused(a, b)
    assert f"{b}/samples.csv: labels 2 to 3 overlap with {a}/samples.csv, 0 to 2 (both: 2)" in text
    assert "offset_labels=True" in text
    c = a_folder(tmp_path / "c", [4, 6])
    assert "no row has label 3, 5, though they go up to 6" in refused(a, c)
    assert "without gaps" in refused(a_folder(tmp_path / "d", [1, 2]))
    config = a_recipe(a)
    config.net.num_gloss = 2
    with pytest.raises(UserError, match=r"3 classes of gloss, but net.num_gloss=2; 0 takes"):
        examples.open_examples(config, "train")
    config.net.num_gloss = 5
    with pytest.raises(UserError, match=r"labels of gloss are 0 to 2, but net.num_gloss=5"):
        examples.open_examples(config, "train")


@pytest.mark.parametrize(
    ("aspect", "said"),
    [
        ((0.0,), "data.aspect=(0.0,): 0, expected height / width above 0"),
        ((1.7778,), "is it width / height? Then give 0.5625. For films higher than wide"),
        ((0.5, 0.5), "has 2 numbers, expected 1, one for each folder"),
        ((float("nan"),), "expected height / width above 0"),
    ],
)
def test_an_aspect_that_cannot_be_is_told(tmp_path, aspect, said):
    a_folder(tmp_path, [0])
    assert said in refused(tmp_path, aspect=aspect)
    opened(tmp_path, aspect=(1.7778,), portrait=True)


def test_tables_that_are_no_good_are_told(tmp_path):
    folder = a_folder(tmp_path, [0, 1])
    rows = (folder / "samples.csv").read_text().splitlines()
    path = folder / "samples.csv"

    def written(*lines):
        path.write_text("\n".join(lines) + "\n")
        return refused(folder)

    more = written(HEADER + ",More", "0,0,S0,train0.mp4,train,1")
    assert "header is Id,Label,Participant,Video,Subset,More, expected Id,Label" in more
    assert "these columns alone" in more
    text = written(*rows, "9,0,S1,train0b.mp4,")
    assert "line 6: Subset '', expected train, val, test" in text and "train0b.npy: no such" in text
    assert "missing=skip" in text
    assert "Subset 'dev', expected" in written(*rows[:-1], rows[-1].replace("val", "dev"))
    assert "no such folder" in refused(tmp_path / "gone")
    (folder / "glosses.csv").write_text("Gloss\nYES\nNO\n")
    beyond = written(*rows, "9,7,S1,train0b.mp4,train")
    assert "line 6: label=7, expected 0 to 1 (glosses.csv has 2)" in beyond
    (folder / "glosses.csv").unlink()
    assert "data.parts is not set" in refused()
    path.unlink()
    assert "samples.csv" in refused(folder)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 74, 3)), "[4, 74, 3] float64, expected numbers [N, 75, 3]"),
        (np.zeros((4, 75)), "[4, 75] float64, expected numbers [N, 75, 3]"),
        (np.full((4, 75, 3), np.nan), "all of its 4 frames are NaN"),
        (np.zeros((0, 75, 3)), "[0, 75, 3] float64, expected numbers [N, 75, 3], N at least 1"),
        (np.full((4, 75, 3), np.inf), "frame 0, point 0 is infinite"),
        (np.full((4, 75, 3), 1e300), "frame 0, point 0 is infinite"),
        (np.array([{"a": 1}]), "not a readable .npy file"),
        (np.zeros((4, 133, 3)), "133 points are MMPose's: set data.kind"),
    ],
)
def test_arrays_that_are_no_good_are_told_before_anything_starts(tmp_path, array, said):
    folder = a_folder(tmp_path, [0, 1])
    np.save(folder / "mediapipe" / "train1.npy", array)
    text = refused(folder)
    assert said in text and "train1.npy" in text and "data.missing=skip" in text
    assert opened(folder, missing="skip").ids == ["train0"]


def test_raw_points_are_not_taken_for_cleaned_ones(tmp_path):
    folder = a_folder(tmp_path, [0, 1], kind="Mediapipe_Cleaned")
    path = folder / "mediapipe_post" / "joints" / "train1.npy"
    points = np.load(path)
    points[0, 33:54] = np.nan
    np.save(path, points)
    text = refused(folder, kind="Mediapipe_Cleaned")
    assert f"{path}: holds NaN" in text and "convert --to signon --postprocessed" in text
    with pytest.raises(UserError, match="with NaN, expected post-processed"):
        signon.SignonView(kind="Mediapipe_Cleaned")(points)


def test_openpose_is_no_mmpose(tmp_path):
    folder = a_folder(tmp_path, [0], kind="OpenPose_Cleaned")
    (folder / "openpose_post").rename(folder / "mmpose_post")
    text = refused(folder, kind="MMPose_Cleaned")
    assert "[4, 67, 3] float64, expected numbers [N, 133, 3]" in text
    assert "67 points are OpenPose's: set data.kind" in text


def test_a_width_that_the_net_does_not_take_is_told(tmp_path):
    folder = a_folder(tmp_path, [0, 1], kind="Mediapipe_Cleaned")
    config = a_recipe(folder, kind="Mediapipe_Cleaned", view={"output": "features"})
    config.net = {"name": "sign_transformer", "num_gloss": 0, "num_cat": 0, "input_dim": 201}
    found = examples.open_examples(config, "train")
    with pytest.raises(UserError, match=r"input_dim=201, but .* holds 134 numbers.*data.dims"):
        found.facts(config)


def test_features_for_a_net_of_points_are_told(tmp_path):
    folder = a_folder(tmp_path, [0, 1])
    config = a_recipe(folder)
    config.net = {"name": "poseformer", "num_gloss": 0}
    assert examples.open_examples(config, "train").facts(config)["net"] == {"num_gloss": 2}
    config.net = {"name": "ptn", "generation": "B", "num_gloss": 0, "input_dim": 134}
    assert examples.open_examples(config, "train").facts(config)["net"] == {"num_gloss": 2}
    config.view.output = "features"
    with pytest.raises(
        UserError, match="134 numbers, but net ptn takes 75 x 3.*view.output=points"
    ):
        examples.open_examples(config, "train").facts(config)


def test_options_that_contradict_each_other_are_told(tmp_path):
    folder = a_folder(tmp_path, [0], kind="Mediapipe_Raw")
    for change, said in (
        ({"view": {"dims": 3}}, "view.dims=3, but config.data.dims=2"),
        ({"view": {"generation": "B"}}, "data.kind='Mediapipe_Raw' is generation A's"),
        ({"aspect": (0.5,)}, "is for data.kind='Mediapipe'"),
        ({"kind": "Mediapipe_raw"}, "Did you mean 'Mediapipe_Raw'"),
    ):
        config = a_recipe(folder, **{"kind": "Mediapipe_Raw", **change})
        with pytest.raises(UserError, match=said):
            examples.open_examples(config, "train").example(0)
    config = a_recipe(folder, kind="Mediapipe_Raw")
    config.input.augment.signon.zoom = 0.2
    with pytest.raises(UserError, match="is for points of generation B"):
        examples.open_examples(config, "train", training=True)


def test_clips_of_films_go_the_same_way_as_stored_ones(tmp_path):
    """A run on cleaned points makes them itself of a film's landmarks."""
    folder = a_folder(tmp_path, [0])
    whole = signon_parts.gather(a_recipe(folder, aspect=(0.5,)).data, "train")
    clip = whole.read(0)
    cleaned = signon.SignonView(kind="Mediapipe_Cleaned", dims=3)(clip)
    np.testing.assert_array_equal(cleaned, signon.SignonView(generation="A", dims=3)(clip))
    points = signon.SignonView(generation="A", output="points")(clip)
    np.testing.assert_array_equal(
        signon.SignonView(kind="Mediapipe_Cleaned", dims=3)(points), cleaned
    )
    with pytest.raises(UserError, match="data.kind='OpenPose_Raw', which is stored arrays alone"):
        signon.SignonView(kind="OpenPose_Raw")(clip)
    assert (
        views.of_recipe(a_recipe(folder, kind="Mediapipe_Raw")).options["kind"] == "Mediapipe_Raw"
    )


def test_points_that_tell_no_frame_size_have_the_aspect_of_training(tmp_path):
    """What predict gets of a file is what training made of it."""
    folder = a_folder(tmp_path, [0], ("train",))
    recipe = a_recipe(folder, aspect=(0.5,))
    view, points = views.of_recipe(recipe), stored(folder).astype(np.float32)
    wanted = view(signon_parts.gather(recipe.data, "train").read(0))
    np.testing.assert_array_equal(view(points), wanted)
    clip = formats_signon.to_clip(points, folder / "a.npy")
    np.testing.assert_array_equal(view(clip), wanted)
    assert view.assumes(points) == view.assumes(clip) == ""
    told = dataclasses.replace(clip, frame_size=(100, 80))
    np.testing.assert_array_equal(
        view(told), signon.SignonView(output="points", aspect=0.8)(points)
    )


def test_which_of_several_aspects_is_taken_is_told(tmp_path):
    folder = a_folder(tmp_path, [0])
    points = stored(folder)
    view = views.of_recipe(a_recipe(folder, folder, aspect=(0.5, 0.8)))
    np.testing.assert_array_equal(
        view(points), signon.SignonView(output="points", aspect=0.5)(points)
    )
    said = view.assumes(points)
    assert "data.aspect=(0.5, 0.8)" in said and "the first, 0.5, is taken" in said
    assert not views.of_recipe(a_recipe(folder, folder, aspect=(0.5, 0.5))).assumes(points)
    with pytest.raises(UserError, match="leave view.films out"):
        views.of_recipe(a_recipe(folder, aspect=(0.5,), view={"films": (0.8,)}))
