import helpers
import making
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import fslr_npz, sources
from jaxsign.input.signs.formats import sequences


def data_of(folder, **changes):
    data = configs.base().data
    data.train.path = str(folder)
    for key, value in changes.items():
        data[key] = value
    return data


def write_rows(folder, rows, header="file,gloss,cat", encoding="utf-8"):
    text = "\n".join([header, *rows]) + "\n"
    (folder / "labels.csv").write_bytes(text.encode(encoding))


def save(folder, stem, **arrays):
    np.savez_compressed(folder / f"{stem}.npz", **arrays)


def keypoints(frames=4, width=156, seed=0):
    return np.random.default_rng(seed).random((frames, width), np.float32)


def test_good_folder(tmp_path):
    stems = ["clip_0089_how are you", "a.b.c", "déjà"]
    for i, stem in enumerate(stems):
        save(tmp_path, stem, X=keypoints(3 + i, seed=i), other=np.zeros(2))
    rows = ['"clip_0089_how are you",4,1,1', "a.b.c.npz,0,0,0", "déjà.parquet,104,9,0"]
    write_rows(tmp_path, rows, "file,gloss,cat,occluded", "latin-1")
    data = data_of(tmp_path, encoding="latin-1")
    source = sources.open_source(data, "train", {"gloss": 105, "cat": 10})
    assert source.ids == stems and len(source) == 3
    assert source.lengths.tolist() == [3, 4, 5]
    assert source.labels["gloss"].tolist() == [4, 0, 104]
    assert source.labels["cat"].tolist() == [1, 0, 9]
    assert source.occluded.astype(bool).tolist() == [True, False, False]
    for i, stem in enumerate(stems):
        np.testing.assert_array_equal(source.read(i), keypoints(3 + i, seed=i))
        assert source.paths[i] == tmp_path / f"{stem}.npz"


def test_everything_wrong_is_reported_at_once(tmp_path):
    save(tmp_path, "nan", X=np.full((3, 156), np.nan, np.float32))
    save(tmp_path, "empty", X=np.zeros((0, 156), np.float32))
    save(tmp_path, "narrow", X=keypoints(width=150))
    save(tmp_path, "keyless", Y=keypoints())
    save(tmp_path, "good", X=keypoints())
    (tmp_path / "broken.npz").write_bytes(b"no zip at all")
    rows = ["nan,0,0", "empty,0,0", "narrow,0,0", "keyless,0,0", "broken,0,0", "absent,0,0"]
    write_rows(tmp_path, [*rows, "good,105,0", "good,x,-1"])
    with pytest.raises(UserError) as caught:
        sources.open_source(data_of(tmp_path), "train", {"gloss": 105, "cat": 10})
    message = str(caught.value)
    for word in ("nan.npz", "empty.npz", "narrow.npz", "keyless.npz", "broken.npz", "absent.npz"):
        assert word in message
    for word in ("gloss=105", "'x'", "cat=-1", "again", "line 8", "line 9"):
        assert word in message


def test_missing_columns_name_the_required_ones(tmp_path):
    write_rows(tmp_path, ["a,1,1"], "file,glos,cat")
    with pytest.raises(UserError, match="at least file,gloss") as caught:
        sources.open_source(data_of(tmp_path), "train")
    assert "gloss" in str(caught.value) and "labels.csv" in str(caught.value)


def test_skipping_missing_files_is_counted(tmp_path, caplog):
    save(tmp_path, "b", X=keypoints())
    write_rows(tmp_path, ["a,1,1,1", "b,2,2,0", "c,3,3,1"], "file,gloss,cat,occluded")
    with caplog.at_level("WARNING"):
        source = sources.open_source(data_of(tmp_path, missing="skip"), "train")
    assert source.ids == ["b"] and source.labels["gloss"].tolist() == [2]
    assert source.occluded.astype(bool).tolist() == [False]
    assert "2" in caplog.text and "3" in caplog.text and "skip" in caplog.text
    save(tmp_path, "b", X=np.full((2, 156), np.inf, np.float32))
    with pytest.raises(UserError, match="b.npz"):  # only absent files may be skipped
        sources.open_source(data_of(tmp_path, missing="skip"), "train")
    write_rows(tmp_path, ["a,1,1"])
    with pytest.raises(UserError):
        sources.open_source(data_of(tmp_path, missing="skip"), "train")


