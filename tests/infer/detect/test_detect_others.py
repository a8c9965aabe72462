"""Boxes of another detector."""

import json

import detecting
import detectors
import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.scenes import boxes_of_others, detect_table

FOUND = [
    {"frame": 0, "category": "Human", "score": 0.9, "bbox": [0, 0, 20, 40]},
    {"frame": 0, "category": "human", "score": 0.5, "bbox": [30, 0, 20, 40]},
    {"frame": 0, "category": "Cup", "score": 0.8, "bbox": [30, 30, 100, 10]},
    {"frame": 2, "category": "Tree", "score": 0.8, "bbox": [30, 30, 10, 10]},
    {"frame": 3, "category": "dog", "score": 0.7, "bbox": [30, 30, 10, 10]},
    {"frame": 9, "category": "dog", "score": 0.7, "bbox": [30, 30, 10, 10]},
]


def test_boxes_of_another_detector(tmp_path):
    looker = detecting.looker()
    (tmp_path / "boxes.json").write_text(json.dumps(FOUND))
    (tmp_path / "table.csv").write_text("from,to\nHuman,person\nhuman,person\n")
    others = boxes_of_others.read(tmp_path / "boxes.json", detecting.WORDS, tmp_path / "table.csv")
    assert others.left_out == {"Tree": 1}
    made, _ = detecting.detect(
        looker, detecting.movie(tmp_path / "long.mp4", 7), tmp_path / "out", others=others
    )
    one = made["long"]
    assert one.box_frames.tolist() == [0, 0, 0, 3] and one.labels.tolist() == [1, 1, 2, 3]
    assert one.pairs.tolist() == [[0, 2]] and not one.labelled.any()
    assert one.boxes[2].tolist() == [30, 30, 64, 40]  # within the frame
    reason = detect_table.table(tmp_path / "out").read()["long.scene.npz"].reason
    assert reason.startswith("1 of its 5 boxes in") and "such as in frame 9; these" in reason
    np.testing.assert_allclose(one.distribution[2], [0.1, 0.8, 0.1], rtol=1e-5)
    seen = looker.see([detectors.frame(0)])
    assert looker.look(seen, one.box_frames[:3], one.boxes[:3])[0].shape == one.features[:3].shape
    lines = ["video,frame,class,score,x1,y1,x2,y2", "long,000003,dog,0.7,30,30,40,40"]
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    table = boxes_of_others.read(tmp_path / "boxes.csv", detecting.WORDS)
    got = table.scene("long", ["000003"], np.array([[64, 48]]), [3])
    np.testing.assert_array_equal(got.boxes, one.boxes[3:])
    assert not len(table.scene("other", ["000003"], np.array([[64, 48]]), [3]).boxes)
    table.check(["long", "other"])
    with pytest.raises(UserError, match=r"(?s)films that are not there:.*long\n.*- longer"):
        table.check(["longer", "other"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("from,to\nTür,cup\n".encode("cp1252"), "is no text in UTF-8"),
        (b"from,to\nhuman,person\ncup\n", "line 3: has no name in `from` or in `to`"),
        (b"from,to\nhuman,persons\n", "persons: no classes of the scenes. Did you mean 'person'"),
        (b"name,to\nhuman,person\n", "lacks the column.* from"),
    ],
)
def test_tables_of_classes_that_are_none(tmp_path, content, told):
    boxes, table = tmp_path / "boxes.csv", tmp_path / "table.csv"
    boxes.write_bytes("frame;class;score;x1;y1;x2;y2\n3;Tür;0,7;1;2;3;4\n".encode("cp1252"))
    table.write_bytes(content)
    with pytest.raises(UserError, match=r"boxes.csv: is no text in UTF-8"):
        boxes_of_others.read(boxes, detecting.WORDS, table)
    boxes.write_text("frame;class;score;x1;y1;x2;y2\n3;human;1;1;2;3;4\n")
    with pytest.raises(UserError, match=told):
        boxes_of_others.read(boxes, detecting.WORDS, table)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "holds no list"),
        ("[", "is no JSON"),
        ([{**FOUND[0], "bbox": [1, 2, 3]}], "box 0: not enough values"),
        ([{**FOUND[0], "bbox": [9, 9, -3, 4]}], "reversed"),
        ([{**FOUND[0], "score": 7}], "the score 7, expected 0 to 1"),
        ([{"frame": 0}], "box 0: 'bbox' is missing"),
        ([FOUND[3]], "none of its 1 boxes is of a class of the scenes. Its classes: Tree"),
    ],
)
def test_boxes_that_are_none(tmp_path, content, told):
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=told):
        boxes_of_others.read(path, detecting.WORDS)


