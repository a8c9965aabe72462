"""COCO's json and Pascal VOC: what comes in, and every bad file."""

import json

import numpy as np
import PIL.ExifTags
import PIL.Image
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.boxes import sources

NAMES = "cup", "person"


def picture(path, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("RGB", size, (10, 20, 30)).save(path)


def opened(place, split="train", **changes):
    data = configs.load("faster_rcnn:boxes").data
    data.train.path = data.val.path = str(place)
    data.update(changes)
    return sources.open_source(data, split)


@pytest.fixture
def coco(tmp_path):
    """Three images: two boxes and a crowd, none, one."""
    for name in "abc":
        picture(tmp_path / "images" / f"{name}.jpg")
    boxes = [(1, 7, [2, 3, 10, 20], 0), (1, 4, [5, 5, 5, 5], 0), (1, 7, [0, 0, 40, 30], 1),
             (3, 4, [1, 1, 8, 8], 0)]  # fmt: skip
    return {
        "images": [
            {"id": i, "file_name": f"{name}.jpg", "width": 40, "height": 30}
            for i, name in enumerate("abc", 1)
        ],
        "annotations": [
            {"id": i, "image_id": image, "category_id": kind, "bbox": box, "iscrowd": crowd}
            for i, (image, kind, box, crowd) in enumerate(boxes)
        ],
        "categories": [{"id": 4, "name": NAMES[0]}, {"id": 7, "name": NAMES[1]}],
    }


@pytest.fixture
def write(tmp_path):
    def written(rows):
        (tmp_path / "boxes.json").write_text(json.dumps(rows))
        return tmp_path

    return written


def test_coco_boxes_become_corners_and_crowds_are_ignored(coco, write):
    found = opened(write(coco))
    assert found.names == ("__background__", *NAMES) and not found.remarks
    first, none, last = found.images
    np.testing.assert_array_equal(first.boxes, [[2, 3, 12, 23], [5, 5, 10, 10], [0, 0, 40, 30]])
    assert first.labels.tolist() == [2, 1, 2] and first.ignored.tolist() == [False, False, True]
    assert none.boxes.shape == (0, 4) and last.labels.tolist() == [1]
    assert found.read(2).shape == (30, 40, 3)


def test_a_json_elsewhere_names_images_of_a_folder(coco, write, tmp_path):
    file = write(coco) / "boxes.json"
    place = {"path": str(tmp_path / "images"), "labels": str(file)}
    assert len(opened("", train=place, val={"path": "elsewhere"})) == 3


def test_absent_images_are_told_all_at_once_or_left_out_when_asked(coco, write, tmp_path):
    for name in "ab":
        (tmp_path / "images" / f"{name}.jpg").unlink()
    with pytest.raises(UserError, match=r"2 of 3 images are absent(.|\n)*a.jpg(.|\n)*b.jpg"):
        opened(write(coco))
    found = opened(tmp_path, missing="skip")
    assert [one.name for one in found.images] == ["c.jpg"] and "2 images" in found.remarks[0]
    assert found.read(0).shape == (30, 40, 3)


def test_boxes_beyond_the_image_are_cut_and_those_of_no_area_left_out_and_told(coco, write):
    for box, row in zip(
        ([-5, 5, 20, 90], [9, 9, 0, 5], [60, 5, 9, 9]), coco["annotations"], strict=False
    ):
        row["bbox"] = box
    found = opened(write(coco))
    np.testing.assert_array_equal(found.images[0].boxes, [[0, 5, 15, 30]])
    assert sorted(remark.split(": ")[1] for remark in found.remarks) == [
        "1 boxes that reach beyond their image",
        "2 boxes without area in their image, or with corners in the wrong order",
    ]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda rows: rows["annotations"][0].update(category_id=99), "category_id 99"),
        (lambda rows: rows["annotations"][0].update(image_id=99), "image 99: has annotations"),
        (lambda rows: rows["annotations"][0].update(bbox=[1, 2, 3]), "is in another form"),
        (lambda rows: rows["annotations"][0].update(bbox=[1, 2, 3, float("nan")]), "four numbers"),
        (lambda rows: rows["images"][0].update(file_name="../a.jpg"), "is no name for a file"),
        (lambda rows: rows["images"][0].update(width=0), "a size of 0"),
        (lambda rows: rows["images"][0].pop("height"), "KeyError: 'height'"),
        (lambda rows: rows.update(images=[]), "has annotations, but is not among"),
        (lambda rows: rows["images"][1].update(id=1), "image id 1: is there 2 times"),
        (lambda rows: rows["categories"][1].update(id=4), "category id 4: is there 2 times"),
        (lambda rows: rows["categories"][1].update(name="cup"), "category name 'cup': is there 2"),
    ],
)
def test_a_bad_json_is_refused(coco, write, spoil, told):
    spoil(coco)
    with pytest.raises(UserError, match=told):
        opened(write(coco))


