"""Scenes from frames: annotated ones in every mode, and going on."""

import functools
import pathlib
from concurrent import futures

import detecting
import detectors
import numpy as np
import one_by_one
import pytest

from jaxsign.errors import UserError
from jaxsign.infer.detect import folder
from jaxsign.input.folders import shards
from jaxsign.input.scenes import cutting, detect_table, scene, sources, vocabulary
from jaxsign.tasks.scenes import making


def test_boxes_that_are_given(looker, annotated, tmp_path):
    given, _ = detecting.detect(looker, annotated, tmp_path / "p", "predcls")
    known = {one.name: one.known for one in detecting.videos_of(annotated, tmp_path)}
    for name, one in given.items():
        for field in ("boxes", "labels", "pairs", "relations", "labelled", "frames"):
            np.testing.assert_array_equal(one.__dict__[field], known[name].__dict__[field])
        assert one.union_features.dtype == np.float16 and one.truth is None
    seen = looker.see([detectors.frame(i) for i in range(3)])
    one = given["c"]
    features, distribution = looker.look(seen, one.box_frames, one.boxes)
    np.testing.assert_allclose(one.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.distribution, distribution, rtol=1e-4, atol=1e-5)
    both = np.concatenate(
        [one.boxes[one.pairs].min(1)[:, :2], one.boxes[one.pairs].max(1)[:, 2:]], 1
    )
    around = looker.around(seen, one.pair_frames, both)
    np.testing.assert_allclose(one.union_features, around, rtol=2e-3, atol=1e-3)
    every, _ = detecting.detect(looker, annotated, tmp_path / "s", "sgcls", float16=False)
    assert [len(every[name].pairs) for name in "abc"] == [12, 6, 9]  # all of three boxes
    assert every["a"].labelled.sum() == 8 and every["a"].union_features.dtype == np.float32


def test_boxes_that_are_found_are_matched_to_learn_and_compared_to_judge(
    looker, annotated, tmp_path
):
    made, failed = detecting.detect(looker, annotated, tmp_path)
    assert not failed
    learned = made["a"]
    assert learned.labelled.all() and learned.truth is None and len(learned.pairs) == 8
    labels = learned.labels[learned.pairs].tolist()
    assert labels == [[1, 2], [3, 2]] * 4 and (learned.scores <= 1).all()
    found = looker.find(looker.see([detectors.frame(i) for i in range(3)]))
    assert len(learned.boxes) > len(found.boxes)
    for name, frames in (("b", 2), ("c", 3)):
        judged = made[name]
        assert not judged.labelled.any() and not judged.relations.any()
        assert judged.truth.pairs.shape == (2 * frames, 2) and judged.truth.relations.any()
        assert (judged.labels[judged.pairs[:, 0]] == 1).all()  # a person and what is none
        assert (judged.labels[judged.pairs[:, 1]] > 1).all()
        assert judged.distribution.shape[1] == 3 and judged.features.shape[1] == 512
    assert detect_table.splits(tmp_path) == {
        "a.scene.npz": "train", "b.scene.npz": "val", "c.scene.npz": "test",
    }  # fmt: skip
    assert sources.of_folder(tmp_path, "val").ids == ["b"]
    with pytest.raises(UserError, match="holds no scenes of other; it has scenes of test, train"):
        sources.of_folder(tmp_path, "other")
    # A spreadsheet may have saved the table: what was held back is never learnt from in silence.
    table = tmp_path / "detect.csv"
    told = table.read_text()
    table.write_text(told, encoding="utf-8-sig")
    assert sources.of_folder(tmp_path, "val").ids == ["b"]
    (tmp_path / "detections.csv").write_text("frame,class\n")  # somebody else's
    for text, message in (
        (told.replace(",", ";"), "detect.csv: lacks the column.*Expected file,source,bytes,split"),
        (told.replace(",val,", ",valid,"), "is of split 'valid'.*Did you mean 'val'"),
    ):
        table.write_text(text)
        with pytest.raises(UserError, match=message):
            sources.of_folder(tmp_path, "val")


def files(out):
    return {p.name: p.read_bytes() for p in out.iterdir() if not p.name.startswith(".")}


def test_what_was_stopped_goes_on_to_the_same_bytes_also_in_parts(
    looker, annotated, tmp_path, monkeypatch, capsys
):
    detecting.detect(looker, annotated, tmp_path / "whole")
    wanted = files(tmp_path / "whole")
    out = tmp_path / "stopped"
    one = detecting.plan(looker, out, "sgdet")
    listed = detecting.videos_of(annotated, out)

    def stopped():
        yield from listed[1].frames()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.detect(one, [listed[0], folder.dataclasses.replace(listed[1], frames=stopped)])
    assert (out / "a.scene.npz").exists() and not (out / "b.scene.npz").exists()
    (out / "detect.csv").write_text((out / "detect.csv").read_text() + "b.scene.npz,half a li")
    before = (out / "a.scene.npz").stat().st_mtime_ns
    detecting.detect(looker, annotated, out)
    assert files(out) == wanted and (out / "a.scene.npz").stat().st_mtime_ns == before
    assert "1 video done already; 2 videos to do" in capsys.readouterr().out
    parts = tmp_path / "parts"

    def make(number):
        detecting.detect(looker, annotated, parts, shard=shards.Shard(number, 2))

    with futures.ThreadPoolExecutor() as threads:  # at once
        list(threads.map(make, (1, 2)))
    assert files(parts) == wanted
    # Whoever goes on with other parts, or with all, makes nothing of it again.
    (parts / "c.scene.npz").unlink()
    detecting.detect(looker, annotated, parts, shard=shards.Shard(1, 3))
    capsys.readouterr()
    detecting.detect(looker, annotated, parts)
    assert "2 videos done already; 1 video to do" in capsys.readouterr().out
    assert files(parts)["detect.csv"] == wanted["detect.csv"]


