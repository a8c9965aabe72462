"""What is written of a film: the three forms of its graph, its counts and its summary."""

import csv
import dataclasses
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.infer.graphs import counting, drawing, outputs, schema, summary
from jaxsign.infer.graphs.seen import Limits
from jaxsign.input.scenes.vocabulary import Group, Vocabulary
from tests.infer.graphs.told import frame

WORDS = Vocabulary(
    ("__background__", "person", "cup"),
    (Group("contact", ("holding",), "several"), Group("spatial", ("behind",), "several", True)),
)
ABOUT = {
    "film": 'a "film" & <more>\x01', "run": "runs/x", "net": "sttran", "mode": "sgdet",
    "constraint": "with", "window": 2, "detector": "", "made_by": "jaxsign",
}  # fmt: skip
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
    "number": (int, float),
}  # fmt: skip


def wrong(value, rule, where="$"):
    """What of a value a JSON schema refuses, of the words that ours is made of."""
    if "const" in rule or "enum" in rule:
        return [] if value in rule.get("enum", [rule.get("const")]) else [f"{where}: {value!r}"]
    kind = TYPES[rule["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return [f"{where}: {value!r} is no {rule['type']}"]
    if kind is dict:
        names = rule["properties"]
        found = [f"{where}: {name} is absent" for name in rule["required"] if name not in value]
        found += [f"{where}: {name} is unknown" for name in value if name not in names]
        return found + [
            text
            for name, one in value.items()
            if name in names
            for text in wrong(one, names[name], f"{where}.{name}")
        ]
    if kind is list:
        found = [] if len(value) >= rule.get("minItems", 0) else [f"{where}: too short"]
        found += [f"{where}: too long"] if len(value) > rule.get("maxItems", len(value)) else []
        return found + [
            t for i, v in enumerate(value) for t in wrong(v, rule["items"], f"{where}[{i}]")
        ]
    inside = (
        rule.get("minimum", value) <= value <= rule.get("maximum", value)
        if kind is not str
        else True
    )
    return [] if inside else [f"{where}: {value} is out of range"]


def frames(time=True):
    yield frame(0, (1, "holding", 0.6), (1, "behind", 0.5), (2, "holding", 0.19), time=time)
    yield frame(1, (1, "holding", 0.4), (2, "holding", 0.3), time=time)
    yield frame(2, classes=("person",), scores=(1.0,), time=time)
    yield frame(3, classes=(), scores=(), time=time)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("graphs") / "out"
    with outputs.FilmOutputs(out, WORDS, ABOUT) as made:
        for one in frames():
            made.add(one)
        made.close()
    return out


def test_all_files_are_there_and_the_pictures_are_pictures(folder):
    assert {path.name for path in folder.iterdir()} == set(outputs.NAMES)
    for name in (outputs.GRAPH, outputs.TIMELINE):
        with Image.open(folder / name) as image:
            assert min(image.size) > 100


def test_json_is_as_its_schema_says(folder):
    found = json.loads((folder / "graph.json").read_text())
    rules = json.loads((folder / outputs.SCHEMA).read_text())
    assert rules == schema.SCHEMA and wrong(found, rules) == []
    assert [len(one["relations"]) for one in found["frames"]] == [3, 2, 0, 0]
    assert found["frames"][0]["relations"][1]["told"] == "cup behind person"
    assert found["statistics"]["frames_without_boxes"] == 1
    found["frames"][0]["objects"][0]["box"].pop()
    del found["metadata"]["net"]
    found["statistics"]["timed"] = 1
    assert len(wrong(found, rules)) == 3


def test_csv_and_xml_tell_the_same_as_json(folder):
    told = json.loads((folder / "graph.json").read_text())["frames"]
    with open(folder / "graph.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows].count("relation") == 5
    assert [row["frame"] for row in rows if row["kind"] == "empty"] == ["3"]
    tree = ElementTree.parse(folder / "graph.xml").getroot()
    assert tree.find("metadata").attrib["film"] == 'a "film" & <more>?'
    assert tree.find("statistics").attrib["frames"] == "4"
    for one, element in zip(told, tree.find("frames"), strict=True):
        mine = [row for row in rows if row["frame"] == str(one["number"])]
        for kind, names in (("object", ("label", "score", "id")), ("relation", ("told", "score"))):
            wanted = [[str(each[name]) for name in names] for each in one[f"{kind}s"]]
            assert [[row[name] for name in names] for row in mine if row["kind"] == kind] == wanted
            assert [[e.attrib[name] for name in names] for e in element.findall(kind)] == wanted


def test_counts_take_what_is_sure_and_the_best_of_a_frame():
    counts = counting.FilmCounts(Limits(0.1, 0.2))
    for one in frames():
        counts.add(one)
    holding = counts.relations["person holding cup"]
    assert (holding.frames, holding.best, holding.best_at) == (2, 0.6, 0.0)
    assert holding.total == pytest.approx(1.0)
    assert (counts.objects["cup"].frames, counts.objects["person"].frames) == (2, 3)
    page = summary.text(counts, {"film": "x"})
    assert "person holding cup       2   50 %" in page and "1 frames without a box" in page
    assert "cup behind person" in page


def test_a_relation_counts_where_both_of_its_boxes_are_shown():
    for score, count in ((0.125, 0), (0.25, 1)):
        one = frame(0, (1, "holding", 0.6), scores=(1.0, score, score))
        counts = counting.FilmCounts(Limits(0.125, 0.2))
        counts.add(one)
        assert len(one.sure(Limits(0.125, 0.2))) == len(counts.relations) == count
        assert ("cup" in counts.objects) == bool(count)


def test_bins_stay_few_and_keep_all_sums():
    counts = counting.FilmCounts(Limits())
    for number in range(5000):
        pair = ((1, "holding", 0.5),) if 1000 <= number < 3000 or number >= 4998 else ()
        counts.add(frame(number, *pair))
    holding = counts.relations["person holding cup"]
    table, edges = counts.table([holding])[0], counts.edges()
    assert len(table) <= 512 and len(edges) == len(table) + 1
    assert sum(holding.bins.values()) == pytest.approx(1001.0)
    there = edges[:-1][table > 0.1]
    assert there.min() == pytest.approx(100, abs=2) and there.max() > 499
    assert [(one.first, one.last) for one in holding.spells] == [(1000, 2999), (4998, 4999)]
    page = summary.text(counts, {})
    assert "from 100.00 s to 299.90 s     person holding cup" in page


def test_first_and_last_are_those_of_all_spells():
    counts = counting.FilmCounts(Limits())
    for number in range(2, 200):  # one frame at the start, then two in ten
        pair = ((1, "holding", 0.5),) if number == 2 or number % 10 in (6, 7) else ()
        counts.add(frame(number, *pair))
    holding = counts.relations["person holding cup"]
    assert len(holding.spells) == 8 and min(one.first for one in holding.spells) > 2
    told = holding.json()
    assert (told["first"], told["last"], told["spells"]) == (0.2, 19.7, 21)


def test_films_without_times_are_told_by_frames(tmp_path):
    with outputs.FilmOutputs(tmp_path, WORDS, ABOUT, outputs.Wanted(film=False)) as made:
        for one in frames(time=False):
            made.add(one)
        made.close()
    assert "at frame 0" in (tmp_path / outputs.SUMMARY).read_text()
    assert not (tmp_path / outputs.FILM).exists()
    assert not json.loads((tmp_path / "graph.json").read_text())["statistics"]["timed"]


def test_files_of_an_earlier_run_are_not_passed_off_as_new(tmp_path):
    for name in (*outputs.NAMES, "mine.txt"):
        (tmp_path / name).write_text("old")
    with pytest.raises(UserError, match=r"film\.mp4: is a file that is written anew"):
        outputs.check_apart(tmp_path, tmp_path / outputs.FILM)
    with outputs.FilmOutputs(tmp_path, WORDS, ABOUT, outputs.Wanted(film=False)) as made:
        made.add(next(frames()))
        written = made.close()
    assert {path.name for path in written} == set(outputs.NAMES) - {outputs.FILM}
    assert {*written, tmp_path / "mine.txt"} == set(tmp_path.iterdir())


def test_an_error_leaves_no_half_files(tmp_path):
    with (
        pytest.raises(RuntimeError),
        outputs.FilmOutputs(tmp_path / "out", WORDS, ABOUT) as made,
    ):
        made.add(next(frames()))
        raise RuntimeError
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_with_files_is_not_written_over(tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UserError, match="holds mine.txt already"):
        outputs.check(tmp_path)
    outputs.check(tmp_path, overwrite=True)
    with pytest.raises(UserError, match="is a file"):
        outputs.check(tmp_path / "mine.txt")


def test_boxes_have_the_demonstrations_colours():
    colours = [drawing.by_score(score) for score in (0.71, 0.7, 0.31, 0.3, 0.11)]
    green, yellow, orange = (colour for _, colour in drawing.SCORES)
    assert colours == [green, yellow, yellow, orange, orange]


def test_pictures_of_a_film_have_one_size():
    painter = drawing.FramePainter(["contact", "spatial"], Limits())
    turned = dataclasses.replace(frame(4), size=(60, 140))
    sizes = {painter.paint(one).size for one in (*frames(), turned)}
    assert len(sizes) == 1


def test_labels_of_boxes_in_one_place_hide_nothing_in_them():
    one = frame(0)
    boxes = np.tile(np.array([[40, 50, 80, 90]], np.float32), (3, 1))
    stacked = dataclasses.replace(one, answer=dataclasses.replace(one.answer, boxes=boxes))
    image = np.asarray(drawing.FramePainter(["spatial"], Limits()).paint(stacked))
    inside = image[round(6.4 * 52) : round(6.4 * 88), round(6.4 * 42) : round(6.4 * 78)]
    assert (inside == inside[0, 0]).all()
