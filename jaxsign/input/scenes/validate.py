"""Checks folders of scenes before anything is made of them: `jaxsign validate`."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.scenes import (
    action_genome,
    easg,
    easg_baseline,
    easg_files,
    easg_scenes,
    features,
    layout,
    scene,
    store,
)
from jaxsign.input.scenes.scene import Scene

# Missing frames that are named.
_NAMED = 5


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
    wanted = finding.ending(scene.SUFFIX)
    alone = root.is_file() and wanted(root.name)
    paths = [root] if alone else finding.walk(root, wanted)
    return scene_files(paths) if paths else None


def easg_folder(folder: Path) -> SceneReport:
    """Looks through EASG's annotations and features, and for its frames.

    Raises:
      UserError: files that cannot be read, or annotations that cannot be right.
    """
    lines, issues = [f"{folder}: EASG"], []
    if easg_files.recognises(folder):
        files = easg_files.annotations(folder)
        words = easg_scenes.vocabulary(files.words)
        for split in easg.SPLITS:
            found = easg.of_split(files, split)
            scenes = [easg_scenes.scene(one, words, one.name) for one in found.videos]
            lines += [f"{split}: {_counts(scenes)}", *_left_out(found.left_out)]
            issues += _issues(scenes)
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
    lines, issues = [f"{folder}: Action Genome"], []
    files = action_genome.annotations(folder)
    for split in ("train", "test"):
        found = action_genome.of_split(files, action_genome.Options(split))
        lines += [f"{split}: {_counts(found.scenes)}", *_left_out(found.left_out)]
        issues += _issues(found.scenes)
        issues += _missing(folder / "frames", found.scenes)
        told, wrong = _features(folder, found.scenes, split)
        lines, issues = lines + told, issues + wrong
    return SceneReport(tuple(lines), tuple(issues))


def _features(
    folder: Path, scenes: Sequence[Scene], split: action_genome.Split
) -> tuple[list[str], list[str]]:
    """Lines and issues of the features that lie beside the annotations, if there are any.

    They may be of all boxes, or of those without small ones.
    """
    place = folder / "features"
    if not place.is_dir():
        return [], []
    options = action_genome.Options(split, without_small=True)
    without = {one.frames[0]: one for one in action_genome.read(folder, options).scenes}
    issues, widths = [], Counter[features.Widths]()
    for one in scenes:
        path = place / f"{one.frames[0].split('/')[0]}.npz"
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
    scenes, issues = [], []
    for path in paths:
        try:
            scenes.append(_bare(scene.load(path)))
        except UserError as error:
            issues.append(str(error))
    lines = (f"{len(paths)} scene files: {_counts(scenes)}",)
    return SceneReport(lines, (*issues, *_issues(scenes)))


def open_layout(folder: Path) -> SceneReport:
    """Reads a folder in the open layout, its features too, and looks for its pictures.

    Raises:
      UserError: all that is wrong with its lines.
    """
    found = layout.read(folder)
    lines, issues = [f"{folder}: scenes in the open layout"], []
    for split in dict.fromkeys(video.split for video in found.videos):
        bare = [video.scene for video in found.videos if video.split == split]
        lines.append(f"{split or 'all'}: {_counts(bare)}")
    opened, problems = layout.opened(found.videos)
    issues += problems
    for one in opened:
        try:
            one.read()
        except UserError as error:
            issues.append(str(error))
    bare = [video.scene for video in found.videos]
    issues += _issues(bare)
    if (folder / layout.PICTURES).is_dir():
        issues += _missing(folder / layout.PICTURES, bare)
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
    lines = (f"{folder}: a store of {len(found.names)} scenes: {_counts(scenes)}",)
    return SceneReport(lines, (*issues, *_issues(scenes)))


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


def _issues(scenes: Iterable[Scene]) -> list[str]:
    return [f"{one.source}: {issue}" for one in scenes for issue in _of(one)]


def _of(one: Scene) -> list[str]:
    issues = []
    sizes = one.image_sizes[one.box_frames]
    outside = (one.boxes[:, :2] > sizes).any(axis=1) | (one.boxes[:, 2:] < 0).any(axis=1)
    if outside.any():
        issues.append(f"{outside.sum()} boxes lie outside the image")
    empty = (one.boxes[:, :2] == one.boxes[:, 2:]).any(axis=1)
    if empty.any():
        issues.append(f"{empty.sum()} boxes are empty")
    # Where others than persons are subjects too, a frame may do without one.
    persons = np.bincount(one.box_frames[one.labels == 1], minlength=len(one))
    missed = (persons == 0) & (one.pairs_of_frames == 0)
    if one.vocabulary.has_person and missed.any():
        issues.append(f"{missed.sum()} of {len(one)} frames have no person")
    if not len(one.pairs):
        issues.append("no pair in any frame")
    return issues


def _missing(folder: Path, scenes: Iterable[Scene]) -> list[str]:
    """Frames that are annotated and absent, told a video each."""
    absent = Counter[str]()
    names: list[str] = []
    for one in scenes:
        for frame in one.frames:
            if not (folder / frame).is_file():
                absent[one.source] += 1
                names.append(frame)
    if not absent:
        return []
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    return [f"{folder}: {len(names)} frames of {len(absent)} videos are absent: {shown}"]
