"""One `sequences.npz` of pose and hand landmarks with splits; see `formats.sequences75`."""

from collections.abc import Mapping

import numpy as np
from ml_collections import ConfigDict

from jaxsign.input import labels
from jaxsign.input.signs.formats import sequences75
from jaxsign.input.signs.formats.sequences75 import CATEGORIES as CATEGORIES
from jaxsign.input.signs.sources import Source, place


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The clips of a split of `<folder>/sequences.npz`.

    Raises:
      UserError: not this layout, or labels beyond the recipe's classes.
    """
    path = place(data, split)[0] / sequences75.FILE
    collection = sequences75.open_path(path)
    names = {"gloss": collection.glosses, "cat": collection.categories}
    problems = [
        f"has {len(there)} classes of {head}, but net.num_{head}={num_classes[head]}; 0 takes the "
        "data's"
        for head, there in names.items()
        if 0 < num_classes.get(head, 0) < len(there)
    ]
    labels.raise_all(problems, str(path))
    rows = [i for i, entry in enumerate(collection.entries) if entry.split == split]
    part = collection.part(rows)
    glosses = [names["gloss"].index(entry.glosses[0]) for entry in part.entries]
    categories = [names["cat"].index(entry.category) for entry in part.entries]
    return Source(
        name=f"{path} ({split})",
        ids=[f"{split}-{i}-{e.glosses[0]}" for i, e in zip(rows, part.entries, strict=True)],
        lengths=np.array([part.frames(i) for i in range(len(part))], np.int32),
        labels={"gloss": np.array(glosses, np.int32), "cat": np.array(categories, np.int32)},
        reader=part.read,
        class_names=names,
        paths=[path] * len(part),
    )
