"""EASG's annotations: what becomes of them, and what is refused."""

import os
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxsign import cli  # noqa: E402
from jaxsign import config as configs  # noqa: E402
from jaxsign.errors import UserError  # noqa: E402
from jaxsign.input import files  # noqa: E402
from jaxsign.input.scenes import easg, easg_baseline, easg_scenes, kinds, sources  # noqa: E402
from tests.input.scenes.easg_folder import (  # noqa: E402
    PNR,
    POST,
    PRE,
    a_graph,
    baseline,
    box,
    clips,
    write,
)

TAKE = a_graph(
    "G2",
    "take",
    [("take", "with", "knife"), ("take", "dobj", "bread:loaf"), ("take", "dobj", "knife"),
     ("take", "in", "spaceship")],
    {
        PRE: {"knife": box(), "bread": box(5, 5), "table": box()},
        PNR: {"table": box()},
        POST: {"bread": box(left=0.5)},
    },
)  # fmt: skip
BOTH = clips(a_graph(), TAKE)


def test_a_video(tmp_path):
    found = easg.read(write(tmp_path, BOTH), "train")
    assert found.words.verbs == ("cut", "take") and found.words.edges == ("dobj", "with")
    (video,) = found.videos
    # Frames without a box that a triplet tells of are none; others come as pre, pnr, post.
    assert video.frames == ("G1/C1_pre.jpg", "G2/C1_pre.jpg", "G2/C1_post.jpg")
    assert video.image_size == (64, 48) and video.graphs == ("G1", "G2")
    assert video.frame_graphs.tolist() == [0, 1, 1] and video.verbs.tolist() == [0, 1]
    assert video.box_frames.tolist() == [0, 1, 1, 2]
    assert video.objects.tolist() == [1, 0, 1, 1]  # without a background
    assert video.edges.tolist() == [[1, 0], [1, 1], [1, 0], [1, 0]]
    assert video.boxes.tolist()[2:] == [[5, 5, 15, 25], [0.5, 2, 10.5, 22]]
    assert video.verb_features is None
    assert easg.read(tmp_path, "val").videos == []


def test_a_long_clip_is_cut_behind_a_hundred_frames(tmp_path):
    moments = {moment: {"bread": box()} for moment in (PRE, PNR, POST)}
    graphs = [a_graph(f"G{n}", groundings=moments) for n in range(40)]
    found = easg.read(write(tmp_path, clips(*graphs)), "train").videos
    assert [(one.name, len(one.frames)) for one in found] == [("C1", 102), ("C1-2", 18)]


@pytest.mark.parametrize("keys", [("G1_C1", "G2_C1"), ("C1_graph_0_C1", "C1_graph_1_C1")])
def test_features_of_verbs(tmp_path, keys):
    given = {key: torch.full((3,), float(number)) for number, key in enumerate(keys)}
    (video,) = easg.read(write(tmp_path, BOTH, given), "train").videos
    assert video.verb_features.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_a_frame_or_a_feature_that_is_absent_takes_box_and_row_with_it(tmp_path):
    folder = write(tmp_path, BOTH, {"G2_C1": torch.ones(3)})
    (folder / "frames/G2").mkdir(parents=True)
    (folder / "frames/G2/C1_post.jpg").touch()
    found = easg.read(folder, "train")
    (video,) = found.videos
    assert video.frames == ("G2/C1_post.jpg",) and video.graphs == ("G2",)
    assert len(video.boxes) == len(video.objects) == len(video.edges) == 1
    assert video.verb_features.tolist() == [[1, 1, 1]]
    told = {easg.ABSENT: 1, "boxes of graphs without features of their verb": 1}
    assert found.left_out == told


def test_a_video_as_a_scene(tmp_path):
    found = easg.read(write(tmp_path, BOTH), "train")
    words = easg_scenes.vocabulary(found.words)
    scene = easg_scenes.scene(found.videos[0], words, "here")
    assert words.objects[1:] == ("person", "knife", "bread", "another person", "table")
    names = [words.objects[label] for label in scene.labels]
    assert names == ["person", "bread", "person", "knife", "bread", "person", "bread"]
    assert scene.boxes[2].tolist() == [0, 0, 64, 48]
    assert scene.pairs.tolist() == [[0, 1], [2, 3], [2, 4], [5, 6]]
    told = [[words.predicates[n] for n in np.flatnonzero(row)] for row in scene.relations]
    assert told == [["cut", "dobj"], ["take", "dobj", "with"], ["take", "dobj"], ["take", "dobj"]]


