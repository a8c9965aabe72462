"""What a recipe of a net of scenes takes from them, and what of it must be as the recipe says."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, listing
from jaxsign.input import planning
from jaxsign.input.scenes import vocabulary
from jaxsign.input.scenes.vocabulary import Vocabulary

_PROGRAMS = 4  # sizes that a recipe without any gets: each is compiled


def of_net(
    name: str, words: Vocabulary, widths: Mapping[str, int], config: ConfigDict
) -> dict[str, Any]:
    """Fields of `config.net`: numbers of classes and predicates, widths, kinds of groups.

    Args:
      name: of the scenes, for messages.
      words: theirs.
      widths: of their features, by field.
      config: the recipe.

    Raises:
      UserError: it gives another number, or other classes.
    """
    found: dict[str, Any] = {
        "num_objects": len(words.objects),
        "predicates": tuple(len(group) for group in words.groups),
        **widths,
    }
    if config.task.groups:
        given = vocabulary.of_rows(config.task.objects, config.task.groups)
        vocabulary.check_same(words, given, name)
    wrong = [
        f"net.{key}={config.net[key]}, but the data have {value}"
        for key, value in found.items()
        if config.net.get(key) and _plain(config.net[key]) != value
    ]
    if wrong:
        raise UserError(
            f"{name}:\n{listing(wrong)}\nSet them to 0 (predicates to ()) to take the data's"
        )
    return found | {k: v for k, v in words.kinds.items() if k in config.net and not config.net[k]}


def detector(name: str, made_with: str, config: ConfigDict) -> str:
    """The digest of the detector whose features the run takes; '' = not told.

    Args:
      name: of the scenes, for messages.
      made_with: the digest that they tell, or ''.
      config: the recipe.

    Raises:
      UserError: the run's is another.
    """
    found = made_with or config.task.detector
    if config.task.detector not in ("", found):
        raise UserError(
            f"{name}: features of the detector {found}, but the run's scenes were made "
            f"with {config.task.detector}: to a net these are other numbers. Make scenes with "
            "the same detector (jaxsign detect --detector), or train anew"
        )
    return str(found)


def buckets(sizes: np.ndarray) -> tuple[planning.Size, ...]:
    """Sizes to pad to: scenes of like many frames together, as many programs as `_PROGRAMS`.

    sizes: int [N, 3], frames, boxes and pairs of each scene.
    """
    order = np.argsort(sizes[:, 0], kind="stable")
    parts = [part.max(axis=0) for part in np.array_split(sizes[order], _PROGRAMS) if len(part)]
    return tuple(sorted({tuple(row) for row in np.maximum.accumulate(parts).tolist()}))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else value
