"""EASG: what the wearer of a camera does, and with which objects, as graphs of a clip's frames.

Which boxes, frames and videos count is as EASG's loader has it (Rodin et al., CVPR 2024), but that
a frame or a feature that is absent takes its boxes and their rows with it.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from jaxsign.input.scenes import easg_files
from jaxsign.input.scenes.easg_files import ActionClip, ActionGraph, ActionWords

Array = np.ndarray
Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
ABSENT = "frames that are absent"
_FRAMES = 100  # a video ends behind the graph that reaches so many


@dataclasses.dataclass(frozen=True, eq=False)
class ActionVideo:
    """Graphs of one clip that follow one another: F frames, N boxes, G graphs.

    Attributes:
      name: the clip's; a further part of a long one has -2, -3, ...
      frames: GRAPH/CLIP_MOMENT.jpg.
      image_size: width and height in pixels.
      frame_graphs: int32 [F], the graph of each frame.
      boxes: float32 [N, 4], x1, y1, x2, y2 in pixels.
      box_frames: int32 [N], not decreasing.
      objects: int32 [N], without a background.
      edges: bool [N, E], of the object that the box shows.
      graphs: their names.
      verbs: int32 [G].
      verb_features: float32 [G, V]; None where there is no file of them.
    """

    name: str
    frames: tuple[str, ...]
    image_size: tuple[int, int]
    frame_graphs: Array
    boxes: Array
    box_frames: Array
    objects: Array
    edges: Array
    graphs: tuple[str, ...]
    verbs: Array
    verb_features: Array | None


@dataclasses.dataclass(frozen=True)
class ActionVideos:
    """What was read of a split.

    Attributes:
      words: of both splits.
      videos: in the file's order.
      left_out: boxes and frames by the reason for which they are not in it.
    """

    words: ActionWords
    videos: list[ActionVideo]
    left_out: Counter[str]


def read(folder: str | Path, split: Split) -> ActionVideos:
    """The videos of a split.

    Raises:
      UserError: a file is absent or damaged, or annotations are impossible: all of them at once.
    """
    return of_split(easg_files.annotations(Path(folder)), split)


def of_split(files: easg_files.Files, split: Split) -> ActionVideos:
    """As `read`, of files that were read."""
    left_out: Counter[str] = Counter()
    videos: list[ActionVideo] = []
    for clip in files.clips:
        if clip.split == split:
            videos += _videos(clip, files, left_out)
    return ActionVideos(files.words, videos, +left_out)


def _videos(
    clip: ActionClip, files: easg_files.Files, left_out: Counter[str]
) -> Iterator[ActionVideo]:
    """Its graphs in order, cut into videos."""
    parts: list[list[tuple[ActionGraph, list[str], Array | None]]] = [[]]
    for number, graph in enumerate(clip.graphs):
        if sum(len(moments) for _, moments, _ in parts[-1]) >= _FRAMES:
            parts.append([])
        boxes = sum(map(len, graph.boxes.values()))
        feature = _feature(files.features, clip.name, graph.uid, number)
        if files.features is not None and feature is None:
            left_out["boxes of graphs without features of their verb"] += boxes
            continue
        shown = [moment for moment in easg_files.MOMENTS if graph.boxes.get(moment)]
        kept = [one for one in shown if _is_there(files.folder, _frame(clip, graph, one))]
        left_out[ABSENT] += len(shown) - len(kept)
        if kept:
            parts[-1].append((graph, kept, feature))
    for number, part in enumerate((part for part in parts if part), 1):
        name = clip.name if number == 1 else f"{clip.name}-{number}"
        yield _video(name, clip, part, files.words)


def _feature(
    features: Mapping[str, Array] | None, clip: str, graph: str, number: int
) -> Array | None:
    """By EASG's key, or m3sgg's."""
    keys = f"{graph}_{clip}", f"{clip}_graph_{number}_{clip}"
    return None if features is None else next((features[k] for k in keys if k in features), None)


def _frame(clip: ActionClip, graph: ActionGraph, moment: str) -> str:
    return f"{graph.uid}/{clip.name}_{moment}.jpg"


def _is_there(folder: Path, frame: str) -> bool:
    """Where there is no folder of frames at all, none is looked for."""
    return (folder / "frames" / frame).is_file() or not (folder / "frames").is_dir()


def _video(
    name: str,
    clip: ActionClip,
    part: Sequence[tuple[ActionGraph, list[str], Array | None]],
    words: ActionWords,
) -> ActionVideo:
    frames: list[str] = []
    frame_graphs, rows = [], []
    for number, (graph, moments, _) in enumerate(part):
        for moment in moments:
            for noun, box in graph.boxes[moment].items():
                told = [(noun, edge) in graph.told for edge in words.edges]
                rows.append((len(frames), words.objects.index(noun), box, told))
            frames.append(_frame(clip, graph, moment))
            frame_graphs.append(number)
    box_frames, objects, boxes, edges = zip(*rows, strict=True)
    features = [feature for _, _, feature in part if feature is not None]
    return ActionVideo(
        name,
        tuple(frames),
        clip.size,
        np.asarray(frame_graphs, np.int32),
        np.asarray(boxes, np.float32),
        np.asarray(box_frames, np.int32),
        np.asarray(objects, np.int32),
        np.asarray(edges, bool),
        tuple(graph.uid for graph, _, _ in part),
        np.asarray([words.verbs.index(graph.verbs[-1]) for graph, _, _ in part], np.int32),
        np.stack(features) if features else None,
    )