def test_easg_as_a_source(tmp_path):
    content = BOTH | {"C2": clips(a_graph(), split="val")["C1"]}
    data = configs.base().data
    data.source, data.train.path = "easg", str(write(tmp_path, content))
    train, val = (sources.open_source(data, split) for split in ("train", "val"))
    assert (list(train.ids), list(val.ids)) == (["C1"], ["C2"])
    assert train.vocabulary == val.vocabulary and "no features" in train.remarks[0]
    scene = val.read(0)
    (tmp_path / "features").mkdir()
    features, union = np.zeros((2, 5), np.float32), np.zeros((1, 7, 7, 3), np.float16)
    arrays = {"features": features, "union_features": union}
    files.write_npz(tmp_path / "features/C2.npz", arrays)
    found = sources.open_source(data, "val").read(0)
    assert found.features.shape == (2, 5) and found.boxes.tolist() == scene.boxes.tolist()
    collection = kinds.opened(tmp_path)
    assert [(one.name, one.split) for one in collection.videos] == [("C1", "train"), ("C2", "val")]
    assert collection.kind == "easg" and collection.videos[1].read().features.shape == (2, 5)
    with pytest.raises(UserError, match="features of 1 of 1 videos are absent:\n  - C1.npz"):
        sources.open_source(data, "train")
    data.train.path = str(tmp_path / "features")
    with pytest.raises(UserError, match="is no folder of EASG"):
        sources.open_source(data, "train")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "is no object of clips"),
        ({}, "0 clips with 0 verbs and 0 edges"),
        (clips(a_graph(), split="dev"), "C1: its split is 'dev'"),
        (clips(a_graph(), W=None), "W and H are None and 48"),
        (clips(graphs=3), "its graphs are no list"),
        (clips("G"), "graph 0: has no graph_uid"),
        (clips(a_graph(), a_graph()), "1 graphs stand there twice, such as G1"),
        (clips(a_graph() | {"triplets": [["CW", "verb"]]}), "no lists of three names"),
        (clips(a_graph() | {"triplets": []}), "graph G1: no verb"),
        (clips(a_graph() | {"groundings": None}), "has no groundings"),
        (clips(a_graph(groundings={PRE: []})), "G1, pre: is no object of boxes"),
        (clips(a_graph(groundings={PRE: {"bread": {}}})), "bread: expected left, top, width"),
        (clips(a_graph(groundings={PRE: {"bread": box(width=-1)}})), "-1 x 20"),
        (clips(a_graph(groundings={PRE: {"bread": box(left=float("nan"))}})), "left nan"),
    ],
)
def test_annotations_that_cannot_be_right(tmp_path, content, told):
    with pytest.raises(UserError, match=rf"EASG_unict_master_final.json: [\s\S]*{told}"):
        easg.read(write(tmp_path, content), "train")


def test_files_of_another_kind(tmp_path):
    folder = write(tmp_path, BOTH)
    (folder / "EASG_unict_master_final.json").write_text('{"C1": ')
    with pytest.raises(UserError, match="final.json: is no JSON"):
        easg.read(folder, "train")
    (folder / "objects.txt").write_text("knife\nknife\n")
    with pytest.raises(UserError, match="objects.txt: holds knife more than once"):
        easg.read(folder, "train")
    (folder / "objects.txt").unlink()
    with pytest.raises(UserError, match="has no EASG's list of objects"):
        easg.read(folder, "train")


def test_nouns_as_other_systems_write_them(tmp_path):
    """Letters in two parts are found in a list that has them in one; another code page is told."""
    told = (("cut", "dobj", "pure\u0301e"),)
    graph = a_graph(triplets=told, groundings={PRE: {"pure\u0301e": box()}})
    folder = write(tmp_path, clips(graph), objects=("purée",))
    (video,) = easg.read(folder, "train").videos
    assert video.objects.tolist() == [0]
    (folder / "objects.txt").write_bytes("purée\r\n".encode("cp1252"))
    with pytest.raises(UserError, match="objects.txt: is no text in UTF-8.*'purée' in cp1252"):
        easg.read(folder, "train")


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ([1], "holds a list"),
        ({"G1_C1": torch.ones(3), "G2_C1": torch.ones(2), "a": torch.ones(3)}, "G2_C1: float32"),
        ({"G1_C1": torch.tensor([1.0, float("nan")])}, "G1_C1: float32"),
        ({"G1_C1": torch.ones(2, dtype=torch.int64)}, "G1_C1: int64"),
        ({"G1_C1": torch.ones(2), "more": Harm()}, "system at more.* refused"),
    ],
)
def test_features_that_are_none(tmp_path, monkeypatch, features, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=rf"features_verb.pt: [\s\S]*{told}"):
        easg.read(write(tmp_path, BOTH, features), "train")
    assert not (tmp_path / "harmed").exists()


