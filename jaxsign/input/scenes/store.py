"""A store of many scenes (see `jaxsign.input.shards`): ArrayRecord shards, an index, store.json.

    scenes-00000-of-00012.array_record  one record a scene: the arrays of its file by their names
    index.npz                           names, splits, and what is known of each scene
    store.json                          version, id, count, shards, digest of the index, classes

A scene is read alone, so that training shuffles a store that is larger than memory, and opening it
reads the index alone.
"""

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files, records, shards
from jaxsign.input import names as file_names
from jaxsign.input.scenes import scene
from jaxsign.input.scenes import vocabulary as vocabularies
from jaxsign.input.scenes.outlines import Outline, outline
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.sections.data import SPLITS
from jaxsign.whole import write_json

Array = np.ndarray
INDEX = "index.npz"
_MAGIC, STEM = b"JSS1", "scenes"
_TEXTS = ("frames", "source", "vocabulary", "detector")
# Of the index: flat over the frames of all scenes, and a row a scene.
_OF_FRAMES, _OF_SCENES = ("boxes", "pairs", "labelled"), ("together", "paired", "objects")
_NUMBERS = ("feature_dim", "union_dim", "union_type", "distribution", "true_boxes", "true_pairs",
            "verb_dim")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class SceneStore:
    """The scenes of a store.

    Attributes:
      folder: its place.
      vocabulary: of all of them.
      names: theirs; splits: 'train', 'val', 'test', or '' = not told.
      outlines: what is known of each.
      records: where they are read from.
      rows: places in the store, of those that are taken.
    """

    folder: Path
    vocabulary: Vocabulary
    names: Sequence[str]
    splits: Sequence[str]
    outlines: Sequence[Outline]
    records: shards.ShardReader
    rows: Sequence[int]

    def read(self, index: int) -> Scene:
        """Scene `index`.

        Raises:
          UserError: a damaged shard, or another store's.
        """
        found: Scene = self.records.read(self.rows[index], functools.partial(_decode, self))
        return found

    def of_split(self, split: str) -> "SceneStore":
        """The scenes of a split, where the store tells of splits; else all.

        Raises:
          UserError: there are none of it.
        """
        if not any(self.splits):
            return self
        kept = [row for row, found in enumerate(self.splits) if found == split]
        if not kept:
            found = ", ".join(f"{count} of {name or 'no split'}" for name, count in
                              sorted(Counter(self.splits).items()))  # fmt: skip
            raise UserError(f"{self.folder}: holds no scenes of {split}; it has {found}")
        return dataclasses.replace(
            self,
            names=[self.names[row] for row in kept],
            splits=[self.splits[row] for row in kept],
            outlines=[self.outlines[row] for row in kept],
            rows=[self.rows[row] for row in kept],
        )


def recognises(folder: Path) -> bool:
    """A folder with a store's files, finished or not."""
    return shards.recognises(folder, STEM)


def is_split(folder: Path) -> bool:
    """Whether a folder is a store that tells of splits."""
    return recognises(folder) and any(opened(folder).splits)


def opened(folder: Path) -> SceneStore:
    """The scenes of a store; of them only the index is read.

    Raises:
      UserError: no finished store, one of a newer version, or files that do not fit together.
    """
    about = shards.read_about(folder, _check_about)
    words = vocabularies.from_json(about["vocabulary"], str(folder / shards.ABOUT))
    index = files.read_npz(folder / INDEX)
    try:
        names, splits, outlines = _from_index(index, words)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise UserError(f"{folder / INDEX}: is no index of scenes ({error!r})") from error
    shards.check_files(folder, about, STEM, INDEX, len(names), "scenes")
    counts = tuple(about["shards"])
    reader = shards.ShardReader(str(folder), STEM, counts, about.get("id", ""), "scene")
    return SceneStore(folder, words, names, splits, outlines, reader, range(len(names)))


def _check_about(about: Mapping[str, Any]) -> None:
    if not isinstance(about["vocabulary"], dict):
        raise ValueError("its vocabulary is no object")