def test_image_features_may_stand_under_x(tmp_path):
    save(tmp_path, "own", X=keypoints(), X2048=keypoints(width=2048))
    save(tmp_path, "under_x", X=keypoints(width=2048, seed=1))
    write_rows(tmp_path, ["own,0,0", "under_x,1,1"])
    source = sources.open_source(data_of(tmp_path, key="X2048"), "train")
    assert [source.read(i).shape for i in range(2)] == [(4, 2048), (4, 2048)]
    with pytest.raises(UserError, match="156"):
        sources.open_source(data_of(tmp_path, key="X"), "train")


def test_other_keys_have_any_width_and_frames_stay_bytes(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (5, 8, 9, 3), np.uint8)
    for stem in ("a", "b"):
        save(tmp_path, stem, mine=keypoints(width=42), frames=frames)
    write_rows(tmp_path, ["a,0,0", "b,1,1"])
    assert sources.open_source(data_of(tmp_path, key="mine"), "train").read(1).shape == (4, 42)
    source = sources.open_source(data_of(tmp_path, key="frames"), "train")
    assert source.read(0).dtype == np.uint8 and source.lengths.tolist() == [5, 5]
    np.testing.assert_array_equal(source.read(0), frames)
    save(tmp_path, "b", mine=keypoints(width=43))
    with pytest.raises(UserError, match="43"):
        sources.open_source(data_of(tmp_path, key="mine"), "train")


def test_label_map_names_the_classes(tmp_path):
    save(tmp_path, "a", X=keypoints())
    write_rows(tmp_path, ["a,104,9"])
    path = str(helpers.GOLDEN / "fslr" / "labels_reference.csv")
    source = sources.open_source(
        data_of(tmp_path, label_map=path), "train", {"gloss": 105, "cat": 10}
    )
    assert source.class_names["gloss"][0] == "GOOD MORNING"
    assert source.class_names["cat"][7:10] == ("COLOR", "FOOD", "DRINK")
    assert [len(source.class_names[head]) for head in ("gloss", "cat")] == [105, 10]
    assert any("\u2019" in name for name in source.class_names["gloss"])


def test_write_npz_is_read_back(tmp_path):
    x = keypoints(6)
    fslr_npz.write(tmp_path / "a.npz", x, x2048=keypoints(6, 2048))
    write_rows(tmp_path, ["a,0,0"])
    for key, width in (("X", 156), ("X2048", 2048)):
        source = sources.open_source(data_of(tmp_path, key=key), "train")
        assert source.read(0).shape == (6, width)


def test_clip_folder(tmp_path):
    landmarks = np.random.default_rng(0).random((7, 543, 3), np.float32)
    clips.Clip(landmarks, np.arange(7) / 30).save(tmp_path / "a b.v1.clip.npz")
    write_rows(tmp_path, ["a b.v1,3,1"])
    source = sources.open_source(data_of(tmp_path, source="clips"), "train")
    assert source.lengths.tolist() == [7] and source.ids == ["a b.v1"]
    np.testing.assert_array_equal(source.read(0).landmarks, landmarks)
    write_rows(tmp_path, ["a b.v1.clip.npz,3,1"])
    again = sources.open_source(data_of(tmp_path, source="clips"), "train")
    assert again.paths == source.paths
    write_rows(tmp_path, ["a b.v1,3,1", "b,0,0"])
    with pytest.raises(UserError, match="b.clip.npz"):
        sources.open_source(data_of(tmp_path, source="clips"), "train")


