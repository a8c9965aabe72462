"""Checked scenes with random access, and what stands in where they have no features."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from jaxsign.input.folders import progress
from jaxsign.input.scenes import features, geometry
from jaxsign.input.scenes.outlines import Outline, outline
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

MANY = 200  # scenes that are opened with a bar
Head = tuple[tuple[str, ...], np.ndarray | None]


@dataclasses.dataclass(frozen=True)
class SceneSource:
    """Checked scenes with random access.

    Attributes:
      name: for messages.
      ids: a name for every scene.
      vocabulary: of all of them.
      outlines: of every scene.
      read: i -> scene i.
      remarks: what is to be said of them, a sentence each.
      heads: i -> names and times of scene i's frames, without reading the rest; None: there is no
        such way.
      bare: i -> scene i, which may be without features; None: there is no shorter way than `read`.
    """

    name: str
    ids: Sequence[str]
    vocabulary: Vocabulary
    outlines: Sequence[Outline]
    read: Callable[[int], Scene]
    remarks: Sequence[str] = ()
    heads: Callable[[int], Head] | None = None
    bare: Callable[[int], Scene] | None = None

    def head(self, index: int) -> Head:
        """Names of scene i's frames, and their times where the scene tells."""
        if self.heads is not None:
            return self.heads(index)
        found = self.read(index)
        return found.frames, found.times

    def scenes(self) -> Iterator[Scene]:
        """All of them in order, maybe without features; with a bar where it takes long."""
        count = len(self.ids)
        for index in progress.over("reading scenes", range(count), count, hidden=count < MANY):
            yield (self.bare or self.read)(index)


def annotated(
    name: str,
    ids: Sequence[str],
    words: Vocabulary,
    scenes: Sequence[Scene],
    files: Sequence[features.FeatureFile] | None,
    remarks: Sequence[str],
) -> SceneSource:
    """Scenes of annotations, with features from files where there are any."""
    if files is None:
        outlines = [outline(one) for one in scenes]
        return completed(SceneSource(name, ids, words, outlines, scenes.__getitem__, remarks))
    outlines = [outline(one.scene, one.widths) for one in files]
    read = functools.partial(_featured, files)
    return SceneSource(name, ids, words, outlines, read, remarks, bare=scenes.__getitem__)


def completed(source: SceneSource) -> SceneSource:
    """The source, with features of places and sizes (`geometry`) where no scene has any."""
    rows = source.outlines
    if any(row.feature_dim or row.union_dim for row in rows):
        return source
    remark = (
        f"{source.name}: holds no features; they are made of the places and sizes of its boxes "
        "(jaxsign detect makes them of frames)"
    )
    outlines = [
        dataclasses.replace(
            row,
            feature_dim=geometry.BOX_WIDTH,
            union_dim=geometry.PAIR_WIDTH,
            union_type=np.dtype(np.float32),
        )
        for row in rows
    ]
    return dataclasses.replace(
        source,
        outlines=outlines,
        read=functools.partial(_completed, source.read),
        remarks=(*source.remarks, remark),
    )


# Functions of their own, which worker processes can be sent.


def _featured(files: Sequence[features.FeatureFile], index: int) -> Scene:
    return files[index].read()


def _completed(read: Callable[[int], Scene], index: int) -> Scene:
    return geometry.completed(read(index))
