"""What scenes take of a disk: told before they are made, and where there is no more of it."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.folders import progress
from jaxsign.input.scenes import videos
from jaxsign.tasks.scenes import making
from jaxsign.whole import is_full


@contextlib.contextmanager
def full_told(out: Path) -> Iterator[None]:
    """A full disk ends the run, as no other video would find room either."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise UserError(
            f"{out}: its disk is full. The scenes that are written stay. Free some of it, and the "
            "same command goes on"
        ) from error


def check(
    out: Path,
    maker: making.SceneMaker,
    todo: Sequence[videos.SceneVideo],
    display: progress.Display,
) -> None:
    """Says how much will be written.

    Pairs that are found are not known before: nothing is refused for them.

    Args:
      out: folder of the scenes; maker: makes them.
      todo: the videos.
      display: says it.

    Raises:
      UserError: the disk has not that much.
    """
    known = [video for video in todo if video.known is not None]
    if not known:
        if todo:
            size = f"each pair will take {maker.pair_bytes / 1e3:.0f} kB on the disk"
            display.say(f"{size}; how many will be found is not known")
        return
    need = sum(maker.bytes_of(video.known) for video in known if video.known is not None)
    free = shutil.disk_usage(out).free
    guess = maker.mode == "sgdet"
    more = f", if {making.GUESSED} boxes and as many pairs are found in a frame" if guess else ""
    display.say(f"about {need / 1e9:.2f} GB will be written{more}; {free / 1e9:.1f} GB are free")
    if need > free and not guess:
        raise UserError(
            f"{out}: about {need / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free on "
            "its disk. Choose another --out, or make parts of it with --shard"
        )
