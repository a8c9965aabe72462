"""COCO's json: images, annotations with bbox x, y, width, height, and categories."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError, listing
from jaxsign.input import lookup, names, tables
from jaxsign.input.boxes import annotating
from jaxsign.input.boxes.annotating import DrawnBox, ImageRow
from jaxsign.input.boxes.source import BACKGROUND, BoxSource
from jaxsign.input.folders import finding
from jaxsign.input.scenes.collection import has_words, read_object, twice

LOOKS = "a json with images, annotations and categories (COCO), its images beside it"
_EXPECTED = (
    "Expected images [{id, file_name, width, height}], annotations [{image_id, category_id, bbox, "
    "iscrowd}] and categories [{id, name}]"
)
_WORDS = "images", "annotations", "categories"


def file_of(place: Path) -> Path | None:
    """The json that a place is, or that alone of its kind lies in it; None: there is none."""
    if place.is_file():
        return place if has_words(place, *_WORDS) else None
    found = files_in(place)
    return found[0] if len(found) == 1 else None


def files_in(folder: Path) -> list[Path]:
    """The json files of its kind that lie in a folder itself, in order."""
    return [path for path in finding.within(folder, ".json") if has_words(path, *_WORDS)]


def read(
    file: Path, folder: Path | None = None, name: str = "", *, skip_missing: bool = False
) -> BoxSource:
    """The images of a json; crowds are to be ignored.

    Args:
      file: it.
      folder: where the images lie; None: beside it, or in `images` there.
      name: for messages.
      skip_missing: of `annotating.source`.

    Raises:
      UserError: all that is wrong with it, at once.
    """
    rows = read_object(file, _EXPECTED)
    try:
        if again := _twice(rows):
            raise UserError(
                f"{file}:\n{listing(again)}\nGive each image and each category an id of its own, "
                "and each category a name of its own"
            )
        categories = {one["id"]: str(one["name"]) for one in rows["categories"]}
        boxes = _boxes(file, rows, categories)
        folders = [file.parent / "images", file.parent] if folder is None else [folder]
        there = [lookup.Lookup(one) for one in folders]
        images = [
            ImageRow(
                str(one["file_name"]),
                _picture(there, str(one["file_name"])),
                (int(one["width"]), int(one["height"])),
                boxes.pop(one["id"], ()),
            )
            for one in rows["images"]
        ]
        small = [row.name for row in images if min(row.size) < 1]
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file}: is in another form ({type(error).__name__}: {error}). {_EXPECTED}"
        ) from error
    if boxes or small:
        wrong = [f"{name}: a size of 0" for name in small]
        wrong += [f"image {key!r}: has annotations, but is not among the images" for key in boxes]
        raise UserError(f"{file}:\n{listing(wrong)}")
    names = [one for one in categories.values() if one != BACKGROUND]
    return annotating.source(name or str(file), names, images, skip_missing=skip_missing)


def _twice(rows: Mapping[str, Any]) -> list[str]:
    """Ids and names that are there more than once: whose boxes were meant is not to be known."""
    return twice(
        {
            "image id": [one["id"] for one in rows["images"]],
            "category id": [one["id"] for one in rows["categories"]],
            "category name": [str(one["name"]) for one in rows["categories"]],
        }
    )


def _boxes(
    file: Path, rows: Mapping[str, Any], categories: Mapping[Any, str]
) -> dict[Any, list[DrawnBox]]:
    """By image id."""
    found: dict[Any, list[DrawnBox]] = defaultdict(list)
    unknown = {one["category_id"] for one in rows["annotations"]} - {*categories}
    if unknown:
        raise UserError(
            f"{file}: annotations of category_id {', '.join(map(repr, sorted(unknown, key=str)))}, "
            f"which is not among its {len(categories)} categories"
        )
    for one in rows["annotations"]:
        x, y, width, height = (float(number) for number in one["bbox"])
        corners = x, y, x + width, y + height
        crowd = any(float(one.get(key) or 0) for key in ("iscrowd", "ignore"))
        found[one["image_id"]].append(DrawnBox(categories[one["category_id"]], corners, crowd))
    return found


def _picture(there: Sequence[lookup.Lookup], name: str) -> Path:
    """Where a picture lies; where it does not, in the last of the folders."""
    name = tables.as_path(name)
    if wrong := names.problem(name):
        raise ValueError(f"file_name {wrong}")
    for one in there:
        path = one.path(name)
        if path.is_file():
            break
    return path
