"""Checks folders of scenes before anything is made of them: `jaxsign validate`."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import lookup
from jaxsign.input.scenes import (
    action_genome,
    arrays,
    easg,
    easg_baseline,
    easg_files,
    easg_scenes,
    features,
    kinds,
    layout,
    scene,
    store,
    vocabulary,
)
from jaxsign.input.scenes.collection import SceneCollection
from jaxsign.input.scenes.scene import Scene

# Missing frames, or videos without pairs, that are named.
_NAMED = 5
Told: TypeAlias = tuple[list[str], list[str]]  # lines to print, and what is to be mended


@dataclasses.dataclass(frozen=True)
class SceneReport:
    """What a folder of scenes holds and what is wrong with it.

    Attributes:
      lines: what was found, to print.
      issues: what has to be mended.
    """

    lines: tuple[str, ...]
    issues: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: all is well; 2: something is to be mended."""
        return 2 if self.issues else 0

    def text(self) -> str:
        """The report as lines to print."""
        wrong = [f"- {issue}" for issue in self.issues]
        return "\n".join([*self.lines, f"Issues: {len(wrong)}", *wrong])


def of_place(root: Path) -> SceneReport | None:
    """What is to be said of scenes of any kind; None where there are none.

    Raises:
      UserError: files that cannot be read, or annotations that cannot be right.
    """
    if action_genome.recognises(root):
        return action_genome_folder(root)
    if easg_files.recognises(root) or easg_baseline.recognises(root):
        return easg_folder(root)
    if (folder := layout.folder_of(root)) is not None:
        return open_layout(folder)
    if store.recognises(root):
        return scene_store(root)
    if paths := list(scene.files_of(root).values()):
        return scene_files(paths)
    kind = kinds.of_path(root)
    return annotations(kinds.opened(root, kind)) if kind else None


def easg_folder(folder: Path) -> SceneReport:
    """Looks through EASG's annotations and features, and for its frames.

    Raises:
      UserError: files that cannot be read, or annotations that cannot be right.
    """
    lines, issues = [f"{folder}: EASG"], list[str]()
    if easg_files.recognises(folder):
        files = easg_files.annotations(folder)
        words = easg_scenes.vocabulary(files.words)
        for split in easg.SPLITS:
            found = easg.of_split(files, split)
            scenes = [easg_scenes.scene(one, words, one.name) for one in found.videos]
            told, wrong = _of(split, scenes, found.left_out)
            lines, issues = lines + told, issues + wrong
            if absent := found.left_out[easg.ABSENT]:
                issues.append(f"{folder / 'frames'}: {absent} frames of {split} are absent")
    for split in easg.SPLITS if easg_baseline.recognises(folder) else ():
        graphs = easg_baseline.read(folder, split)
        count = f"{len(graphs.names)} graphs, {len(graphs.objects)} objects"
        lines += [f"{split}, for the baseline: {count}", *_left_out(graphs.left_out)]
    return SceneReport(tuple(lines), tuple(issues))


def _left_out(counts: Mapping[str, int]) -> list[str]:
    return [f"  left out: {what}: {count}" for what, count in sorted(counts.items())]


def action_genome_folder(folder: Path) -> SceneReport:
    """Looks through Action Genome's annotations, and for their frames.

    Raises:
      UserError: files that cannot be read, or annotations that cannot be right.
    """
    lines, issues = [f"{folder}: Action Genome"], list[str]()
    files = action_genome.annotations(folder)
    for split in ("train", "test"):
        found = action_genome.of_split(files, action_genome.Options(split))
        missing = _missing(folder / "frames", found.scenes)
        for told, wrong in (
            _of(split, found.scenes, found.left_out),
            ([], missing),
            _features(folder, found.scenes, split),
        ):
            lines, issues = lines + told, issues + wrong
    return SceneReport(tuple(lines), tuple(issues))


def _features(folder: Path, scenes: Sequence[Scene], split: action_genome.Split) -> Told:
    """What is to be said of the features that lie beside the annotations, if there are any.

    They may be of all boxes, or of those without small ones.
    """
    place = folder / features.FOLDER
    if not place.is_dir():
        return [], []
    options = action_genome.Options(split, without_small=True)
    without = {one.frames[0]: one for one in action_genome.read(folder, options).scenes}
    issues, widths, there = [], Counter[features.Widths](), lookup.Lookup(place, ".npz")
    for one in scenes:
        path = there.path(one.frames[0].split("/")[0])
        try:
            found = _opened(path, one, without.get(one.frames[0]))
            found.read()
            widths[found.widths] += 1
        except UserError as error:
            issues.append(str(error))
    told = (
        f"features of {count} videos: {width.features} numbers a box, 7 x 7 x {width.union} a pair"
        + (", with a distribution" if width.distribution else "")
        for width, count in widths.items()
    )
    return [f"  {line}" for line in told], issues


def _opened(path: Path, one: Scene, without_small: Scene | None) -> features.FeatureFile:
    try:
        return features.opened(path, one)
    except UserError:
        if without_small is None:
            raise
        try:
            return features.opened(path, without_small)
        except UserError:
            pass
        raise


def scene_files(paths: Sequence[Path]) -> SceneReport:
    """Reads scene files, and tells what they hold together; a file that is none is an issue."""
    scenes, issues = list[Scene](), list[str]()
    for path in paths:
        try:
            found = scene.load(path)
            if scenes:
                vocabulary.check_same(found.vocabulary, scenes[0].vocabulary, str(path))
            scenes.append(_bare(found))
        except UserError as error:
            issues.append(str(error))
    lines, wrong = _of(f"{len(paths)} scene files", scenes)
    return SceneReport(tuple(lines), (*issues, *wrong))