def test_a_picture_of_another_size_is_refused_when_it_is_read(coco, write, tmp_path):
    found = opened(write(coco))
    picture(tmp_path / "images/a.jpg", (41, 30))
    with pytest.raises(UserError, match="a.jpg: is 41 x 30 pixels, its annotations are of 40 x 30"):
        found.read(0)


def test_pictures_that_are_none_or_of_another_size_are_told_all_at_once(coco, write, tmp_path):
    picture(tmp_path / "images/a.jpg", (41, 30))
    (tmp_path / "images/b.jpg").write_text("no picture")
    PIL.Image.fromarray(np.zeros((30, 40), np.uint16)).save(tmp_path / "images/c.jpg", "png")
    with pytest.raises(UserError) as caught:
        opened(write(coco))
    told = str(caught.value)
    assert "3 of 3 images cannot be learnt from" in told and "a.jpg: is 41 x 30 pixels" in told
    assert "b.jpg: cannot be read as a picture (it is a text file)" in told
    assert "c.jpg: holds I;16, expected colours of 8 bits" in told
    # A camera that was held upright tells so: what is shown is 40 wide.
    for name in "abc":
        picture(tmp_path / "images" / f"{name}.jpg")
    turned = PIL.Image.Exif()
    turned[PIL.ExifTags.Base.Orientation] = 6
    PIL.Image.new("RGB", (30, 40)).save(tmp_path / "images/a.jpg", exif=turned)
    assert opened(tmp_path).read(0).shape == (30, 40, 3)


def test_other_numbers_for_the_classes_and_a_class_that_a_run_does_not_have(coco, write):
    found = opened(write(coco))
    again = found.numbered_by(("__background__", "dog", *NAMES[::-1]))
    assert again.images[0].labels.tolist() == [2, 3, 2]
    with pytest.raises(UserError, match="boxes of person, which are not among the 1 classes"):
        found.numbered_by(("__background__", "cup"))


def annotation(name, boxes, more=""):
    objects = "".join(
        f"<object><name>{label}</name><difficult>{hard}</difficult><bndbox><xmin>{x1}</xmin>"
        f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for label, hard, (x1, y1, x2, y2) in boxes
    )
    return (
        f"{more}<annotation><filename>{name}.jpg</filename><size><width>40</width>"
        f"<height>30</height></size>{objects}</annotation>"
    )


@pytest.fixture
def voc(tmp_path):
    rows = {"a": [("cup", 0, (1, 1, 10, 10)), ("person", 1, (3, 4, 5, 6))], "b": [], "c": []}
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    for name, boxes in rows.items():
        picture(tmp_path / "JPEGImages" / f"{name}.jpg")
        (tmp_path / f"Annotations/{name}.xml").write_text(annotation(name, boxes))
    for split, names in {"train": "b a", "val": "c", "test": "c"}.items():
        (tmp_path / f"ImageSets/Main/{split}.txt").write_text("\n".join(names.split()) + "\n")
    return tmp_path


def test_voc_counts_pixels_from_one_and_knows_its_splits(voc):
    found = opened(voc)
    assert [one.name for one in found.images] == ["b", "a"]
    np.testing.assert_array_equal(found.images[1].boxes, [[0, 0, 10, 10], [2, 3, 5, 6]])
    assert found.images[1].ignored.tolist() == [False, True]
    # Classes are those of all splits, so that every split numbers them alike.
    assert opened(voc, "test").names == found.names == ("__background__", *NAMES)


