"""A video's frames, read ahead, looked at chunk by chunk, and made a scene."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.scenes import ahead, boxes_of_others, cutting, videos
from jaxsign.input.scenes.scene import Scene
from jaxsign.tasks.scenes import making, parts

_TOLD = 3  # frames that cannot be read


def scene(
    maker: making.SceneMaker,
    video: videos.SceneVideo,
    reasons: list[str],
    remarks: list[str],
    *,
    others: boxes_of_others.OthersBoxes | None = None,
    shelf: Path | None = None,
) -> Iterator[tuple[int, float] | Scene]:
    """How far it is (frames, share), and at last the scene.

    Args:
      maker: makes it.
      video: its frames, read by other threads while the device looks at those before them.
      reasons: gets those of bad frames; `remarks` what else is to be said.
      others: boxes of another detector; None = there are none.
      shelf: folder on a disk where features wait for the scene; None = they wait in memory.

    Raises:
      UserError: none of its frames can be read, too little memory for them, or what they give makes
        no scene.
    """
    shown, made, counts = list[videos.ShownFrame](), list[parts.ScenePart](), list[int]()
    shelved = None if shelf is None else parts.ShelvedFeatures(shelf)
    sizes: list[tuple[int, int]] = []
    training = video.split == "train"
    side = maker.detector.net.short_side
    chunks = ahead.chunks(video, maker.detector.chunk, reasons)
    for frames, scaled, of_chunk in ahead.scaled(chunks, side):
        known = _known(others, video, frames, of_chunk)
        with _memory_told(video, maker.detector.chunk):
            part = maker.part(maker.detector.see_scaled(scaled), known, training)
        made.append(part if shelved is None else shelved.take(part))
        counts.append(len(frames))
        shown += frames
        sizes += of_chunk
        yield len(shown), frames[-1].share
    if not shown:
        told = f": {reasons[0]}" if reasons else ""
        raise UserError(f"{video.source}: none of its frames can be read{told}")
    if others is not None:
        names, numbers = [frame.name for frame in shown], [frame.number for frame in shown]
        remarks += others.remarks(video.name, names, np.array(sizes), numbers, needed=True)
    times = [frame.time for frame in shown if frame.time is not None]
    kept, true, actions = np.array([frame.number for frame in shown]), None, None
    if video.known is not None:
        actions = cutting.actions_of(video.known, kept)
        if maker.mode == "sgdet" and not training:
            true = cutting.frames_of(video.known, kept)
    yield maker.scene(
        video.source,
        [frame.name for frame in shown],
        np.array(sizes),
        made,
        counts,
        shelved=shelved,
        times=np.array(times) if len(times) == len(shown) else None,
        truth=true,
        actions=actions,
    )


@contextlib.contextmanager
def _memory_told(video: videos.SceneVideo, chunk: int) -> Iterator[None]:
    """A device with too little memory fails this video; others may have smaller pictures."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(
            f"{video.source}: there is too little memory for its frames, {chunk} at once. Look at "
            "fewer (jaxsign detect --chunk), or at smaller pictures"
        ) from error


def left_out(reasons: Sequence[str]) -> str:
    """What is told of frames that cannot be read: how many, and why the first; '' for none."""
    if not reasons:
        return ""
    more = f" and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
    told = "; ".join(" ".join(reason.split()) for reason in reasons[:_TOLD])
    # A single reason may be a whole film's, of as many frames as it says.
    count = f"{len(reasons)} " if len(reasons) > 1 else ""
    return f"{count}frames left out: {told}{more}"


def _known(
    others: boxes_of_others.OthersBoxes | None,
    video: videos.SceneVideo,
    frames: Sequence[videos.ShownFrame],
    sizes: Sequence[tuple[int, int]],
) -> Scene | None:
    """What is known of a chunk's boxes."""
    numbers = [frame.number for frame in frames]
    if others is not None:
        names = [frame.name for frame in frames]
        return others.scene(video.name, names, np.array(sizes), numbers)
    return None if video.known is None else cutting.frames_of(video.known, np.array(numbers))
