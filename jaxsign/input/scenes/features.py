"""Features of a scene whose boxes and relations come from elsewhere: a file for each video.

`VIDEO.npz` holds, row by row as the scene's boxes stand,

    features        float32 [N, D]
    union_features  float16 or float32 [P, 7, 7, K], of its labelled pairs in order, or of `pairs`;
                    may be left out of graphs of actions, whose nets take none
    distribution    float32 [N, classes - 1]; may be left out
    pairs           int [P, 2], rows of boxes; may be left out. The labelled ones are all among
                    them; the others are candidates, as a net needs them that finds the person
    boxes           float32 [N, 4], that the features are of; compared where it is there
    frames          text [F], the same
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.input import files, lookup, tables
from jaxsign.input.folders import progress
from jaxsign.input.scenes.arrays import check_shape
from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
_OF_BOXES, _SMALL = ("features", "distribution"), ("pairs", "boxes", "frames")
FOLDER = "features"
_MANY = 1000  # videos whose files are opened with a bar
_CLOSE = 0.01  # pixels that a box may lie beside the annotated one


class Widths(NamedTuple):
    """What the features' headers tell.

    Attributes:
      features, union: numbers of a box, and channels around a pair; 0 = there are none.
      union_type: of the numbers around pairs.
      distribution: whether there is one.
    """

    features: int
    union: int
    union_type: np.dtype
    distribution: bool


@dataclasses.dataclass(frozen=True)
class FeatureFile:
    """A scene and the file with its features, which is read anew each time.

    Attributes:
      path: of the file.
      scene: without features; candidates among its pairs.
      rows: int [P], of the file's pairs, in the scene's order.
      widths: of what the file holds.
    """

    path: Path
    scene: Scene
    rows: Array
    widths: Widths

    def read(self) -> Scene:
        """The scene with its features.

        Raises:
          UserError: the file has been damaged, or its numbers are impossible.
        """
        held = files.read_npz(self.path, (*_OF_BOXES, "union_features"))
        return dataclasses.replace(
            self.scene,
            source=str(self.path),
            features=held["features"],
            distribution=held.get("distribution"),
            union_features=held["union_features"][self.rows] if self.widths.union else None,
        )


def opened(path: Path, scene: Scene) -> FeatureFile:
    """The features of a scene; of the large arrays only the headers are read.

    Raises:
      UserError: no such file, or it does not fit the scene's frames, boxes or pairs.
    """
    with files.open_npz(path) as archive:
        headers = {key: archive.header(key) for key in archive.keys}
        small = {key: archive.read(key) for key in _SMALL if key in headers}
    try:
        _check_same(scene, small)
        whole, rows = _with_pairs(scene, small.get("pairs"))
        shapes = {key: shape for key, (shape, _) in headers.items()}
        _check_shapes(whole, shapes)
    except ValueError as error:
        raise UserError(
            f"{path}: does not fit {scene.source}: {error}. Make it anew from the same annotations."
        ) from error
    union = "union_features" in shapes
    widths = Widths(
        shapes["features"][-1],
        shapes["union_features"][-1] if union else 0,
        headers["union_features"][1] if union else np.dtype(np.float16),
        "distribution" in shapes,
    )
    return FeatureFile(path, whole, rows, widths)


def of_videos(folder: Path, names: Sequence[str], scenes: Sequence[Scene]) -> list[FeatureFile]:
    """The files NAME.npz of many videos, opened.

    Raises:
      UserError: all that is wrong with them, at once.
    """
    there = lookup.Lookup(folder, ".npz")
    paths = [there.path(name) for name in names]
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        raise UserError(
            f"{folder}: features of {len(absent)} of {len(paths)} videos are absent:\n"
            f"{listing(absent, 5)}\nBoxes come with features from a file for each video: "
            "docs/scene_graphs.md says what it holds"
        )
    found, problems = [], []
    pairs = zip(paths, scenes, strict=True)
    hidden = len(paths) < _MANY
    for path, one in progress.over("opening features", pairs, len(paths), hidden=hidden):
        try:
            found.append(opened(path, one))
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(f"{folder}: {len(problems)} bad files:\n{listing(problems)}")
    return found


def _check_same(scene: Scene, found: dict[str, Array]) -> None:
    """Raises ValueError where the file was made of other frames or boxes."""
    told = [tables.nfc(tables.as_path(str(name))) for name in np.ravel(found.get("frames", ()))]
    wanted = [*map(tables.nfc, scene.frames)]
    if "frames" in found and told != wanted:
        there = set(told)
        absent = [name for name in wanted if name not in there]
        more = f", {len(absent)} are absent, such as {absent[0]}" if absent else ""
        raise ValueError(f"it holds other frames, or in another order{more}")
    if "boxes" not in found:
        return
    boxes = found["boxes"]
    if boxes.shape != scene.boxes.shape:
        raise ValueError(f"boxes {list(boxes.shape)}, expected {list(scene.boxes.shape)}")
    if boxes.dtype.kind not in "fiu":
        raise ValueError(f"boxes are {boxes.dtype}, expected numbers")
    off = ~(np.abs(boxes - scene.boxes).max(axis=1) <= _CLOSE)  # so that NaN is off
    if off.any():
        row = int(np.argmax(off))
        raise ValueError(
            f"boxes: row {row} is {boxes[row].tolist()}, expected {scene.boxes[row].tolist()}"
        )


def _with_pairs(scene: Scene, pairs: Array | None) -> tuple[Scene, Array]:
    """The scene with the candidates of a file, and the file's rows in the order of its pairs."""
    if pairs is None:
        return scene, np.arange(len(scene.pairs))
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise ValueError(f"pairs are {pairs.dtype} {list(pairs.shape)}, expected whole [P, 2]")
    if pairs.size and not (0 <= pairs.min() and pairs.max() < len(scene.boxes)):
        raise ValueError(f"pairs name rows beyond the {len(scene.boxes)} boxes")
    frames = scene.box_frames[pairs]
    if (frames[:, 0] != frames[:, 1]).any():
        raise ValueError("pairs of boxes of two frames")
    places = {tuple(pair): row for row, pair in enumerate(pairs.tolist())}
    if len(places) < len(pairs):
        raise ValueError("the same pair twice")
    known = {pair: places.pop(pair, None) for pair in map(tuple, scene.pairs.tolist())}
    lacking = [pair for pair, row in known.items() if row is None]
    if lacking:
        raise ValueError(f"{len(lacking)} labelled pairs are absent, such as {list(lacking[0])}")
    more = np.array([*places], np.int32).reshape(-1, 2)
    return _extended(scene, more, np.array([*known.values(), *places.values()], np.int64))