def test_entities_of_xml_are_never_expanded(voc, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    bombs = (
        f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{secret}">]>',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>',
    )
    for bomb in bombs:
        text = annotation("a", [("&e;", 0, (1, 1, 9, 9))], bomb)
        (voc / "Annotations/a.xml").write_text(text)
        with pytest.raises(UserError, match="never expanded") as caught:
            opened(voc)
        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<annotation>", "is no XML in UTF-8"),
        ("<annotation/>", "there is no filename"),
        (annotation("a", [("", 0, (1, 1, 9, 9))]), "there is no name"),
        (annotation("a", [("cup", 0, (1, "x", 9, 9))]), "could not convert"),
    ],
)
def test_a_bad_annotation_is_told_with_its_file(voc, text, told):
    (voc / "Annotations/c.xml").write_text(text)
    with pytest.raises(UserError, match=f"c.xml(.|\n)*{told}"):
        opened(voc)


def test_a_listed_image_without_an_annotation_and_a_place_of_neither_kind(voc, tmp_path):
    (voc / "ImageSets/Main/train.txt").write_text("a\nz\n")
    with pytest.raises(UserError, match="z: is listed, but there is no Annotations/z.xml"):
        opened(voc)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no annotations of boxes. Expected a json"):
        opened(tmp_path / "empty")


def test_voc_as_other_systems_write_it(voc):
    """macOS's twins, capitals, a byte order mark, another code page, and a name of two words."""
    (voc / "Annotations/._a.xml").write_bytes(b"\0\5\26\7")
    (voc / "ImageSets/Main/._train.txt").write_bytes(b"\0\5\26\7")
    (voc / "Annotations/b.xml").rename(voc / "Annotations/b.XML")
    (voc / "JPEGImages/b.jpg").rename(voc / "JPEGImages/b.JPG")
    text = annotation(
        "a", [("caf\u00e9", 0, (1, 1, 10, 10))], '<?xml version="1.0" encoding="latin-1"?>'
    )
    (voc / "Annotations/a.xml").write_bytes(text.encode("latin-1"))
    (voc / "Annotations/c.xml").write_text(annotation("c", []), encoding="utf-8-sig")
    (voc / "Annotations/my cup.xml").write_text(annotation("my cup", []))
    picture(voc / "JPEGImages/my cup.jpg")
    listed = "\ufeffb\r\na  1\r\nmy cup\r\n"
    (voc / "ImageSets/Main/train.txt").write_bytes(listed.encode())
    found = opened(voc)
    assert [one.name for one in found.images] == ["b", "a", "my cup"]
    assert found.names == ("__background__", "caf\u00e9") and found.read(0).shape == (30, 40, 3)
    (voc / "ImageSets/Main/train.txt").write_text("0a\n")
    with pytest.raises(UserError, match=r"0a: is listed, but there is no"):
        opened(voc)


def test_coco_as_other_systems_write_it(coco, write, tmp_path):
    place = write(coco)
    (place / "boxes.json").rename(place / "boxes.JSON")
    (tmp_path / "images/a.jpg").rename(tmp_path / "images/a.JPG")
    (tmp_path / "images/b.jpg").rename(tmp_path / "images/cafe\u0301.jpg")
    coco["images"][0]["file_name"] = "images\\a.jpg"
    coco["images"][1]["file_name"] = "caf\u00e9.jpg"
    coco["annotations"][0]["iscrowd"] = "0"
    (place / "boxes.JSON").write_text(json.dumps(coco), encoding="utf-8-sig")
    found = opened(place)
    assert all(found.read(i).shape == (30, 40, 3) for i in range(3))
    assert found.images[0].ignored.tolist() == [False, False, True]


def test_several_jsons_are_named_and_boxes_that_are_shares_refused(coco, write):
    place = write(coco)
    (place / "more.json").write_text(json.dumps(coco))
    with pytest.raises(UserError, match=r"several \(boxes.json, more.json\): name one, --config"):
        opened(place)
    (place / "more.json").unlink()
    for one in coco["annotations"]:
        one["bbox"] = [0.1, 0.2, 0.5, 0.5]
    with pytest.raises(UserError, match="between 0 and 1, as shares"):
        opened(write(coco))


def test_classes_that_capitals_tell_apart_are_told(coco, write, caplog):
    coco["categories"][1]["name"] = "Cup"
    opened(write(coco))
    assert "'cup' and 'Cup' are two names" in caplog.text
