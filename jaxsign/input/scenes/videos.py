"""What scenes are made of: videos of annotated frames, or films."""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import lookup
from jaxsign.input.scenes import action_genome, genome_videos, kinds, pictures, vocabulary
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.input.signs.extract import opening, sampling
from jaxsign.input.signs.extract import videos as films

Array = np.ndarray
_ANNOTATED = ("action_genome", "easg", kinds.SCENES, "coco", "vidor")


@dataclasses.dataclass(frozen=True)
class ShownFrame:
    """A frame of a video.

    Attributes:
      name: its own within the video; number: its place there, from 0.
      image: uint8 [H, W, 3], RGB; None: it cannot be read.
      time: seconds; None = not known.
      share: of the video, that is read behind it.
      reason: why it cannot be read.
    """

    name: str
    number: int
    image: Array | None
    time: float | None = None
    share: float = 0.0
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class SceneVideo:
    """A video on its way to a scene.

    Attributes:
      name: its own.
      split: 'train', 'val', 'test', or '' = not told.
      source: where it lies.
      bytes: of its files, or frames where these are many.
      frames: reads them, one by one.
      known: what is annotated, a box and a pair of every frame; None: nothing.
    """

    name: str
    split: str
    source: str
    bytes: int
    frames: Callable[[], Iterator[ShownFrame]]
    known: Scene | None = None


@dataclasses.dataclass(frozen=True)
class ShownVideos:
    """What was asked for.

    Attributes:
      videos: each with a name of its own.
      words: classes of the annotations; None: there are none.
      remarks: what is to be said of them.
    """

    videos: Sequence[SceneVideo]
    words: Vocabulary | None = None
    remarks: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class FilmOptions:
    """How films are read.

    Attributes:
      target_fps: keep about so many frames a second; 0 = all.
      every_nth: keep each n-th frame.
      source_fps: frames a second, whatever films say; 0 = as they say.
      keep_partial: take what can be read of a damaged film.
      threads: that decode.
    """

    target_fps: float = 0.0
    every_nth: int = 1
    source_fps: float = 0.0
    keep_partial: bool = False
    threads: int = 1


@dataclasses.dataclass(frozen=True)
class GenomeOptions:
    """What of Action Genome is taken.

    Attributes:
      without_small: objects with an edge of at most 16 pixels are left out.
      val_share: of the training videos, that is held back to validate.
    """

    without_small: bool = False
    val_share: float = 0.05


def of_source(source: Path, out: Path, genome: GenomeOptions, options: FilmOptions) -> ShownVideos:
    """The videos of annotations, of a film, or of a folder of films.

    Args:
      source: where they lie.
      out: a folder below it that is left out.
      genome: what of Action Genome is taken.
      options: how films are read.

    Raises:
      UserError: nothing of the kind there, or annotations that cannot be right.
    """
    # What scenes are made of is the same from whatever folder it is called.
    source = Path(os.path.abspath(source))
    kind = kinds.of_path(source)
    if kind == "action_genome":
        return _of_genome(source, genome)
    if kind in _ANNOTATED:
        return _of_annotations(source, kind)
    listed = films.find(source, out)
    names = films.names(listed, {})
    videos = [
        SceneVideo(
            names[one.name].replace("/", "--"),
            "",
            str(one.path),
            one.bytes,
            functools.partial(film_frames, one.path, options),
        )
        for one in listed
    ]
    return ShownVideos(videos)


def _of_genome(folder: Path, options: GenomeOptions) -> ShownVideos:
    files = action_genome.annotations(folder, without_small=options.without_small)
    videos: list[SceneVideo] = []
    there = lookup.Lookup(folder / "frames")
    splits: tuple[action_genome.Split, ...] = "train", "test"
    for split in splits:
        found = action_genome.of_split(files, action_genome.Options(split, "large", False))
        back = np.zeros(len(found.scenes), bool)
        if split == "train" and options.val_share and len(back) > 1:
            numbers = np.arange(len(back))
            back[genome_videos.share_of(numbers, options.val_share, "val", str(folder), "")] = True
        videos += [
            annotated(there, one.frames[0].split("/")[0], "val" if b else split, one)
            for one, b in zip(found.scenes, back, strict=True)
        ]
    return ShownVideos(videos, vocabulary.ACTION_GENOME, files.remarks)


def _of_annotations(source: Path, kind: str) -> ShownVideos:
    found = kinds.opened(source, kind)
    if found.pictures is None:
        raise UserError(f"{source}: its annotations ({kind}) tell of no folder of frames")
    there = lookup.Lookup(found.pictures)
    videos = [
        annotated(there, one.name.replace("/", "--"), one.split, one.read()) for one in found.videos
    ]
    return ShownVideos(videos, found.vocabulary)


def annotated(there: lookup.Lookup, name: str, split: str, known: Scene) -> SceneVideo:
    """An annotated video, whose frames lie in a folder under the names that the scene has."""
    read = functools.partial(_frames_of, there, known)
    return SceneVideo(name, split, known.source, len(known), read, known)


def _frames_of(there: lookup.Lookup, known: Scene) -> Iterator[ShownFrame]:
    """The pictures of annotated frames; one that is absent or broken is told with its reason."""
    for number, name in enumerate(known.frames):
        path = there.path(name)
        time = None if known.times is None else float(known.times[number])
        share = (number + 1) / len(known)
        try:
            image = pictures.read(path)
        except UserError as error:
            yield ShownFrame(name, number, None, time, share, str(error))
            continue
        size = known.image_sizes[number].tolist()
        if [image.shape[1], image.shape[0]] == size:
            yield ShownFrame(name, number, image, time, share)
            continue
        reason = (
            f"{path}: is {image.shape[1]} x {image.shape[0]}, but its boxes are told of "
            f"{size[0]} x {size[1]}"
        )
        yield ShownFrame(name, number, None, time, share, reason)


def film_frames(path: Path, options: FilmOptions) -> Iterator[ShownFrame]:
    """The kept frames of a film, or of a folder of pictures.

    Where some could not be read, a last one without an image tells the reason.

    Raises:
      UserError: no film, no frame in it, pictures of several sizes, or a damaged film.
    """
    names = [picture.name for picture in films.pictures(path)]
    sampler = sampling.Sampler(options.every_nth, options.target_fps)
    count = 0
    with opening.film(path, options.threads, options.source_fps) as opened:
        for place, frame in enumerate(opened):
            if not sampler.keep(frame.seconds):
                continue
            number = round(frame.seconds * opened.rate) if names else place
            name = names[number] if names else f"{number:06d}"
            share = min(1.0, frame.seconds / opened.seconds) if opened.seconds else 0.0
            count += 1
            yield ShownFrame(name, number, frame.pixels(), frame.seconds, share)
        damage = opened.damage
    if not count:
        raise UserError(f"{path}: no frame could be decoded{f': {damage}' if damage else ''}")
    if damage and names:  # the others of a folder's pictures are whole
        yield ShownFrame("", -1, None, None, 1.0, f"{path}: {damage}")
    elif damage and options.keep_partial:
        yield ShownFrame("", -1, None, None, 1.0, f"{path}: damaged: {damage}")
    elif damage:
        raise UserError(
            f"{path}: damaged: {damage}. Mend or replace the film, or give --keep-partial to take "
            f"the {count} frames that can be read."
        )