def test_a_stopped_overwrite_leaves_no_scene_of_older_options(looker, annotated, tmp_path):
    part = shards.Shard(1, 2)
    detecting.detect(looker, annotated, tmp_path, shard=part)
    again = detecting.plan(looker, tmp_path, "predcls")
    listed = detecting.videos_of(annotated, tmp_path)

    def stopped():
        raise KeyboardInterrupt

    broken = [folder.dataclasses.replace(listed[0], frames=stopped), *listed[1:]]
    with pytest.raises(KeyboardInterrupt):
        folder.detect(again, broken, shard=part, overwrite=True)
    folder.detect(again, listed, shard=part)
    assert all(scene.load(tmp_path / f"{name}.scene.npz").truth is None for name in "ac")


def test_workers_elsewhere_make_what_one_run_makes(looker, annotated, tmp_path, capsys):
    detecting.detect(looker, annotated, tmp_path / "whole")
    out = tmp_path / "elsewhere"
    listed = [
        *detecting.videos_of(annotated, out),
        *detecting.videos_of(detecting.movie(tmp_path / "z.mp4", 2), out),
    ]
    one = detecting.plan(looker, out, "sgdet")
    again = functools.partial(detecting.plan_of, out, "sgdet")
    for dying, failed in ((["b.scene.npz"], 1), ([], 0)):
        machines = folder.OtherMachines(one_by_one.OneByOne(dying), again)
        assert folder.detect(one, listed, machines=machines) == failed
        assert ("failed: its worker died" in capsys.readouterr().out) == bool(failed)
    detecting.detect(looker, tmp_path / "z.mp4", tmp_path / "whole")
    assert files(out) == files(tmp_path / "whole")


def test_the_same_videos_are_the_same_from_another_folder(
    looker, annotated, tmp_path, monkeypatch, capsys
):
    detecting.detect(looker, annotated, tmp_path)
    monkeypatch.chdir(annotated.parent)
    detecting.detect(looker, pathlib.Path(annotated.name), tmp_path)
    assert "3 videos done already" in capsys.readouterr().out


def test_other_settings_and_other_videos_in_one_folder_are_refused(looker, annotated, tmp_path):
    detecting.detect(looker, annotated, tmp_path / "out")
    with pytest.raises(UserError, match='made with other options.*\n.*mode: was "sgdet", now'):
        detecting.detect(looker, annotated, tmp_path / "out", "predcls")
    other = detecting.write(tmp_path / "other", detecting.of_video("a", "train", 5))
    with pytest.raises(UserError, match="scenes of other videos of the same names"):
        detecting.detect(looker, other, tmp_path / "out")
    again = detecting.plan(looker, tmp_path / "out", "predcls")
    with pytest.raises(UserError, match="scenes of other videos made with other options"):
        folder.detect(again, detecting.videos_of(other, tmp_path / "out"), overwrite=True)
    assert (
        folder.detect(again, detecting.videos_of(annotated, tmp_path / "out"), overwrite=True) == 0
    )
    assert scene.load(tmp_path / "out" / "c.scene.npz").truth is None


def test_actions_lose_the_graphs_of_frames_that_are_left_out(annotated, tmp_path):
    known = detecting.videos_of(annotated, tmp_path)[0].known
    assert cutting.actions_of(known, np.array([0])) == {}
    verbs = np.arange(3, dtype=np.float32)[:, None]
    told = {"frame_graphs": np.array([0, 1, 1, 2]), "verb_features": verbs}
    acting = folder.dataclasses.replace(known, **told)
    got = cutting.actions_of(acting, np.array([1, 3]))
    assert got["frame_graphs"].tolist() == [0, 1] and got["verb_features"].tolist() == [[1], [2]]
    assert cutting.frames_of(acting, np.array([1, 3])).frames == ("a/1.png", "a/3.png")


def test_boxes_that_are_found_need_a_person_to_be_paired_with():
    words = vocabulary.from_json({**detecting.CLASSES, "objects": ["cup", "dog"]}, "here")
    other = detectors.detector(("__background__", "person", "cat"))
    for mode, others in (("sgdet", False), ("sgdet", True), ("predcls", True)):
        with pytest.raises(UserError, match="have none among their classes.*cup, dog"):
            making.SceneMaker(other, mode, words, others=others)
    assert making.SceneMaker(other, "predcls", words).words == words
    same = detectors.detector(words.objects)
    assert making.SceneMaker(same, "sgcls", words, others=True).same_classes


def test_a_detector_of_other_classes_only_looks_at_given_boxes(annotated, tmp_path):
    other = detectors.detector(("__background__", "person", "cat"))
    with pytest.raises(UserError, match=r"tells 2 classes \(person, cat\), the scenes have 3"):
        detecting.plan(other, tmp_path, "sgdet")
    assert not detecting.plan(other, tmp_path, "predcls").maker.same_classes