def an_annotation(verb="cut", obj="bread", rel="dobj", moments=(PRE,)):
    return {"verb": verb, "obj": obj, "rel": rel, "bbox": dict.fromkeys(moments)}


ANNOTATED = {"C1_1": {"annotations": {"a1": [
    an_annotation(), an_annotation(rel="with"), an_annotation(obj="knife"),
    an_annotation("take", "table")]}}}  # fmt: skip
SHOWN = {"C1_1": {"a1": [
    {PRE: torch.ones(1, 2), PNR: torch.full((2, 2), 4.0)}, {PRE: torch.full((1, 2), 7.0)}, {},
    {POST: torch.zeros(1, 2)}]}}  # fmt: skip
VERBS = {"a1": torch.arange(3.0)}


def test_the_baselines_graphs(tmp_path):
    found = easg_baseline.read(baseline(tmp_path, ANNOTATED, SHOWN, VERBS), "train")
    assert found.names == ("C1_1", "C1_1") and found.verbs.tolist() == [0, 1]
    assert found.graphs.tolist() == [0, 1] and found.objects.tolist() == [1, 3]
    assert found.object_features.tolist() == [[4, 4], [0, 0]]  # of (1, 4, 4, 7)
    assert found.edges.tolist() == [[True, True], [True, False]]
    assert found.verb_features.tolist() == [[0, 1, 2]] * 2
    assert found.left_out == {"objects without features": 1}


@pytest.mark.parametrize(
    ("annotated", "shown", "told"),
    [
        ([], SHOWN, "easg_train.pkl: holds a list"),
        ({"g": 3}, SHOWN, "g: "),
        (ANNOTATED, {"C1_1": {"a1": [{}]}}, "1 features for 4 annotations"),
        (ANNOTATED, {"C1_1": {"a1": [{PRE: torch.ones(2)}] * 4}}, "no finite numbers"),
        ({"g": {"annotations": {"a1": [an_annotation("fly")]}}}, {}, "verb 'fly' is unknown"),
        ({"g": {"annotations": {"a1": [an_annotation()]}}}, {}, "no graph of train has features"),
        (ANNOTATED, {"C1_1": {"a1": [{PRE: torch.ones(1, 2)}, {}, {}, {PRE: torch.ones(1, 3)}]}},
         r"are \[2, 3\] wide"),
    ],
)  # fmt: skip
def test_baseline_files_that_cannot_be_right(tmp_path, annotated, shown, told):
    with pytest.raises(UserError, match=told):
        easg_baseline.read(baseline(tmp_path, annotated, shown, VERBS), "train")


class Inside:
    """What pickles have of a tensor that torch did not write: a file of torch's."""

    def __init__(self, content):
        self.content = content

    def __reduce__(self):
        return torch.storage._load_from_bytes, (self.content,)


def test_a_file_inside_a_pickle_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = baseline(tmp_path, ANNOTATED, SHOWN, VERBS)
    torch.save(Harm(), tmp_path / "bad", _use_new_zipfile_serialization=False)
    bad = pickle.dumps({"C1_1": Inside((tmp_path / "bad").read_bytes())})
    (folder / "roi_feats_train.pkl").write_bytes(bad)
    with pytest.raises(UserError, match="system, which is refused"):
        easg_baseline.read(folder, "train")
    assert not (tmp_path / "harmed").exists()


def test_validate(tmp_path, capsys):
    folder = write(tmp_path, BOTH)
    for split in easg.SPLITS:
        baseline(tmp_path, ANNOTATED, SHOWN, VERBS, split)
    assert cli.main(["validate", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "train: 1 videos, 3 frames, 7 boxes, 4 pairs, 9 relations" in told
    assert "train, for the baseline: 2 graphs, 2 objects" in told
    (folder / "frames/G1").mkdir(parents=True)
    (folder / "frames/G1/C1_pre.jpg").touch()
    write(folder, clips(a_graph(groundings={PRE: {"bread": box(left=100)}}), TAKE))
    assert cli.main(["validate", str(folder)]) == 2
    told = capsys.readouterr().out
    assert "2 frames of train are absent" in told and "C1: 1 boxes lie outside" in told
