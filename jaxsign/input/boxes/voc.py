"""Pascal VOC: a folder with `Annotations/NAME.xml`, `JPEGImages` and `ImageSets/Main/SPLIT.txt`.

Corners count pixels from 1 and reach to the end of their last one.
"""

import xml.etree.ElementTree as tree
from pathlib import Path

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input.boxes import annotating
from jaxsign.input.boxes.annotating import DrawnBox, ImageRow
from jaxsign.input.boxes.source import BoxSource

FOLDER, LISTS, PICTURES = "Annotations", "ImageSets/Main", "JPEGImages"
LOOKS = f"{FOLDER}/NAME.xml, {PICTURES} and {LISTS}/train.txt (Pascal VOC)"
_EXPECTED = "Expected Pascal VOC's annotation: size, and object with name and bndbox"
_MOST = 16 << 20  # bytes of a file
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def recognises(place: Path) -> bool:
    """Whether a folder is laid out so."""
    return (place / FOLDER).is_dir()


def splits(place: Path) -> list[str]:
    """The splits that a folder has lists of."""
    return sorted(path.stem for path in (place / LISTS).glob("*.txt"))


def read(place: Path, split: str, *, skip_missing: bool = False) -> BoxSource:
    """The images of a split; classes are those of the whole folder, by their names.

    Args:
      place: the folder.
      split: of whose images there is a list; where there is no list at all, every image.
      skip_missing: of `annotating.source`.

    Raises:
      UserError: all that is wrong with the annotations, at once.
    """
    files = sorted((place / FOLDER).glob("*.xml"))
    known = {path.stem: path for path in files}
    wanted = _listed(place, split) if splits(place) else [*known]
    problems = [f"{name}: is listed, but there is no {FOLDER}/{name}.xml"
                for name in wanted if name not in known]  # fmt: skip
    rows: dict[str, ImageRow] = {}
    for name, path in known.items():
        try:
            rows[name] = _row(path, place)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(f"{place}: {len(problems)} annotations are bad:\n{listing(problems)}")
    names = sorted({box.label for row in rows.values() for box in row.boxes})
    return annotating.source(
        f"{place} ({split})", names, [rows[name] for name in wanted], skip_missing=skip_missing
    )


def _listed(place: Path, split: str) -> list[str]:
    path = place / LISTS / f"{split}.txt"
    if not path.is_file():
        raise UserError(f"{path}: no such file; there are lists of {', '.join(splits(place))}")
    text = reading.read_bytes(path, "a list of names", _MOST).decode("utf-8", "replace")
    return [line.split()[0] for line in text.splitlines() if line.strip()]


def _row(path: Path, place: Path) -> ImageRow:
    root = parsed(path)
    try:
        file = _text(root, "filename")
        size = int(float(_text(root, "size/width"))), int(float(_text(root, "size/height")))
        boxes = [_box(one) for one in root.iter("object")]
        if min(size) < 1:
            raise ValueError(f"a size of {size[0]} x {size[1]}")
    except (ValueError, OverflowError) as error:
        raise UserError(f"{path}: {reading.quoted(str(error))}. {_EXPECTED}") from error
    return ImageRow(path.stem, _picture(place / PICTURES, path.stem, file), size, boxes)


def _picture(folder: Path, stem: str, file: str) -> Path:
    """Where a picture lies: under its annotation's name, or as that calls it, without a way out."""
    named = [folder / f"{stem}{suffix}" for suffix in _SUFFIXES]
    told = folder / Path(file.replace("\\", "/")).name
    return next((path for path in (told, *named) if path.is_file()), told)


def parsed(path: Path) -> tree.Element:
    """The root of an XML file, in which nothing is expanded.

    Raises:
      UserError: it is no XML in UTF-8, or declares a document type: so entities are made, which
        grow without end or read other files.
    """
    try:
        text = reading.read_bytes(path, "XML", _MOST).decode("utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise UserError(
                f"{path}: declares a document type or entities, which are never expanded. Remove "
                "its <!DOCTYPE ...>"
            )
        return tree.fromstring(text)
    except (UnicodeDecodeError, tree.ParseError) as error:
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
