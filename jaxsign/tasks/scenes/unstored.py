"""Scenes of annotated frames whose features a detector makes as they are opened; none is stored."""

from collections.abc import Sequence

import psutil
from ml_collections import ConfigDict

from jaxsign.errors import UserError, listing
from jaxsign.input import lookup
from jaxsign.input.folders import progress
from jaxsign.input.scenes import genome_videos, outlines, scene_source, videos
from jaxsign.input.scenes.scene import Scene
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making, of_videos

_SHARE = 0.5  # of the free memory, that features may take


def of_genome(
    config: ConfigDict, split: str, detector: looking.FrameDetector
) -> scene_source.SceneSource:
    """Videos of Action Genome as `jaxsign detect` makes scenes of them, kept in memory.

    Args:
      config: a recipe with `data.source=action_genome`.
      split: 'train', 'val' or 'test'.
      detector: looks at their frames, once.

    Raises:
      UserError: as of `genome_videos.of_split`; too little memory; videos none of whose frames can
        be read, all of them.
    """
    mode = config.net.mode
    found = genome_videos.of_split(config.data, split, mode)
    maker = making.SceneMaker(detector, mode, found.scenes[0].vocabulary)
    name = f"{found.folder} ({split})"
    _check_memory(name, maker, found.scenes)
    scenes, lost, problems = list[Scene](), 0, list[str]()
    there = lookup.Lookup(found.folder / "frames")
    rows = zip(found.ids, found.scenes, strict=True)
    for video, known in progress.over("looking at frames", rows, len(found.ids)):
        reasons, remarks = list[str](), list[str]()
        try:
            shown = videos.annotated(there, video, split, known)
            *_, made = of_videos.scene(maker, shown, reasons, remarks)
        except UserError as error:
            problems.append(str(error))
            continue
        assert isinstance(made, Scene)
        scenes.append(made)
        lost += len(reasons)
    if problems:
        raise UserError(f"{name}: videos that cannot be looked at:\n{listing(problems)}")
    told = (f"{name}: left out: frames that cannot be read: {lost}",) if lost else ()
    return scene_source.SceneSource(
        name,
        found.ids,
        maker.words,
        [outlines.outline(one) for one in scenes],
        scenes.__getitem__,
        (*found.remarks, *told),
    )


def _check_memory(name: str, maker: making.SceneMaker, scenes: Sequence[Scene]) -> None:
    need = sum(maker.bytes_of(one) for one in scenes)
    free = psutil.virtual_memory().available
    if need > _SHARE * free:
        raise UserError(
            f"{name}: net.detector keeps the features of its {len(scenes)} videos in memory: about "
            f"{need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free. Store them once with jaxsign "
            "detect, and train on these scenes; or take fewer videos (data.fraction)"
        )