def _from_index(
    index: Mapping[str, Array], words: Vocabulary
) -> tuple[list[str], list[str], list[Outline]]:
    """Names, splits and outlines; raises KeyError, ValueError and others for another content."""
    names, splits = (index[name].tolist() for name in ("names", "splits"))
    ends = np.cumsum(index["frames"])
    unknown = set(splits) - {"", *SPLITS}
    if unknown or not all(isinstance(name, str) for name in names):
        raise ValueError(f"names that are none, or splits {sorted(unknown)}")
    if wrong := next(filter(None, map(file_names.problem, names)), ""):
        raise ValueError(wrong)
    classes = len(words.objects)
    shapes = [index[name].shape[1:] for name in _OF_SCENES]
    if shapes != [(classes, len(words.predicates)), (classes,), (classes,)]:
        raise ValueError("other numbers of classes")
    # Of older stores, which knew neither truth beside detected boxes nor actions.
    none, no_verbs = np.full(len(names), -1), np.zeros(len(names), int)
    columns: dict[str, Iterable[Any]] = {
        **{name: np.split(index[name], ends[:-1]) for name in _OF_FRAMES},
        **{name: index[name] for name in _OF_SCENES},
        **{name: index[name].tolist() for name in ("feature_dim", "union_dim", "distribution")},
        **{name: index.get(name, none).tolist() for name in ("true_boxes", "true_pairs")},
        "verb_dim": index.get("verb_dim", no_verbs).tolist(),
        "detector": index.get("detector", np.full(len(names), "")).tolist(),
        "union_type": [_union_type(name) for name in index["union_type"].tolist()],
    }
    rows = zip(*columns.values(), strict=True)
    outlines = [Outline(**dict(zip(columns, row, strict=True))) for row in rows]
    if not len(names) == len(splits) == len(outlines):
        raise ValueError("lists of several lengths")
    return names, splits, outlines


def _union_type(name: Any) -> np.dtype:
    if name not in ("float16", "float32"):
        raise ValueError(f"union features of {name!r}")
    return np.dtype(name)


class SceneStoreWriter:
    """Writes the shards, then the index, then store.json.

    Args:
      folder: a new one.
      words: classes of all scenes.
      made_from: in words.
      float16: union features are rounded to it; else they are kept as they are.
      shard_bytes: from which on a shard is full.
    """

    def __init__(
        self,
        folder: Path,
        words: Vocabulary,
        made_from: str,
        *,
        float16: bool = False,
        shard_bytes: int = shards.SHARD_BYTES,
    ):
        self._folder, self._words, self._made_from = folder, words, made_from
        self._float16, self._shards = float16, shards.ShardWriter(folder, STEM, shard_bytes)
        self._rows: list[tuple[str, str, Outline]] = []

    def add(self, name: str, split: str, one: Scene) -> None:
        """Writes one scene.

        Raises:
          UserError: union features that float16 cannot hold.
        """
        if self._float16:
            one = _rounded(one)
        arrays = {key: value for key, value in one.arrays().items() if key not in _TEXTS}
        little = {k: a.astype(a.dtype.newbyteorder("<"), copy=False) for k, a in arrays.items()}
        about = {
            "place": self._shards.place,
            "source": one.source,
            "frames": one.frames,
            "detector": one.detector,
        }
        self._shards.add(records.encode(_MAGIC, about, little))
        self._rows.append((name, split, outline(one)))

    def finish(self) -> None:
        """Closes the shards and writes the index and store.json."""
        self._shards.finish()
        names, splits, outlines = zip(*self._rows, strict=True)
        index = {"names": np.asarray(names), "splits": np.asarray(splits)}
        index["frames"] = np.asarray([len(one.boxes) for one in outlines])
        for name in _OF_FRAMES:
            index[name] = np.concatenate([vars(one)[name] for one in outlines])
        for name in (*_OF_SCENES, *_NUMBERS):
            index[name] = np.asarray([vars(one)[name] for one in outlines])
        index["detector"] = np.asarray([one.detector for one in outlines])
        index["union_type"] = np.asarray([one.union_type.name for one in outlines])
        files.write_npz(self._folder / INDEX, index)
        own = {"vocabulary": json.loads(self._words.to_json())}
        about = self._shards.about(INDEX, self._made_from, own)
        write_json(self._folder / shards.ABOUT, about)


def _rounded(one: Scene) -> Scene:
    if one.union_features is None:
        return one
    with np.errstate(over="ignore"):
        union = one.union_features.astype(np.float16)
    if not np.isfinite(union).all():
        raise UserError(f"{one.source}: union_features hold numbers beyond float16")
    return dataclasses.replace(one, union_features=union)


def _decode(store: SceneStore, record: bytes, place: str) -> Scene:
    about, arrays = records.decode(_MAGIC, record, "a scene", place)
    try:
        frames, detector = tuple(about["frames"]), about.get("detector", "")
        return scene.built(about["source"], store.vocabulary, frames, arrays, detector)
    except (KeyError, TypeError, UserError) as error:
        raise ValueError(f"not a whole record of a scene ({error})") from error
