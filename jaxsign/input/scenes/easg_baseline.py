"""EASG in the form that its baseline of plain layers takes: features of graphs, without frames.

`annts_in_new_format/` holds `easg_train.pkl`, `easg_val.pkl` and lists of verbs, objects and
relationships; beside it lie `roi_feats_train.pkl`, `roi_feats_val.pkl` and `verb_features.pt`. The
pickles are read without running anything that they name.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input.scenes import easg_files
from jaxsign.input.scenes.easg import SPLITS, Split
from jaxsign.input.scenes.easg_files import ActionWords
from jaxsign.nets.torch_files import plain_pickle

Array = np.ndarray
ANNOTATIONS, VERB_FEATURES = "annts_in_new_format", "verb_features.pt"
_ANNOTATED = (
    "Expected {GRAPH: {'annotations': {ID: [{'verb': ..., 'obj': ..., 'rel': ..., 'bbox': ...}]}}}."
)
_FEATURES = "Expected {GRAPH: {ID: [{'pre': tensor [n, D], ...}]}}, an entry an annotation."


@dataclasses.dataclass(frozen=True, eq=False)
class ActionGraphs:
    """G graphs of one verb each, with N objects.

    Attributes:
      words: names, in the order of the lists.
      names: of the graphs' sources; one with two verbs is two graphs.
      verbs: int32 [G]; verb_features: float32 [G, V].
      graphs: int32 [N], each object's graph, not decreasing.
      objects: int32 [N]; object_features: float32 [N, D], the mean over its boxes.
      edges: bool [N, E].
      left_out: annotations by the reason for which they are not in it.
    """

    words: ActionWords
    names: tuple[str, ...]
    verbs: Array
    verb_features: Array
    graphs: Array
    objects: Array
    object_features: Array
    edges: Array
    left_out: Counter[str]


@dataclasses.dataclass
class _Object:
    edges: Array
    boxes: list[Array]


@dataclasses.dataclass
class _Verb:
    feature: Array
    objects: dict[int, _Object]


@dataclasses.dataclass(frozen=True)
class _Reading:
    """What annotations are looked up in, and what is found to be said of them."""

    words: ActionWords
    features: Mapping[str, Array]
    problems: list[str]
    left_out: Counter[str]


def recognises(folder: Path) -> bool:
    """Whether a folder is laid out so."""
    return any((folder / ANNOTATIONS / f"easg_{split}.pkl").is_file() for split in SPLITS)


def read(folder: str | Path, split: Split) -> ActionGraphs:
    """The graphs of a split.

    Raises:
      UserError: a file is absent or damaged, or annotations are impossible: all of them at once.
    """
    folder = Path(folder)
    place = folder / ANNOTATIONS
    lists = (easg_files.names(place / f"{what}.txt") for what in ("objects", "verbs",
                                                                  "relationships"))  # fmt: skip
    annotated = _by_name(place / f"easg_{split}.pkl", _ANNOTATED)
    shown = _by_name(folder / f"roi_feats_{split}.pkl", _FEATURES)
    features = easg_files.verb_features(folder / VERB_FEATURES)
    state = _Reading(ActionWords(*lists), features, [], Counter())
    found = [
        (name, verb, one)
        for name, value in annotated.items()
        for verb, one in _graphs(name, value, shown.get(name, {}), state).items()
    ]
    if state.problems:
        raise UserError(f"{place}: annotations that cannot be right:\n{listing(state.problems)}")
    if not found:
        raise UserError(f"{place}: no graph of {split} has features of its verb and objects")
    told = [one for _, _, verb in found for one in verb.objects.values()]
    widths = {box.shape[1] for one in told for box in one.boxes}
    if len(widths) > 1:
        raise UserError(
            f"{folder}: features of objects ({split}) are {sorted(widths)} wide, expected one"
        )
    return _flat(found, state)


def _by_name(path: Path, expected: str) -> Mapping[str, Any]:
    found = plain_pickle.read(path, expected)
    if not isinstance(found, dict):
        raise UserError(f"{path}: holds a {type(found).__name__}. {expected}")
    return found


def _graphs(name: str, value: Any, shown: Any, state: _Reading) -> dict[int, _Verb]:
    """By verb; an object without features, and a verb without objects, is left out."""
    try:
        rows = [
            (f"{name}, {key}[{number}]", key, one, _boxes(shown.get(key), len(entries), number))
            for key, entries in value["annotations"].items()
            for number, one in enumerate(entries)
        ]
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        state.problems.append(f"{name}: {error or 'is laid out otherwise'}. {_ANNOTATED}")
        return {}
    verbs: dict[int, _Verb] = {}
    for where, key, one, boxes in rows:
        _add(verbs, where, state.features.get(key), one, boxes, state)
    for verb in verbs.values():
        for number in [n for n, one in verb.objects.items() if not one.boxes]:
            del verb.objects[number]
            state.left_out["objects without features"] += 1
    return {verb: one for verb, one in verbs.items() if one.objects}


def _boxes(entries: Any, count: int, number: int) -> list[Array]:
    """float32 [n, D] of each moment of an annotation.

    Raises:
      ValueError: they are no such arrays, or it is unclear which annotation they are of.
    """
    if entries is None:
        return []
    if len(entries) != count:
        raise ValueError(
            f"{len(entries)} features for {count} annotations: which are of which cannot be told"
        )
    arrays = [np.asarray(one, np.float32) for one in entries[number].values()]
    if any(one.ndim != 2 or not np.isfinite(one).all() for one in arrays):
        raise ValueError("features that are no finite numbers [n, D]")
    return [one for one in arrays if len(one)]


def _add(
    verbs: dict[int, _Verb],
    where: str,
    feature: Array | None,
    one: Any,
    boxes: list[Array],
    state: _Reading,
) -> None:
    numbers = []
    words = state.words
    for field, known in (("verb", words.verbs), ("obj", words.objects), ("rel", words.edges)):
        name = one.get(field) if isinstance(one, dict) else None
        if name not in known:
            state.problems.append(f"{where}: {field} {name!r} is unknown")
            return
        numbers.append(known.index(name))
    if feature is None:
        state.left_out["annotations without features of their verb"] += 1
        return
    verb = verbs.setdefault(numbers[0], _Verb(feature, {}))
    verb.feature = feature  # the last one's, as the original has it
    told = verb.objects.setdefault(numbers[1], _Object(np.zeros(len(words.edges), bool), []))
    told.edges[numbers[2]] = True
    told.boxes += boxes


def _flat(found: list[tuple[str, int, _Verb]], state: _Reading) -> ActionGraphs:
    rows = [
        (graph, number, one)
        for graph, (_, _, verb) in enumerate(found)
        for number, one in verb.objects.items()
    ]
    return ActionGraphs(
        state.words,
        tuple(name for name, _, _ in found),
        np.asarray([verb for _, verb, _ in found], np.int32),
        np.stack([one.feature for _, _, one in found]),
        np.asarray([graph for graph, _, _ in rows], np.int32),
        np.asarray([number for _, number, _ in rows], np.int32),
        np.stack([np.concatenate(one.boxes).mean(axis=0) for _, _, one in rows]),
        np.stack([one.edges for _, _, one in rows]),
        +state.left_out,
    )