def test_boxes_of_another_detector_do_not_take_the_place_of_annotations(tmp_path, capsys):
    (tmp_path / "boxes.json").write_text("[]")
    words = [
        "detect",
        detecting.three(tmp_path / "set"),
        "--detector",
        tmp_path,
        "--out",
        tmp_path / "out",
    ]
    words += ["--mode", "sgdet", "--boxes", tmp_path / "boxes.json"]
    assert cli.main([*map(str, words)]) == 1
    assert "is annotated, and what is annotated would be lost" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def boxes_file(place, *rows):
    given = [{"frame": 3, "category": "dog", "score": 0.7, "bbox": [30, 30, 10, 10]} | row
             for row in rows]  # fmt: skip
    (place / "boxes.json").write_text(json.dumps(given))
    return place / "boxes.json"


def test_numbers_names_and_films_as_other_programs_write_them(tmp_path):
    """3.0 for 3, letters in two parts, a picture without its ending, a class in capitals."""
    path = boxes_file(
        tmp_path,
        {"frame": 3.0, "category": None, "category_id": 18.0} | {"video": "cafe\u0301"},
        {"frame": "img_0003", "category": "HUND", "video": None},
    )
    rows = json.loads(path.read_text())
    del rows[0]["category"]
    path.write_text(json.dumps(rows))
    (tmp_path / "table.csv").write_text("from,to\n18,dog\nHund,dog\n")
    found = boxes_of_others.read(path, detecting.WORDS, tmp_path / "table.csv")
    found.check(["cafe\u0301"])
    size = np.array([[64, 48]])
    assert len(found.scene("cafe\u0301", ["img_0003.PNG"], size, [3]).boxes) == 2
    assert len(found.scene("café", ["000003"], size, [3]).boxes) == 1
    (tmp_path / "table.csv").write_text("from,to\n18,dog\n18,cup\n")
    with pytest.raises(UserError, match=r"'18' stands 2 times in `from`"):
        boxes_of_others.read(path, detecting.WORDS, tmp_path / "table.csv")


def test_a_film_without_any_of_its_boxes_has_no_scene(tmp_path):
    path = boxes_file(tmp_path, {"frame": "00003"}, {"frame": "00004"})
    others = boxes_of_others.read(path, detecting.WORDS)
    film = detecting.movie(tmp_path / "long.mp4", 7)
    made, failed = detecting.detect(detecting.looker(), film, tmp_path / "out", others=others)
    assert failed == 1 and not made
    reason = detect_table.table(tmp_path / "out").read()["long.scene.npz"].reason
    assert reason.startswith("2 of its 2 boxes in") and "Did you mean '000003'?" in reason


def test_boxes_that_frames_cannot_hold_are_told(tmp_path):
    path = boxes_file(tmp_path, {"bbox": [30, 30, 60, 40]}, {"bbox": [5, 5, 20, 20]})
    found = boxes_of_others.read(path, detecting.WORDS)
    (told,) = found.remarks("long", ["000003"], np.array([[64, 48]]), [3])
    assert told.startswith("1 of 2 boxes in") and "x, y, width and height" in told
    path = boxes_file(
        tmp_path, {"bbox": [70, 5, 20, 20]}, {"bbox": [5, 5, 0, 9]}, {"bbox": [60, 5, 5, 5]}
    )
    found = boxes_of_others.read(path, detecting.WORDS)
    size = np.array([[64, 48]])
    np.testing.assert_array_equal(
        found.scene("long", ["000003"], size, [3]).boxes, [[60, 5, 64, 10]]
    )
    told, _ = found.remarks("long", ["000003"], size, [3])
    assert told.startswith("2 of 3 boxes in") and "no area in their frames and are left" in told
    with pytest.raises(UserError, match="between 0 and 1, as shares"):
        boxes_of_others.read(boxes_file(tmp_path, {"bbox": [0.1, 0.2, 0.5, 0.6]}), detecting.WORDS)
