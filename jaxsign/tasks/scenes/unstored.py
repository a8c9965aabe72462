"""Scenes of annotated frames whose features a detector makes as they are opened; none is stored."""

from collections.abc import Generator, Sequence

import psutil
from ml_collections import ConfigDict

from jaxsign.errors import UserError, listing
from jaxsign.input import lookup
from jaxsign.input.folders import progress
from jaxsign.input.scenes import facts, features, genome_videos, outlines, scene_source, videos
from jaxsign.input.scenes.scene import Scene
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making, of_videos

_SHARE = 0.5  # of the free memory, that features may take


def of_genome(
    config: ConfigDict,
    split: str,
    detector: looking.FrameDetector,
    *,
    training: bool,
    trial: bool = False,
    display: progress.Display | None = None,
    free: float | None = None,
) -> scene_source.SceneSource:
    """Videos of Action Genome as `jaxsign detect` makes scenes of them, kept in memory.

    Args:
      config: a recipe with `data.source=action_genome`.
      split: 'train', 'val' or 'test'.
      detector: looks at their frames, once.
      training: in mode sgdet boxes that it finds are matched with the true ones, to be learned.
      trial: no more videos are looked at than it takes to find a relation.
      display: shows how it goes, and which frames cannot be read.
      free: bytes of memory; None = what the machine has.

    Raises:
      UserError: as of `genome_videos.of_split`; the run has learnt with another detector; too
        little memory; videos without a frame that can be read, all of them.
    """
    found = genome_videos.of_split(config.data, split, config.net.mode)
    name = f"{found.folder} ({split})"
    facts.detector(name, detector.digest, config)
    maker = making.SceneMaker(detector, config.net.mode, found.scenes[0].vocabulary)
    there = lookup.Lookup(found.folder / "frames")
    shown = [
        videos.annotated(there, video, "train" if training else "", known)
        for video, known in zip(found.ids, found.scenes, strict=True)
    ]
    _check_frames(name, there, shown)
    most = _SHARE * (psutil.virtual_memory().available if free is None else free)
    if maker.mode != "sgdet":  # where nobody knows how much will be found
        need = sum(maker.bytes_of(known) for known in found.scenes)
        _check_memory(name, len(shown), need, most)
    looked = _looked_at(name, maker, shown, most, display or progress.Display("video"), trial)
    scenes, rows = list[Scene](), list[outlines.Outline]()
    for one in looked:
        scenes.append(one)
        rows.append(outlines.outline(one))
        if trial and rows[-1].together.any():
            looked.close()
    remarks = found.remarks
    if (unused := found.folder / features.FOLDER).is_dir():
        remarks += (f"{unused} is not read: net.detector makes the features",)
    return scene_source.SceneSource(
        name,
        found.ids[: len(scenes)],
        maker.words,
        rows,
        scenes.__getitem__,
        remarks,
    )


def _check_memory(name: str, count: int, size: int, most: float) -> None:
    """Refuses features of so many bytes at least, of `count` videos."""
    if size > most:
        raise UserError(
            f"{name}: net.detector keeps the features of its {count} videos in memory. They need "
            f"{size / 1e9:.1f} GB or more, which is over half of what is free. Store them once "
            "with jaxsign detect, and train on these scenes; or take fewer videos (data.fraction)"
        )


def _check_frames(name: str, there: lookup.Lookup, shown: Sequence[videos.SceneVideo]) -> None:
    """Refuses videos without frames before the first is looked at."""
    absent = [
        f"{video.source}: none of its {len(video.known)} annotated frames is there"
        for video in shown
        if video.known is not None
        and not any(there.path(frame).is_file() for frame in video.known.frames)
    ]
    if absent:
        raise UserError(f"{name}: videos that cannot be looked at:\n{listing(absent)}")


def _looked_at(
    name: str,
    maker: making.SceneMaker,
    shown: Sequence[videos.SceneVideo],
    most: float,
    display: progress.Display,
    trial: bool,
) -> Generator[Scene, None, None]:
    """The scene of each video; their features may take `most` bytes.

    Raises:
      UserError: too little memory; or, at the end, all videos that could not be looked at.
    """
    problems, taken = list[str](), 0
    why = "a video first, to try out the recipe" if trial else display.count(len(shown))
    display.say(f"{name}: the detector looks at the frames of {why}")
    display.start([video.bytes for video in shown], 0)
    try:
        for number, video in enumerate(shown):
            reasons = list[str]()
            try:
                for made in of_videos.scene(maker, video, reasons, []):
                    if isinstance(made, tuple):
                        display.advance(number, *made)
            except UserError as error:
                problems.append(str(error))
                display.finish(number, progress.Outcome(video.name, 0, "", str(error), failed=True))
                continue
            assert isinstance(made, Scene)
            taken += sum(a.nbytes for a in (made.features, made.union_features) if a is not None)
            _check_memory(name, len(shown), taken, most)
            told = f"{len(made)} frames, {len(made.boxes)} boxes, {len(made.pairs)} pairs"
            left_out = of_videos.left_out(reasons)
            display.finish(number, progress.Outcome(video.name, len(made), told, left_out))
            yield made
    finally:
        display.close()
    if problems:
        raise UserError(f"{name}: videos that cannot be looked at:\n{listing(problems)}")
