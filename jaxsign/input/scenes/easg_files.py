"""EASG's files: annotations of clips, checked, and features of what is done in them.

Its folder holds a json file of clips, `objects.txt`, `features_verb.pt` and
`frames/GRAPH/CLIP_pre.jpg` (`_pnr`, `_post`).
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, listing
from jaxsign.input import tables
from jaxsign.nets import torch_files

Array = np.ndarray
ANNOTATIONS = ("EASG_unict_master_final.json", "EASG_unict_master_final_upd.json")
FEATURES = "features_verb.pt"
# Where the list of objects lies: m3sgg's place, EASG's, and the folder itself.
OBJECTS = (
    "EASG/generation/annts_in_new_format/objects.txt",
    "annts_in_new_format/objects.txt",
    "objects.txt",
)
MOMENTS = ("pre", "pnr", "post")
WEARER = "CW"
_MOST_BYTES = 1 << 30
_EXPECTED = (
    '{CLIP: {"split": "train" or "val", "W": ..., "H": ..., "graphs": [{"graph_uid": ..., '
    '"triplets": [[n1, edge, n2], ...], "groundings": {"pre": {NOUN: {"left": ..., "top": ..., '
    '"width": ..., "height": ...}}}}]}}'
)


@dataclasses.dataclass(frozen=True)
class ActionWords:
    """Names: objects as the list has them, verbs and edges in the order in which they appear."""

    objects: tuple[str, ...]
    verbs: tuple[str, ...]
    edges: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class ActionGraph:
    """A graph of the file, checked.

    Attributes:
      uid: its name.
      verbs: as they are told; the last one holds.
      told: nouns of known objects and their edges, in order.
      boxes: moment -> noun -> x1, y1, x2, y2.
    """

    uid: str
    verbs: Sequence[str]
    told: Sequence[tuple[str, str]]
    boxes: Mapping[str, Mapping[str, tuple[float, ...]]]


@dataclasses.dataclass(frozen=True)
class ActionClip:
    """A clip of the file, checked; `size` is width and height in pixels."""

    name: str
    split: str
    size: tuple[int, int]
    graphs: list[ActionGraph]


@dataclasses.dataclass(frozen=True)
class Files:
    """What the files hold, of both splits.

    Attributes:
      folder: theirs.
      words: names.
      clips: checked.
      features: of graphs by key; None: there is no file of them.
    """

    folder: Path
    words: ActionWords
    clips: list[ActionClip]
    features: Mapping[str, Array] | None


def recognises(folder: Path) -> bool:
    """Whether a folder is laid out as the set is."""
    return any((folder / name).is_file() for name in ANNOTATIONS)


def annotations(folder: Path) -> Files:
    """Reads the files once, for one split or both.

    Raises:
      UserError: see `read`.
    """
    path = _first(folder, ANNOTATIONS, "EASG's annotations")
    objects = names(_first(folder, OBJECTS, "EASG's list of objects"))
    try:
        content = tables.parse_json(reading.read_bytes(path, most=_MOST_BYTES).decode("utf-8-sig"))
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). Expected {_EXPECTED}") from error
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise UserError(f"{path}: is no object of clips. Expected {_EXPECTED}")
    problems: list[str] = []
    clips = [_clip(name, one, set(objects), problems) for name, one in content.items()]
    if problems:
        raise UserError(f"{path}: annotations that cannot be right:\n{listing(problems)}")
    known = [one for one in clips if one is not None]
    graphs = [graph for one in known for graph in one.graphs]
    verbs = dict.fromkeys(verb for graph in graphs for verb in graph.verbs)
    edges = dict.fromkeys(edge for graph in graphs for _, edge in graph.told)
    if not (verbs and edges):
        raise UserError(
            f"{path}: {len(known)} clips with {len(verbs)} verbs and {len(edges)} edges between a "
            f"verb and an object of objects.txt; one of each is the least. Expected {_EXPECTED}"
        )
    features = verb_features(folder / FEATURES) if (folder / FEATURES).is_file() else None
    return Files(folder, ActionWords(objects, tuple(verbs), tuple(edges)), known, features)


def _first(folder: Path, places: Sequence[str], what: str) -> Path:
    found = next((folder / name for name in places if (folder / name).is_file()), None)
    if found is None:
        raise UserError(f"{folder}: has no {what}. Expected {' or '.join(places)} in it")
    return found


def names(path: Path) -> tuple[str, ...]:
    """A name on each line.

    Raises:
      UserError: no such file, or one twice.
    """
    lines = tables.read_text(path).splitlines()
    found = tuple(line.strip() for line in lines if line.strip())
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice or not found:
        what = f"{', '.join(twice[:5])} more than once" if twice else "no name"
        raise UserError(f"{path}: holds {what}. Expected a name on each line")
    return found


def verb_features(path: Path) -> Mapping[str, Array]:
    """Features of what is done: float32 [V] by key.

    Raises:
      UserError: no such file of torch's, other content, or vectors of several widths.
    """
    found = torch_files.read(path)
    expected = "Expected a dict of vectors of one width, by GRAPH_CLIP"
    if not isinstance(found, dict) or not found:
        raise UserError(f"{path}: holds a {type(found).__name__}. {expected}")
    arrays = {str(key): np.asarray(one) for key, one in found.items()}
    shapes = Counter((one.shape, one.dtype.kind == "f") for one in arrays.values())
    (shape, _), _ = shapes.most_common(1)[0]
    wrong = [
        f"{key}: {one.dtype} {list(one.shape)}"
        for key, one in arrays.items()
        if one.ndim != 1
        or one.shape != shape
        or one.dtype.kind != "f"
        or not np.isfinite(one).all()
    ]
    if wrong:
        raise UserError(
            f"{path}: features that are no {list(shape)} finite numbers:\n{listing(wrong)}\n"
            f"{expected}"
        )
    return {key: one.astype(np.float32, copy=False) for key, one in arrays.items()}


def _clip(
    name: str, value: Mapping[str, Any], objects: set[str], problems: list[str]
) -> ActionClip | None:
    before = len(problems)
    split, width, height = value.get("split"), value.get("W"), value.get("H")
    if split not in ("train", "val"):
        problems.append(f"{name}: its split is {split!r}, expected 'train' or 'val'")
    if not all(isinstance(n, int | float) and 1 <= n < 1 << 24 for n in (width, height)):
        problems.append(f"{name}: W and H are {width!r} and {height!r}, expected pixels")
    graphs = value.get("graphs")
    if not isinstance(graphs, list):
        problems.append(f"{name}: its graphs are no list")
        graphs = []
    found = [_graph(name, number, one, objects, problems) for number, one in enumerate(graphs)]
    good = [one for one in found if one is not None]
    twice = [uid for uid, count in Counter(one.uid for one in good).items() if count > 1]
    if twice:
        problems.append(f"{name}: {len(twice)} graphs stand there twice, such as {twice[0]}")
    if len(problems) > before:
        return None
    assert width is not None and height is not None
    return ActionClip(name, str(split), (int(width), int(height)), good)


def _graph(
    clip: str, number: int, value: Any, objects: set[str], problems: list[str]
) -> ActionGraph | None:
    uid = value.get("graph_uid") if isinstance(value, dict) else None
    where = f"{clip}, graph {uid or number}"
    if not isinstance(uid, str):
        problems.append(f"{where}: has no graph_uid")
        return None
    triplets, groundings = value.get("triplets"), value.get("groundings")
    if not isinstance(triplets, list) or not all(map(_is_triplet, triplets)):
        problems.append(f"{where}: its triplets are no lists of three names")
        return None
    verbs = [last for first, _, last in triplets if first == WEARER]
    if not verbs:
        problems.append(f"{where}: no verb: no triplet of {WEARER}")
    if not isinstance(groundings, dict):
        problems.append(f"{where}: has no groundings")
        return None
    rest = ((last.split(":")[0], edge) for first, edge, last in triplets if first != WEARER)
    told = [(noun, edge) for noun, edge in rest if noun in objects]
    nouns = {noun for noun, _ in told}
    boxes = {
        moment: _boxes(f"{where}, {moment}", groundings[moment], nouns, problems)
        for moment in MOMENTS
        if moment in groundings
    }
    return ActionGraph(uid, verbs, told, boxes)


def _is_triplet(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(x, str) for x in value)


def _boxes(
    where: str, value: Any, nouns: Collection[str], problems: list[str]
) -> dict[str, tuple[float, ...]]:
    """Corners by noun; of nouns that no triplet tells of there are none."""
    if not isinstance(value, dict):
        problems.append(f"{where}: is no object of boxes by noun")
        return {}
    found: dict[str, tuple[float, ...]] = {}
    for noun in (noun for noun in value if noun in nouns):
        try:
            x, y, w, h = (float(value[noun][key]) for key in ("left", "top", "width", "height"))
        except (TypeError, KeyError, ValueError):
            problems.append(f"{where}, {noun}: expected left, top, width and height")
            continue
        if not (np.isfinite([x, y, w, h]).all() and w >= 0 and h >= 0):
            problems.append(f"{where}, {noun}: the box is left {x:g}, top {y:g}, {w:g} x {h:g}")
        found[noun] = (x, y, x + w, y + h)
    return found
