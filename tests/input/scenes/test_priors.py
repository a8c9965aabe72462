"""What is known of classes beforehand: counted, written as the original's file, and read again."""

import json

import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.scenes import priors
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import BACKGROUND, PERSON, Group, Vocabulary

WORDS = Vocabulary(
    (BACKGROUND, PERSON, "cup/glass", "book", "lamp"),
    (
        Group("attention", ("looks", "away"), "one"),
        Group("touch", ("holds", "not_there"), "several"),
    ),
)


def video(*rows):
    """A frame a row: the objects' (label, predicates)."""
    boxes, frames, labels, pairs, relations = [], [], [], [], []
    for frame, objects in enumerate(rows):
        person = len(labels)
        for label, told in ((1, None), *objects):
            if told is not None:
                pairs.append((frame, person, len(labels)))
                relations.append(np.isin(range(4), told))
            boxes.append([0, 0, 9, 9])
            frames.append(frame)
            labels.append(label)
    pairs = np.array(pairs)
    return Scene(
        boxes=np.array(boxes, np.float32),
        box_frames=np.array(frames, np.int32),
        labels=np.array(labels, np.int32),
        scores=np.ones(len(labels), np.float32),
        pairs=pairs[:, 1:].astype(np.int32),
        pair_frames=pairs[:, 0].astype(np.int32),
        relations=np.array(relations),
        labelled=np.ones(len(pairs), bool),
        image_sizes=np.full((len(rows), 2), 10, np.int32),
        frames=tuple(f"{i}.png" for i in range(len(rows))),
        source="v",
        vocabulary=WORDS,
    )


VIDEOS = (
    video([(2, [0, 2])], [(2, [1, 2]), (3, [0, 3])], [(2, [0])]),
    video([(2, [1, 2]), (2, [0, 3])], [(2, [1])]),
)


def test_shares_are_those_counted_by_hand():
    found = priors.of_scenes(VIDEOS, WORDS)
    # Six pairs of the cup: looks 3, away 3, holds 3, not_there 1.
    np.testing.assert_allclose(found.initial[2], [3 / 6, 3 / 6, 3 / 6, 1 / 6])
    np.testing.assert_allclose(found.initial[3], [1, 0, 0, 1])
    assert not found.initial[[0, 1, 4]].any() and found.classes == 2
    # Behind 'holds': first (away, holds) and (looks), in the second video (looks, not_there).
    np.testing.assert_allclose(found.specific[2, 0], [(0.5 + 1) / 2, 0.25, 0.25, 0.5])
    np.testing.assert_allclose(found.specific[2, 1], [0, 1, 0, 0])
    assert not found.specific[3].any()  # nothing follows
    assert found.contacts[2].tolist() == [True, True]
    assert found.contacts[3].tolist() == [False, True]


def written(tmp_path, change=lambda rows: None):
    path = tmp_path / "TrainPrior.json"
    priors.write(path, priors.of_scenes(VIDEOS, WORDS), WORDS)
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows))
    return path


def test_a_file_holds_all_of_it(tmp_path):
    found, wanted = priors.read(written(tmp_path), WORDS), priors.of_scenes(VIDEOS, WORDS)
    for name in ("initial", "specific", "contacts"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    rows = json.loads(written(tmp_path).read_text())
    assert list(rows) == ["2", "3", "4"] and rows["3"]["c_rel_name"] == ["not_there"]
    assert rows["3"]["c_rel_idx"] == [1] and rows["4"]["specific_prior"] == []


def test_names_may_be_written_as_the_data_sets_do(tmp_path):
    def change(rows):
        rows["2"]["obj_cls_name"], rows["3"]["c_rel_name"] = "cupglass", ["not there"]

    assert priors.read(written(tmp_path, change), WORDS).classes == 2


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda rows: rows.pop("3"), r"3 \(book\): is not there"),
        (lambda rows: rows["2"].pop("c_rel_idx"), "2 .*has no 'c_rel_idx'"),
        (lambda rows: rows.update({"2": rows["3"], "3": rows["2"]}), "'book', which is 3 here"),
        (lambda rows: rows["2"].update(obj_cls_name="sofa"), "obj_cls_name is 'sofa'\n"),
        (
            lambda rows: rows["2"]["initial_prior"].pop(),
            r"initial_prior is \[3\], expected .*\[4\]",
        ),
        (lambda rows: rows["2"]["specific_prior"].pop(), r"\[1, 4\], expected numbers \[2, 4\]"),
        (lambda rows: rows["2"]["initial_prior"].insert(0, "x"), "initial_prior is"),
        (lambda rows: rows["2"].update(initial_prior=[2, 0, 0, 0]), "no shares, expected 0 to 1"),
        (lambda rows: rows["3"].update(c_rel_idx=[0]), "c_rel_idx 0 is called 'not_there'"),
        (lambda rows: rows["3"].update(c_rel_idx=[9]), "c_rel_idx 9"),
        (lambda rows: rows.update({"7": {}}), "7: no label"),
        (lambda rows: rows.update({"4": 5}), "4 .*expected an object, found int"),
        (lambda rows: rows["4"].update(specific_prior=[[0] * 4]), "1 rows, c_rel_idx none"),
    ],
)
def test_a_file_of_something_else_is_refused(change, words, tmp_path):
    with pytest.raises(UserError, match=words) as told:
        priors.read(written(tmp_path, change), WORDS)
    assert "TrainPrior.json" in str(told.value) and "jaxsign priors" in str(told.value)


def test_the_verb_counts_one_split(tmp_path, capsys):
    folder = tmp_path / "scenes"
    folder.mkdir()
    for number, one in enumerate(VIDEOS):
        one.save(folder / f"{number}.scene.npz")
    out = tmp_path / "p.json"
    assert cli.main(["priors", str(folder), "--out", str(out)]) == 0
    assert "2 videos tell of 2 classes" in capsys.readouterr().out
    wanted = priors.of_scenes(VIDEOS, WORDS)
    np.testing.assert_array_equal(priors.read(out, WORDS).specific, wanted.specific)
    assert cli.main(["priors", str(folder), "--out", str(out)]) == 1
    assert "already exists" in capsys.readouterr().err