def write_archive(folder):
    rng = np.random.default_rng(0)
    landmarks = rng.random((6, 5, 75, 3)).astype(np.float16)
    landmarks[:, 2, 33:54] = np.nan
    np.savez_compressed(
        folder / "sequences.npz",
        landmarks=landmarks,
        pose_visibility=rng.random((6, 5, 33)).astype(np.float16),
        label=np.asarray([0, 1, 2, 0, 1, 2], np.int16),
        split=np.asarray([0, 0, 0, 1, 2, 0], np.int8),
        classes=np.asarray(["-", "a", "hello"]),
    )
    return landmarks.astype(np.float32)


@pytest.mark.parametrize("kind", ["npz", "clips", "signon"])
def test_what_extract_wrote_is_told_to_be_read_as_a_collection(tmp_path, kind):
    making.clip().save(tmp_path / "x.clip.npz")
    write_rows(tmp_path, ["x.clip.npz,HELLO,train"], "file,glosses,split")
    with pytest.raises(UserError) as found:
        sources.open_source(data_of(tmp_path, source=kind), "train")
    hint = f"{tmp_path} is in the format clips, which --config.data.source=collection reads"
    assert hint in str(found.value)
    read = sources.open_source(data_of(tmp_path, source="collection"), "train")
    assert read.class_names["gloss"] == ("HELLO",)
    write_rows(tmp_path, ["x.clip.npz,-1,train"], "file,gloss,split")
    with pytest.raises(UserError, match="gloss=-1") as found:
        sources.open_source(data_of(tmp_path, source="clips"), "train")
    assert "collection" not in str(found.value)


def test_pose_and_hands_archive(tmp_path):
    landmarks = write_archive(tmp_path)
    source = sources.open_source(data_of(tmp_path, source="landmarks75"), "train")
    assert source.labels["gloss"].tolist() == [0, 1, 2, 2]
    names = [source.class_names["cat"][i] for i in source.labels["cat"]]
    assert names == ["idle", "letter", "word", "word"]
    assert source.class_names["gloss"] == ("-", "a", "hello")
    assert source.class_names["cat"] == sequences.CATEGORIES
    clip = source.read(3)
    np.testing.assert_array_equal(clip.landmarks[:, clips.POSE], landmarks[5, :, :33])
    np.testing.assert_array_equal(clip.landmarks[:, clips.LEFT_HAND], landmarks[5, :, 33:54])
    np.testing.assert_array_equal(clip.landmarks[:, clips.RIGHT_HAND], landmarks[5, :, 54:])
    assert np.isnan(clip.landmarks[:, clips.FACE]).all()


