"""What is known of classes of objects beforehand: shares of relations, and what follows contacts.

Source: the public system STKET, whose TrainPrior.json this reads and writes, and m3sgg's script
that makes it. The file is an object: the label of a class, from the first that is no person, ->

    obj_cls_name    its name
    c_rel_name      contacts (predicates of the last group) that it has in training
    c_rel_idx       their places in that group, from 0
    initial_prior   shares of all groups' predicates among its pairs
    specific_prior  for each of these contacts the shares in the frame that follows it
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input.scenes import collection
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.whole import write_text

Array = np.ndarray
_EXPECTED = (
    'Expected {"2": {"obj_cls_name": ..., "c_rel_name": [...], "c_rel_idx": [...], '
    '"initial_prior": [...], "specific_prior": [[...], ...]}, ...}, as jaxsign priors writes it'
)
_KEYS = ("obj_cls_name", "c_rel_name", "c_rel_idx", "initial_prior", "specific_prior")


@dataclasses.dataclass(frozen=True)
class ClassPriors:
    """Shares of C classes, K contacts and R predicates.

    Attributes:
      initial: float64 [C, R], of a class's pairs; zeros where it has none.
      specific: float64 [C, K, R], of its pairs that follow one with a contact.
      contacts: bool [C, K], that a class has at all.
    """

    initial: Array
    specific: Array
    contacts: Array

    @property
    def classes(self) -> int:
        """How many have any relations."""
        return int(self.initial.any(axis=1).sum())


def of_scenes(scenes: Iterable[Scene], words: Vocabulary) -> ClassPriors:
    """Counted in the labelled pairs of scenes, each of which is one video.

    What follows a contact is the next pair of an object of the same class; every video counts
    alike there, and every pair in `initial`. Where a scene has detected boxes, its truth counts.
    """
    classes, predicates = len(words.objects), len(words.predicates)
    first = words.parts[-1].start
    counts, sums = np.zeros(classes), np.zeros((classes, predicates))
    videos = np.zeros((classes, predicates - first))
    after = np.zeros((*videos.shape, predicates))
    for one in scenes:
        one = one.truth or one
        kept = one.labelled
        labels, told = one.labels[one.pairs[kept, 1]], one.relations[kept].astype(np.float64)
        for label in np.unique(labels):
            rows = told[labels == label]
            counts[label] += len(rows)
            sums[label] += rows.sum(0)
            given = rows[:-1, first:].T  # [K, rows but the last]
            number = given.sum(1)
            with_any = number > 0
            after[label, with_any] += (given @ rows[1:])[with_any] / number[with_any, None]
            videos[label] += with_any
    return ClassPriors(
        sums / np.maximum(counts, 1)[:, None],
        after / np.maximum(videos, 1)[..., None],
        sums[:, first:] > 0,
    )


def write(path: Path, priors: ClassPriors, words: Vocabulary) -> None:
    """Writes the file; classes without relations stand in it with zeros and no contacts."""
    names = words.groups[-1].predicates
    rows = {}
    for label in _labels(words):
        contacts = np.flatnonzero(priors.contacts[label])
        row = (
            words.objects[label],
            [names[place] for place in contacts],
            contacts.tolist(),
            priors.initial[label].tolist(),
            priors.specific[label, contacts].tolist(),
        )
        rows[str(label)] = dict(zip(_KEYS, row, strict=True))
    write_text(path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def read(path: Path, words: Vocabulary) -> ClassPriors:
    """The priors of a file, for these classes.

    Raises:
      UserError: everything that is wrong with it: classes that it lacks or names otherwise, numbers
        of another shape, or that are no shares.
    """
    content = collection.read_object(path, _EXPECTED)
    contacts, predicates = len(words.groups[-1]), len(words.predicates)
    made = ClassPriors(
        np.zeros((len(words.objects), predicates)),
        np.zeros((len(words.objects), contacts, predicates)),
        np.zeros((len(words.objects), contacts), bool),
    )
    problems = []
    for label in _labels(words):
        where = f"{label} ({words.objects[label]})"
        if str(label) not in content:
            problems.append(f"{where}: is not there")
            continue
        try:
            _take(made, label, content[str(label)], words)
        except (TypeError, KeyError, ValueError) as error:
            text = f"has no {error}" if isinstance(error, KeyError) else str(error)
            problems.append(f"{where}: {text}")
    known = {str(label) for label in _labels(words)}
    problems += [f"{key}: no label of this run's classes" for key in content if key not in known]
    if problems:
        raise UserError(
            f"{path}: does not tell what is known of this run's {len(known)} classes:\n"
            f"{listing(problems)}\n{_EXPECTED}. Make it of this run's scenes, or leave "
            "train.priors empty: training counts them itself"
        )
    return made


def _take(made: ClassPriors, label: int, row: Mapping[str, Any], words: Vocabulary) -> None:
    """Fills in a class's row; raises TypeError, KeyError or ValueError for another content."""
    if not isinstance(row, dict):
        raise TypeError(f"expected an object, found {type(row).__name__}")
    name, contacts, places, initial, specific = (row[key] for key in _KEYS)
    if not _same(name, words.objects[label]):
        number = next((i for i, one in enumerate(words.objects) if _same(name, one)), None)
        order = "" if number is None else f", which is {number} here: another order"
        raise ValueError(f"obj_cls_name is {name!r}{order}")
    names = words.groups[-1].predicates
    for contact, place in zip(contacts, places, strict=True):
        if not (type(place) is int and 0 <= place < len(names) and _same(contact, names[place])):
            raise ValueError(f"c_rel_idx {place!r} is called {contact!r}, expected one of {names}")
    shares = (len(words.predicates),)
    made.initial[label] = _shares("initial_prior", initial, shares)
    if places:
        found = _shares("specific_prior", specific, (len(places), *shares))
        made.specific[label, places] = found
        made.contacts[label, places] = True
    elif specific:
        raise ValueError(f"specific_prior has {len(specific)} rows, c_rel_idx none")


def _shares(name: str, values: Any, shape: tuple[int, ...]) -> Array:
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.shape != shape:
        raise ValueError(f"{name} is {list(found.shape)}, expected numbers {list(shape)}")
    if not ((found >= 0) & (found <= 1)).all():
        raise ValueError(f"{name} has numbers that are no shares, expected 0 to 1")
    return found


def _labels(words: Vocabulary) -> range:
    """Of classes that are neither the background nor the person."""
    return range(1 + words.has_person, len(words.objects))


def _same(one: Any, other: str) -> bool:
    """Whether names differ in spaces, slashes and underscores at most, as the data sets' do."""
    plain = [re.sub(r"[\W_]", "", str(name)).lower() for name in (one, other)]
    return plain[0] == plain[1]