def annotations(found: SceneCollection) -> SceneReport:
    """Reads every video of annotations that `jaxsign convert` makes scenes of."""
    scenes, issues = [], []
    for video in found.videos:
        try:
            scenes.append(video.read())
        except UserError as error:
            issues.append(str(error))
    lines, wrong = _of(f"{found.name}: annotations of kind {found.kind}", scenes)
    return SceneReport(tuple(lines), (*issues, *wrong))


def open_layout(folder: Path) -> SceneReport:
    """Reads a folder in the open layout, its features too, and looks for its pictures.

    Raises:
      UserError: all that is wrong with its lines.
    """
    found = layout.read(folder)
    lines, issues = [f"{folder}: scenes in the open layout"], list[str]()
    for split in dict.fromkeys(video.split for video in found.videos):
        bare = [video.scene for video in found.videos if video.split == split]
        told, wrong = _of(split or "all", bare)
        lines, issues = lines + told, issues + wrong
    opened, problems = layout.opened(found.videos)
    issues += problems
    for one in opened:
        try:
            one.read()
        except UserError as error:
            issues.append(str(error))
    if (folder / layout.PICTURES).is_dir():
        issues += _missing(folder / layout.PICTURES, [video.scene for video in found.videos])
    return SceneReport(tuple(lines), tuple(issues))


def scene_store(folder: Path) -> SceneReport:
    """Reads every scene of a store.

    Raises:
      UserError: files that do not fit together.
    """
    found = store.opened(folder)
    scenes, issues = [], []
    for row in range(len(found.names)):
        try:
            scenes.append(_bare(found.read(row)))
        except UserError as error:
            issues.append(str(error))
    lines, wrong = _of(f"{folder}: a store of {len(found.names)} scenes", scenes)
    return SceneReport(tuple(lines), (*issues, *wrong))


def _bare(one: Scene) -> Scene:
    """Without features, many of which memory may not hold."""
    return dataclasses.replace(one, features=None, union_features=None, distribution=None)


def _counts(scenes: Sequence[Scene]) -> str:
    numbers = {
        "videos": len(scenes),
        "frames": sum(map(len, scenes)),
        "boxes": sum(len(one.boxes) for one in scenes),
        "pairs": sum(len(one.pairs) for one in scenes),
        "relations": sum(int(one.relations.sum()) for one in scenes),
    }
    return ", ".join(f"{count} {what}" for what, count in numbers.items())


def _of(title: str, scenes: Sequence[Scene], left_out: Mapping[str, int] | None = None) -> Told:
    """What is to be said of scenes that can be read.

    Frames without a person and videos without a pair are told and no issue: nothing is told of
    them in training and answers. Nor are boxes without width or height, which count as one pixel.
    """
    lines = [f"{title}: {_counts(scenes)}", *_left_out(left_out or {}), *_lacking(scenes)]
    return lines, [f"{one.source}: {issue}" for one in scenes for issue in _issues(one)]


def _lacking(scenes: Sequence[Scene]) -> list[str]:
    """Frames without a person, videos without a pair, boxes without a side, a line each."""
    frames = {one.source: n for one in scenes if (n := _without_person(one))}
    thin = {one.source: n for one in scenes if (n := _without_side(one))}
    far = {one.source: n for one in scenes if (n := _beyond(one))}
    alone = [one.source for one in scenes if not len(one.pairs)]
    lines = []
    if frames:
        lines.append(f"  no person in {sum(frames.values())} frames of {_some(list(frames))}")
    if alone:
        lines.append(f"  no pair in any frame of {_some(alone)}")
    if thin:
        lines.append(f"  no width or height in {sum(thin.values())} boxes of {_some(list(thin))}")
    if far:
        lines.append(
            f"  far beyond their images: {sum(far.values())} boxes of {_some(list(far))}. Are they "
            "corners that were taken for x, y, width and height?"
        )
    return lines


def _some(videos: Sequence[str]) -> str:
    """How many, and the first ones."""
    more = ", ..." if len(videos) > _NAMED else ""
    return f"{len(videos)} videos: {', '.join(videos[:_NAMED])}{more}"


def _without_person(one: Scene) -> int:
    """Frames without a person; where others are subjects too, a frame may do without one."""
    persons = np.bincount(one.box_frames[one.labels == 1], minlength=len(one))
    missed = (persons == 0) & (one.pairs_of_frames == 0)
    return int(missed.sum()) if one.vocabulary.has_person else 0


def _without_side(one: Scene) -> int:
    return int((one.boxes[:, :2] == one.boxes[:, 2:]).any(axis=1).sum())


def _beyond(one: Scene) -> int:
    """Boxes that reach beyond their image by more than a tenth of it."""
    return int(arrays.are_beyond(one.boxes, one.image_sizes[one.box_frames]).sum())


def _issues(one: Scene) -> list[str]:
    issues = []
    sizes = one.image_sizes[one.box_frames]
    outside = (one.boxes[:, :2] > sizes).any(axis=1) | (one.boxes[:, 2:] < 0).any(axis=1)
    if outside.any():
        issues.append(f"{outside.sum()} boxes lie outside the image")
    return issues


def _missing(folder: Path, scenes: Iterable[Scene]) -> list[str]:
    """Frames that are annotated and absent, told a video each."""
    absent = Counter[str]()
    names: list[str] = []
    there = lookup.Lookup(folder)
    for one in scenes:
        for frame in one.frames:
            if not there.path(frame).is_file():
                absent[one.source] += 1
                names.append(frame)
    if not absent:
        return []
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return [f"{folder}: {len(names)} frames of {len(absent)} videos are absent: {shown}"]
