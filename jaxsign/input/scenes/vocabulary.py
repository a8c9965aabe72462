"""Names of objects and of predicates in their groups: data; no net or loss knows their numbers."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from jaxsign import telling
from jaxsign.errors import UserError, did_you_mean

BACKGROUND, PERSON = "__background__", "person"
NO_CONTACT = "not_contacting"
KINDS = ("one", "several")


@dataclasses.dataclass(frozen=True)
class Group:
    """Predicates that are told of a pair together.

    Attributes:
      name: of the group.
      predicates: their names, each once.
      kind: `one`: exactly one is true of a pair (softmax); `several`: any number (sigmoid).
      reversed: a triplet is told as (object, predicate, person).

    Raises:
      UserError: no predicates, one twice, or another kind.
    """

    name: str
    predicates: tuple[str, ...]
    kind: Literal["one", "several"]
    reversed: bool = False

    def __post_init__(self) -> None:
        _check_names(f"group {self.name!r}", self.predicates, 1)
        if self.kind not in KINDS:
            raise UserError(
                f"group {self.name!r}: kind is {self.kind!r}, expected 'one' (exactly one is "
                "true of a pair) or 'several' (any number)"
            )

    def __len__(self) -> int:
        return len(self.predicates)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Classes of objects and groups of predicates.

    Attributes:
      objects: names by label; 0 is the background (not known), and 1 the person where persons are
        among them.
      groups: predicates are numbered over all of them, in order.

    Raises:
      UserError: a name occurs twice, or background or person stand elsewhere.
    """

    objects: tuple[str, ...]
    groups: tuple[Group, ...]

    def __post_init__(self) -> None:
        _check_names("objects", self.objects, 2)
        if self.objects[0] != BACKGROUND or PERSON in self.objects[2:]:
            raise UserError(
                f"objects begin with {', '.join(self.objects[:2])}; expected {BACKGROUND}, "
                f"{PERSON} (where there are persons), then the others"
            )
        _check_names("groups", [group.name for group in self.groups], 1)
        _check_names("predicates of all groups", self.predicates, 1)

    @property
    def has_person(self) -> bool:
        """Whether persons are among the objects."""
        return PERSON in self.objects

    @property
    def kinds(self) -> dict[str, Any]:
        """What nets ask of predicates beside their number, by the nets' names.

        `kinds` of the groups, and `no_contact`: which predicate of the last group, from 1, says
        that nothing is touched; -1 = none does.
        """
        last = self.groups[-1].predicates
        return {
            "kinds": tuple(group.kind for group in self.groups),
            "no_contact": last.index(NO_CONTACT) + 1 if NO_CONTACT in last else -1,
        }

    @functools.cached_property
    def predicates(self) -> tuple[str, ...]:
        """Names of all groups' predicates, by number."""
        return tuple(name for group in self.groups for name in group.predicates)

    @functools.cached_property
    def parts(self) -> tuple[slice, ...]:
        """Where each group's predicates stand among all."""
        ends = np.cumsum([0, *map(len, self.groups)]).tolist()
        return tuple(slice(a, b) for a, b in itertools.pairwise(ends))

    def object(self, name: str, where: str) -> int:
        """The label of an object.

        Raises:
          UserError: there is none of that name; `where` begins the message.
        """
        return _number(name, self.objects, "object", where)

    def predicate(self, name: str, where: str) -> int:
        """The number of a predicate over all groups.

        Raises:
          UserError: there is none of that name; `where` begins the message.
        """
        return _number(name, self.predicates, "predicate", where)

    def to_json(self) -> str:
        """Text that `from_json` reads: {"objects": [...], "groups": [{name, predicates, ...}]}."""
        return json.dumps(dataclasses.asdict(self))