def _extended(scene: Scene, more: Array, rows: Array) -> tuple[Scene, Array]:
    """The scene with candidates behind each frame's labelled pairs; `rows` in the same order."""
    frames = np.concatenate([scene.pair_frames, scene.box_frames[more[:, 0]]])
    order = np.argsort(frames, kind="stable")
    told = np.zeros((len(more), scene.relations.shape[1]), bool)
    whole = dataclasses.replace(
        scene,
        pairs=np.concatenate([scene.pairs, more])[order],
        pair_frames=frames[order],
        relations=np.concatenate([scene.relations, told])[order],
        labelled=np.concatenate([scene.labelled, np.zeros(len(more), bool)])[order],
    )
    return whole, rows[order]


def _check_shapes(scene: Scene, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raises ValueError where arrays have other rows or axes than the scene asks for."""
    wanted: dict[str, tuple[int | None, ...]] = {
        "features": (len(scene.boxes), None),
        "union_features": (len(scene.pairs), 7, 7, None),
    }
    if scene.frame_graphs is not None and "union_features" not in shapes:
        del wanted["union_features"]
    for name, shape in wanted.items():
        if name not in shapes:
            raise ValueError(f"it has no {name} (found {', '.join(shapes) or 'nothing'})")
        check_shape(name, shapes[name], shape)
    if "distribution" in shapes:
        classes = len(scene.vocabulary.objects) - 1
        check_shape("distribution", shapes["distribution"], (len(scene.boxes), classes))
