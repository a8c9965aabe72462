"""The verb capture. What is heavy to import is imported when it runs."""

import argparse
import contextlib
from typing import TYPE_CHECKING

from jaxsign import arguments

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from jaxsign.infer.live.capture import CaptureSettings
    from jaxsign.input.signs.clip import Clip
    from jaxsign.input.signs.extract.landmarkers import Detection

_TEXT = """\
Record one clip of landmarks from a camera (or a film) and, with --compare, tell how like the clips
of a data set it is: ranges of the coordinates, frames, form, and a picture of both.

In the window: s stops and saves, q stops and saves nothing.
"""
_EXAMPLES = """\
jaxsign capture --out hello.clip.npz --model models/holistic_landmarker.task
jaxsign capture --out hello.clip.npz --model models/holistic_landmarker.task --max-frames 50 \\
    --fps 15 --target-frames 16 --compare data/dataset25
"""


def add_capture(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign capture`."""
    from jaxsign.infer.live.commands import add_source

    verb = arguments.add_verb(
        verbs,
        "capture",
        "record a clip from a camera and compare it with a data set",
        _TEXT,
        _EXAMPLES,
    )
    verb.add_argument(
        "--out",
        type=arguments.NewFile,
        required=True,
        metavar="FILE",
        help="x.clip.npz, or x.json",
    )
    add_source(verb)
    add = verb.add_argument
    add("--max-frames", type=int, default=100, metavar="N", help="frames of the clip (100)")
    add("--fps", type=float, default=30.0, metavar="F", help="at most so many a second (30)")
    add("--target-frames", type=int, default=0, metavar="N", help="thin to N frames (never)")
    add("--face-only", action="store_true", help="leave pose and hands out")
    add("--no-window", action="store_true", help="no window: records until there are enough frames")
    add("--compare", metavar="PATH", help="a collection of clips in any format, or one clip")
    add("--seed", type=int, default=42, metavar="N", help="draws the clip to compare with (42)")
    verb.set_defaults(run=capture)


def capture(words: argparse.Namespace) -> int:
    """Runs `jaxsign capture`; 1 if nothing was saved."""
    from pathlib import Path

    from jaxsign.infer.live import capture as recording
    from jaxsign.infer.live import frames
    from jaxsign.input.signs.extract import commands as extracting
    from jaxsign.input.signs.extract import landmarkers, libraries
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    files = extracting.model_files(words)
    out = recording.place(Path(words.out))
    wanted = recording.CaptureSettings(
        words.max_frames, words.fps, words.target_frames, words.face_only
    )
    wanted.check()
    other = _other(words) if words.compare else None
    if words.video:
        frames.rate_of(Path(words.video), words.source_fps)
        images = frames.film(Path(words.video), rate=words.source_fps)
    else:
        images = frames.camera(words.camera)
    with contextlib.ExitStack() as open_things:
        open_things.enter_context(libraries.hushed())
        chosen = ExtractionSettings(confidence=words.confidence)
        landmarker = open_things.enter_context(
            contextlib.closing(landmarkers.create(files, chosen))
        )
        watch = _Watch(None if words.no_window else "jaxsign capture")
        open_things.enter_context(contextlib.closing(watch))
        source = words.video or f"camera {words.camera}"
        clip = recording.capture(images, landmarker, wanted, source=source, watch=watch)
    if watch.dropped:
        print("stopped, nothing saved")
        return 1
    _save(clip, out, wanted)
    if other is not None:
        _report(clip, out, *other)
    return 0


class _Watch:
    """The window of a recording, if there is one."""

    def __init__(self, title: str | None):
        from jaxsign.infer.live import picture, window

        self.dropped = False
        self._window = None if title is None else window.PreviewWindow(title, picture.PictureView())

    def __call__(self, image: "np.ndarray", detection: "Detection", count: int) -> bool:
        from PIL import Image

        from jaxsign.infer.live import window
        from jaxsign.input.signs import drawing

        if self._window is None:
            return False
        shown = Image.fromarray(image)
        drawing.draw(shown, detection.points)
        drawing.caption(shown, f"{count} frames   s save   q drop")
        action = self._window.show(shown)
        self.dropped = action == window.QUIT
        return action in (window.QUIT, window.SHOT)

    def close(self) -> None:
        """Closes the window."""
        if self._window is not None:
            self._window.close()


def _other(words: argparse.Namespace) -> tuple["Clip", str]:
    """A clip of the collection, drawn at random, and its name."""
    import numpy as np

    from jaxsign.input.signs import formats

    collection = formats.open_collection(words.compare)
    index = int(np.random.default_rng(words.seed).integers(len(collection)))
    return collection.read(index), collection.entries[index].name


def _save(clip: "Clip", out: "Path", wanted: "CaptureSettings") -> None:
    import json

    from jaxsign.infer.live import capture as recording
    from jaxsign.whole import write_text

    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == ".json":
        write_text(out, json.dumps(recording.to_json(clip, wanted)) + "\n")
    else:
        clip.save(out)
    seen = ", ".join(f"{k.replace('_', ' ')} {v.mean():.0%}" for k, v in clip.presence.items())
    print(f"{out}: {len(clip)} frames, {clip.timestamps[-1]:.2f} s; {seen}")


def _report(clip: "Clip", out: "Path", other: "Clip", name: str) -> None:
    from jaxsign.infer.live import comparing

    print(f"compared with {name} ({len(other)} frames):")
    print(comparing.compare(clip, other).text())
    picture = out.with_name(out.name.removesuffix(".json").removesuffix(".clip.npz") + ".png")
    comparing.draw(clip, other, (out.name, name), picture)
    print(f"picture: {picture}")