def tell_alike(names: Sequence[str], where: str) -> None:
    """Warns of names that capitals or spaces alone tell apart: they are often one class."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault("".join(name.casefold().split()), name)
        if other != name:
            telling.once(
                "%s: %r and %r are two names. If they are one, spell them alike", where, other, name
            )


def from_json(value: Any, where: str) -> Vocabulary:
    """The vocabulary of a parsed JSON object {"objects": [...], "groups": [...]}.

    Args:
      value: it; a group has name, predicates, kind ('several' where it is left out), reversed. The
        background may be left out of the objects.
      where: the file, for messages.

    Raises:
      UserError: another layout, or names that make no vocabulary.
    """
    try:
        groups = tuple(_group(one) for one in value["groups"])
        objects = _words(value["objects"])
        if BACKGROUND not in objects:
            objects = BACKGROUND, *objects
        vocabulary = Vocabulary(objects, groups)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{where}: are no classes of scenes ({type(error).__name__}: {error}). Expected "
            '{"objects": ["person", ...], "groups": [{"name": ..., '
            '"kind": "one" or "several", "predicates": [...]}]}'
        ) from error
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return vocabulary


def to_rows(vocabulary: Vocabulary) -> dict[str, Any]:
    """As a recipe holds it: `objects`, and `groups`, rows (name, kind, reversed, predicates)."""
    groups = ((one.name, one.kind, one.reversed, one.predicates) for one in vocabulary.groups)
    return {"objects": vocabulary.objects, "groups": tuple(groups)}


def of_rows(objects: Sequence[str], groups: Sequence[Sequence[Any]]) -> Vocabulary:
    """The inverse of `to_rows`.

    Raises:
      UserError: names that make no vocabulary, or rows of another form.
    """
    try:
        found = tuple(
            Group(name, tuple(names), kind, bool(turned)) for name, kind, turned, names in groups
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"task.groups={groups!r}: expected rows (name, 'one' or 'several', reversed, "
            "(predicates))"
        ) from error
    return Vocabulary(tuple(objects), found)


def check_same(found: Vocabulary, wanted: Vocabulary, where: str) -> None:
    """Refuses classes that are others than a run's, or in another order.

    Raises:
      UserError: says which differs first.
    """
    lists = [("objects", found.objects, wanted.objects)]
    lists += [("predicates", found.predicates, wanted.predicates)]
    for what, ours, theirs in lists:
        if ours == theirs:
            continue
        order = "the same names in another order" if {*ours} == {*theirs} else "other names"
        pairs = itertools.zip_longest(ours, theirs, fillvalue="none")
        number, (one, other) = next((i, p) for i, p in enumerate(pairs) if p[0] != p[1])
        raise UserError(
            f"{where}: {what} are {order}: number {number} is {one!r}, expected {other!r}. "
            "All scenes of a run have the classes of its training scenes, in their order."
        )
    if found.groups != wanted.groups:
        raise UserError(
            f"{where}: groups of predicates differ: {_told(found)}; expected {_told(wanted)}"
        )


def _told(vocabulary: Vocabulary) -> str:
    groups = vocabulary.groups
    return ", ".join(
        f"{one.name} ({one.kind}, {len(one)}{', reversed' if one.reversed else ''})"
        for one in groups
    )


def _group(value: Mapping[str, Any]) -> Group:
    predicates, kind = _words(value["predicates"]), value.get("kind", "several")
    return Group(str(value["name"]), predicates, kind, bool(value.get("reversed", False)))


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError("expected a list of names")
    return tuple(value)


def _check_names(what: str, names: Sequence[str], least: int) -> None:
    if len(names) < least:
        raise UserError(f"{what}: {len(names)} names, expected {least} or more")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"{what}: {twice[0]!r} stands there more than once; expected each name once"
        )
    if not all(names):
        raise UserError(f"{what}: an empty name")


def _number(name: str, names: tuple[str, ...], what: str, where: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        near = did_you_mean(name, names)
        raise UserError(
            f"{where}: {what} {name!r} is unknown.{near} Known: {', '.join(names)}"
        ) from None


_OBJECTS = (
    "bag bed blanket book box broom chair closet/cabinet clothes cup/glass/bottle dish door "
    "doorknob doorway floor food groceries laptop light medicine mirror paper/notebook "
    "phone/camera picture pillow refrigerator sandwich shelf shoe sofa/couch table television "
    "towel vacuum window"
)
_CONTACTING = (
    "carrying covered_by drinking_from eating have_it_on_the_back holding leaning_on lying_on "
    "not_contacting other_relationship sitting_on standing_on touching twisting wearing wiping "
    "writing_on"
)
ACTION_GENOME = Vocabulary(
    (BACKGROUND, PERSON, *_OBJECTS.split()),
    (
        Group("attention", ("looking_at", "not_looking_at", "unsure"), "one"),
        Group(
            "spatial",
            ("above", "beneath", "in_front_of", "behind", "on_the_side_of", "in"),
            "several",
            reversed=True,
        ),
        Group("contacting", tuple(_CONTACTING.split()), "several"),
    ),
)
