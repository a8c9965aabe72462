"""What simple methods reach on the same examples: the type that is stored beside a run."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.tasks import chance
from jaxsign.whole import write_json

Pairs = tuple[tuple[str, str], ...]  # an example's name, and that of one in another split


@dataclasses.dataclass(frozen=True)
class Simple:
    """What simple methods reach on a split, and which of its examples others hold too.

    Attributes:
      count: examples.
      right: head -> method -> examples that it answers rightly.
      same: examples that are equal to one of another split.
      near: those that are nearly so.
    """

    count: int
    right: Mapping[str, Mapping[str, int]]
    same: Pairs = ()
    near: Pairs = ()

    def accuracy(self, head: str, method: str) -> float:
        """Share of right answers."""
        return self.right[head][method] / self.count

    def best(self, head: str) -> tuple[str, float]:
        """The better method of a head, and its accuracy."""
        method = max(self.right[head], key=lambda name: self.right[head][name])
        return method, self.accuracy(head, method)

    def to_json(self) -> dict[str, object]:
        """Plain values, with the accuracies and their intervals."""
        accuracies = {
            head: {
                method: {
                    "right": count,
                    "accuracy": count / self.count,
                    "interval": list(chance.interval(count, self.count)),
                }
                for method, count in counts.items()
            }
            for head, counts in self.right.items()
        }
        return {
            "clips": self.count,
            "heads": accuracies,
            "same_in_another_split": [list(pair) for pair in self.same],
            "near_in_another_split": [list(pair) for pair in self.near],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Simple":
        """The inverse of `to_json`.

        Raises:
          ValueError: numbers that no evaluation gives.
        """
        right = {
            head: {method: int(found["right"]) for method, found in methods.items()}
            for head, methods in value["heads"].items()
        }
        count, methods = int(value["clips"]), next(map(set, right.values()), set())
        if not methods or any(methods != set(found) for found in right.values()):
            raise ValueError("not the same methods for every head")
        if not all(0 <= n <= count > 0 for found in right.values() for n in found.values()):
            raise ValueError(f"another number of right answers than 0 to {count}")
        pairs = (value[f"{kind}_in_another_split"] for kind in ("same", "near"))
        same, near = (tuple((str(a), str(b)) for a, b in found) for found in pairs)
        return cls(count, right, same, near)


@dataclasses.dataclass(frozen=True)
class Baseline:
    """What simple methods reach, by split.

    Attributes:
      about: how they were made, as plain values.
      splits: by name.
    """

    about: Mapping[str, object]
    splits: Mapping[str, Simple]

    def write(self, path: Path) -> None:
        """Writes it as JSON."""
        splits = {name: found.to_json() for name, found in self.splits.items()}
        write_json(path, {"about": dict(self.about), "splits": splits})


# (recipe with what the data tell, training examples as they are, those of other splits by name),
# the examples being what the task opens.
Baseliner = Callable[..., Baseline]


def read(path: Path) -> Baseline:
    """What `Baseline.write` has written.

    Raises:
      UserError: it is not that.
    """
    try:
        value = reading.read_json(path)
        splits = {name: Simple.from_json(found) for name, found in value["splits"].items()}
        return Baseline(value["about"], splits)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not readable ({error!r}). Expected what `jaxsign baseline` writes: make it "
            "again, or remove it"
        ) from error
