"""Pascal VOC: a folder with `Annotations/NAME.xml`, `JPEGImages` and `ImageSets/Main/SPLIT.txt`.

Corners count pixels from 1 and reach to the end of their last one.
"""

import re
import xml.etree.ElementTree as tree
from collections.abc import Container
from pathlib import Path

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input import lookup, tables
from jaxsign.input.boxes import annotating
from jaxsign.input.boxes.annotating import DrawnBox, ImageRow
from jaxsign.input.boxes.source import BoxSource
from jaxsign.input.folders import finding

FOLDER, LISTS, PICTURES = "Annotations", "ImageSets/Main", "JPEGImages"
LOOKS = f"{FOLDER}/NAME.xml, {PICTURES} and {LISTS}/train.txt (Pascal VOC)"
_EXPECTED = "Expected Pascal VOC's annotation: size, and object with name and bndbox"
_MOST = 16 << 20  # bytes of a file
# What a file says of its letters; one in UTF-8 need not.
_ENCODING = re.compile(rb"""\s*<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""")
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def recognises(place: Path) -> bool:
    """Whether a folder is laid out so."""
    return (place / FOLDER).is_dir()


def splits(place: Path) -> list[str]:
    """The splits that a folder has lists of."""
    return [path.stem for path in finding.within(place / LISTS, ".txt")]


def read(place: Path, split: str, *, skip_missing: bool = False) -> BoxSource:
    """The images of a split; classes are those of the whole folder, by their names.

    Args:
      place: the folder.
      split: of whose images there is a list; where there is no list at all, every image.
      skip_missing: of `annotating.source`.

    Raises:
      UserError: all that is wrong with the annotations, at once.
    """
    known = {tables.nfc(path.stem): path for path in finding.within(place / FOLDER, ".xml")}
    wanted = _listed(place, split, known) if splits(place) else [*known]
    near = finding.NearNames(known)
    problems = [
        f"{name}: is listed, but there is no {FOLDER}/{name}.xml.{near.hint(name)}"
        for name in wanted
        if name not in known
    ]
    rows, there = dict[str, ImageRow](), lookup.Lookup(place / PICTURES)
    for name, path in known.items():
        try:
            rows[name] = _row(path, there)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(f"{place}: {len(problems)} annotations are bad:\n{listing(problems)}")
    names = sorted({box.label for row in rows.values() for box in row.boxes})
    return annotating.source(
        f"{place} ({split})", names, [rows[name] for name in wanted], skip_missing=skip_missing
    )


def _listed(place: Path, split: str, known: Container[str]) -> list[str]:
    """The names of a list; behind one, a column may say whether a class is in the image."""
    lists = finding.within(place / LISTS, ".txt")
    path = next((path for path in lists if path.stem == split), None)
    if path is None:
        raise UserError(
            f"{place / LISTS / f'{split}.txt'}: no such file; there are lists of "
            f"{', '.join(splits(place))}"
        )
    lines = map(str.strip, tables.read_text(path).splitlines())
    return [line if line in known else line.split()[0] for line in lines if line]


def _row(path: Path, there: lookup.Lookup) -> ImageRow:
    root = parsed(path)
    try:
        file = _text(root, "filename")
        size = int(float(_text(root, "size/width"))), int(float(_text(root, "size/height")))
        boxes = [_box(one) for one in root.iter("object")]
        if min(size) < 1:
            raise ValueError(f"a size of {size[0]} x {size[1]}")
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}: {reading.quoted(str(error))}. {_EXPECTED}") from error
    return ImageRow(path.stem, _picture(there, path.stem, file), size, boxes)


def _picture(there: lookup.Lookup, stem: str, file: str) -> Path:
    """Where a picture lies: under its annotation's name, or as that calls it, without a way out."""
    told = Path(tables.as_path(file)).name
    for name in (told, *(f"{stem}{suffix}" for suffix in _SUFFIXES)):
        path = there.path(name)
        if path.is_file():
            return path
    return there.path(told)


def parsed(path: Path) -> tree.Element:
    """The root of an XML file, in which nothing is expanded.

    Raises:
      UserError: it is no XML in UTF-8, or declares a document type: so entities are made, which
        grow without end or read other files.
    """
    try:
        raw = reading.read_bytes(path, "XML", _MOST)
        told = _ENCODING.match(raw)
        text = raw.decode(told[1].decode() if told else "utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise UserError(
                f"{path}: declares a document type or entities, which are never expanded. Remove "
                "its <!DOCTYPE ...>"
            )
        return tree.fromstring(tables.nfc(text))
    except (UnicodeError, LookupError, tree.ParseError) as error:
        raise UserError(f"{path}: is no XML in UTF-8 ({error}). {_EXPECTED}") from error


def _text(node: tree.Element, where: str) -> str:
    found = node.findtext(where)
    if found is None or not found.strip():
        raise ValueError(f"there is no {where}")
    return found.strip()


def _box(node: tree.Element) -> DrawnBox:
    low_x, low_y, high_x, high_y = (
        float(_text(node, f"bndbox/{key}")) for key in ("xmin", "ymin", "xmax", "ymax")
    )
    difficult = (node.findtext("difficult") or "0").strip() not in ("", "0")
    return DrawnBox(_text(node, "name"), (low_x - 1, low_y - 1, high_x, high_y), difficult)