def test_unknown_layout_and_unset_path(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'clips'"):
        sources.open_source(data_of(tmp_path, source="clip"), "train")
    with pytest.raises(UserError, match="data.val.path"):
        sources.open_source(data_of(tmp_path), "val")


def synthetic(**changes):
    data = configs.base().data
    data.source = "synthetic"
    small = {"signs": 4, "signers": 3, "val_signers": 1, "clips_per_signer": 2}
    data.synthetic.update({**small, **changes})
    return data


def test_synthetic_is_the_same_every_time():
    one, two = (sources.open_source(synthetic(), "train") for _ in range(2))
    other = sources.open_source(synthetic(seed=1), "train")
    order = np.random.default_rng(0).permutation(len(one))
    for i in order[:8]:
        clip = one.read(int(i))
        assert len(clip) == one.lengths[i] and 20 <= len(clip) <= 60
        np.testing.assert_array_equal(clip.landmarks, two.read(int(i)).landmarks)
    assert not np.array_equal(one.read(0).landmarks[:20], other.read(0).landmarks[:20])


def test_synthetic_signers_are_never_in_both_splits():
    signers = {}
    for split in ("train", "val"):
        source = sources.open_source(synthetic(), split)
        signers[split] = {name.split("-")[0] for name in source.ids}
        assert set(source.labels["gloss"].tolist()) == set(range(4))
        assert source.class_names["gloss"][3] == "SIGN_03"
        assert source.labels["cat"].max() < len(source.class_names["cat"])
    assert signers["train"] and signers["val"] and not signers["train"] & signers["val"]


def test_synthetic_sentences():
    source = sources.open_source(synthetic(continuous=True), "train")
    for i, glosses in enumerate(source.sequences):
        assert 2 <= len(glosses) <= 5 and source.labels["gloss"][i] == glosses[0]
    assert len(source.read(0)) == source.lengths[0]


@pytest.mark.parametrize("glosses", [(0, 0), (3, 2), (-1, 2)])
def test_synthetic_sentences_of_no_length_are_refused(glosses):
    data = synthetic(glosses=glosses, continuous=True)
    with pytest.raises(UserError, match="1 <= fewest <= most"):
        sources.open_source(data, "train")


def test_a_label_map_that_contradicts_itself_is_refused(tmp_path):
    path = tmp_path / "map.csv"
    rows = ("gloss_id,label,cat_id,category", "0,HELLO,0,A", "0,BYE,0,A", "1,,0,A")
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(UserError, match="(?s)line 3: gloss_id=0 is named 'BYE'.*line 4"):
        labels.label_map(str(path), {})


def test_a_sample_keeps_order_and_labels():
    data = configs.base().data
    data.source = "synthetic"
    whole = sources.open_source(data, "train")
    data.max_clips = 9
    part = sources.open_source(data, "train")
    places = [whole.ids.index(name) for name in part.ids]
    assert len(part) == 9 and places == sorted(places)
    assert part.labels["gloss"].tolist() == whole.labels["gloss"][places].tolist()
    assert part.lengths.tolist() == whole.lengths[places].tolist()
    np.testing.assert_array_equal(part.read(4).landmarks, whole.read(places[4]).landmarks)
    assert sources.open_source(data, "train").ids == part.ids


def test_a_json_map_names_the_glosses(tmp_path):
    path = tmp_path / "sign_to_prediction_index_map.json"
    path.write_text('{"bye": 1, "hello": 0, "thank you": 2}')
    assert labels.label_map(str(path), {}) == {"gloss": ("hello", "bye", "thank you")}
    assert labels.label_map(str(path), {"gloss": 2}) == {"gloss": ("hello", "bye")}


@pytest.mark.parametrize("text", ["[1]", '{"a": 0, "b": 0}', '{"a": 1}', '{"a": "0"}', "{", "3"])
def test_a_bad_json_map_is_named(tmp_path, text):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(UserError, match="map.json"):
        labels.label_map(str(path), {})


def test_names_and_numbers_are_alike_and_categories_optional(tmp_path, caplog):
    for split, rows in (("train", ["a,bye", "b,hello"]), ("val", ["a,hello", "b,wait"])):
        (tmp_path / split).mkdir()
        for stem in "ab":
            save(tmp_path / split, stem, X=keypoints())
        write_rows(tmp_path / split, rows, "file,gloss")
    data = data_of(tmp_path / "train", source="npz")
    data.val.path = str(tmp_path / "val")
    train, val = (sources.open_source(data, split) for split in ("train", "val"))
    assert train.class_names == {"gloss": ("bye", "hello", "wait")} == val.class_names
    assert train.labels["gloss"].tolist() == [0, 1] and val.labels["gloss"].tolist() == [1, 2]
    assert set(train.labels) == {"gloss"}
    (tmp_path / "test").mkdir()
    write_rows(tmp_path / "test", ["a;bye;1"], "nothing;at;all")
    data.test.path = str(tmp_path / "test")
    for _ in range(2):
        assert sources.open_source(data, "train").class_names == train.class_names
    (record,) = caplog.records
    assert "lacks the column(s) file, gloss" in record.getMessage()
    with pytest.raises(UserError, match="lacks the column"):
        sources.open_source(data, "test")
    with pytest.raises(UserError, match="has 3 classes of gloss, but net.num_gloss=2"):
        sources.open_source(data, "train", {"gloss": 2})
    data.class_names = {"gloss": ("wait", "hello", "bye")}
    assert sources.open_source(data, "train").labels["gloss"].tolist() == [2, 1]
    data.class_names = {"gloss": ("wait", "hello")}
    with pytest.raises(UserError, match="gloss='bye' is not an integer"):
        sources.open_source(data, "train")
