"""What features are computed of: the frames of videos, and images in array files."""

import collections
import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.folders import finding
from jaxsign.input.signs.extract import opening, recording, sampling, videos
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.inspecting import arrays

# Frames of an array file are this far apart where its times are not stored.
USUAL_FPS = 30.0


def find(target: Path, out: Path) -> dict[str, Path]:
    """Name of the result, without `.npz` -> input: a file, or all that lie below a folder.

    Array files count as well as videos; what lies in `out` does not.

    Raises:
      UserError: nothing there, or no video or array in it.
    """
    if target.is_file():
        return {target.stem: target}

    films = videos.below(target, out) if target.is_dir() else []
    what = "videos or image arrays"
    stored = finding.find(target, out, finding.ending(*arrays.SUFFIXES), what)
    listed = sorted([*films, *stored], key=lambda entry: entry.name)
    if not listed:
        raise UserError(
            f"{target}: no videos and no image arrays in this folder or below it. Looked for the "
            f"endings {' '.join(sorted({*videos.SUFFIXES, *arrays.SUFFIXES}))}"
        )
    known = _known_names(listed, out)
    names = videos.names(listed, known)
    return {names[entry.name]: entry.path for entry in listed}


def _known_names(listed: list[finding.Listed], out: Path) -> dict[str, str]:
    """Names that inputs were given in earlier runs, while others of the same stem were not there.

    Without them a file that joins or leaves would have results made again under another name.
    """
    stems = {entry.name: str(PurePosixPath(entry.name).with_suffix("")) for entry in listed}
    shared = collections.Counter(stem.casefold() for stem in stems.values())
    known = {}
    for name, path in ((entry.name, entry.path) for entry in listed):
        kept = [name] + ([stems[name]] if shared[stems[name].casefold()] > 1 else [])
        for candidate in kept:
            record = recorded(out / f"{candidate}.npz")
            if record and record.get("video") == path.name:
                known[name] = candidate
    return known


def recorded(path: Path) -> dict[str, Any] | None:
    """The record in a result; {} in a file of another origin, None in a damaged one or none."""
    if not os.path.exists(path):  # False, too, where the name is too long
        return None
    try:
        meta = reading.parse_json(str(files.read_npz(path, ("meta",))["meta"]))
    except UserError:
        return None
    except (KeyError, ValueError):
        return {}
    record = meta.get("features") if isinstance(meta, dict) else None
    return record if isinstance(record, dict) else {}


def images(
    path: Path, settings: ExtractionSettings, *, keep_partial: bool = False, threads: int = 1
) -> Iterator[tuple[float, np.ndarray, float]]:
    """(seconds, uint8 [H, W, 3] RGB, share of the input that is read) of every kept frame.

    Args:
      path: a video or an array file.
      settings: which frames are kept.
      keep_partial: take what can be decoded of a damaged video.
      threads: that decode.

    Raises:
      UserError: no video and no images, or a damaged video.
    """
    if path.suffix.lower() in arrays.SUFFIXES:
        sampler = sampling.Sampler(settings.every_nth, settings.target_fps)
        frames, times = _stored(path)
        for i, (frame, seconds) in enumerate(zip(frames, times.tolist(), strict=True)):
            if sampler.keep(seconds):
                yield seconds, np.asarray(frame), (i + 1) / len(frames)
        return
    with opening.film(path, threads, settings.source_fps) as opened:
        for frame in recording.kept(opened, settings):
            share = min(1.0, frame.seconds / opened.seconds) if opened.seconds else 0.0
            yield frame.seconds, frame.pixels(), share
        if opened.damage and not keep_partial:
            raise UserError(
                f"{path}: damaged: {opened.damage}. Mend or replace the file, or give "
                "--keep-partial to take what can be read."
            )


def _stored(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [T, H, W, 3] of an array file and their times in seconds from 0."""
    stored = arrays.read(path)
    outlines = files.outlines(stored)
    images = [
        stored[name]
        for name, array in outlines.items()
        if arrays.kind_of(name, array.shape, array.dtype)[0] == "frames"
    ]
    if len(images) != 1 or not len(images[0]):
        found = ", ".join(f"{n or 'array'} {list(a.shape)} {a.dtype}" for n, a in outlines.items())
        raise UserError(
            f"{path}: expected images uint8 [T, H, W, 3], RGB, in one array; found "
            f"{found or 'nothing'}"
        )
    count = len(images[0])
    if not images[0].size:
        raise UserError(f"{path}: its images {list(images[0].shape)} have no pixels")
    try:
        times = _times(stored, count)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: the times of its images cannot be read ({error})") from error
    if times.shape != (count,) or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise UserError(f"{path}: {count} images, but their times {list(times.shape)} do not fit")
    return images[0], times - times[0]


def _times(stored: Mapping[str, np.ndarray], count: int) -> np.ndarray:
    """Seconds of `count` images, by the stored times or rate."""
    if "timestamps_ms" in stored:
        return np.asarray(stored["timestamps_ms"], np.float64) / 1000
    if "timestamps" in stored:
        return np.asarray(stored["timestamps"], np.float64)
    rate = float(np.asarray(stored.get("fps", 0)).item())
    if not 0 <= rate < np.inf:
        raise ValueError(f"fps = {rate:g}, expected more than 0")
    return np.arange(count) / (rate or USUAL_FPS)
