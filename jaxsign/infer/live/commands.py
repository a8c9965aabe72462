"""The verb live. What is heavy to import is imported when it runs."""

import argparse
import contextlib
import json
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

if TYPE_CHECKING:
    from PIL.Image import Image

    from jaxsign.infer import run as runs
    from jaxsign.infer.live import recogniser, session
    from jaxsign.tasks.following import Heard

_TEXT = """\
Recognise signs while they happen, from a camera or a film, with the net of any run whose input is
landmarks. Frames go through MediaPipe. Single signs: the last frames that show a person are judged
at intervals. Sentences (a run that learnt sequences): overlapping windows, and a line of glosses
that grows as they become certain; see also `jaxsign stream`.

In the window: q quit, s screenshot, r reset, c confidence, l landmarks, h help.
"""
_EXAMPLES = """\
jaxsign live --workdir runs/asl --model models/holistic_landmarker.task
jaxsign live --workdir runs/asl --model models/holistic_landmarker.task --video sign.mp4 \\
    --no-window --json
jaxsign live --workdir runs/asl --model models/holistic_landmarker.task --video sign.mp4 \\
    --no-window --record answered.mp4
"""
# What the run's task is told of how to judge; it refuses what it does not have.
_JUDGING = (
    "window", "overlap", "target_frames", "every", "threshold", "smoothing", "top", "head",
    "no_sign", "face_only",
)  # fmt: skip


def add_live(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign live`."""
    verb = arguments.add_verb(
        verbs, "live", "recognise signs from a camera or a film", _TEXT, _EXAMPLES
    )
    run_folder.add_run(verb)
    run_folder.add_language(verb)
    add_source(verb)
    _add_judging(verb)
    _add_showing(verb)
    verb.set_defaults(run=live)


def add_source(verb: argparse.ArgumentParser) -> None:
    """The options of where pictures come from, and of the models that look at them."""
    from jaxsign.input.signs.extract.commands import add_models

    source = verb.add_mutually_exclusive_group()
    source.add_argument(
        "--camera", type=int, default=0, metavar="N", help="number of the camera (default: 0)"
    )
    source.add_argument(
        "--video", metavar="FILE", help="a film (or the folder of its pictures) instead of a camera"
    )
    arguments.add_source_fps(verb)
    add_models(verb)


def _add_judging(verb: argparse.ArgumentParser) -> None:
    windows = verb.add_argument_group("windows")
    windows.add_argument(
        "--window",
        type=float,
        metavar="N",
        help="frames that are judged (30); for sentences seconds (the recipe's, else 3)",
    )
    windows.add_argument(
        "--overlap", type=float, metavar="P", help="sentences: of neighbouring windows (0.5)"
    )
    judging = verb.add_argument_group("judging single signs")
    add = judging.add_argument
    add(
        "--target-frames",
        type=int,
        metavar="N",
        help="thin the window to N frames; 16 is what the original program does (default: never)",
    )
    add("--every", type=float, metavar="S", help="seconds between answers (0.5)")
    add("--threshold", type=float, metavar="P", help="a sure answer's least (0.8)")
    add("--smoothing", type=int, metavar="N", help="answers that are averaged (1)")
    add("--top", type=int, metavar="N", help="candidates (3)")
    add("--head", help="which head of the net (default: the first)")
    add("--no-sign", metavar="NAME", help="the class that stands for no sign")
    add("--face-only", action="store_true", default=None, help="leave pose and hands out")


def _add_showing(verb: argparse.ArgumentParser) -> None:
    showing = verb.add_argument_group("showing")
    add = showing.add_argument
    add("--no-window", action="store_true", help="no window: answers as text, a line each")
    add(
        "--json", action="store_true", help="answers as JSON, a line each, and a last one of totals"
    )
    add("--record", metavar="MP4", help="also write what the window shows as a film")
    add(
        "--screenshots",
        metavar="DIR",
        help="save a picture of every sure answer there (the key s: there or in screenshots/)",
    )
    add(
        "--max-side",
        type=int,
        default=640,
        metavar="PIXELS",
        help="scale larger frames down; 0 = never (default: 640)",
    )


def live(words: argparse.Namespace) -> int:
    """Runs `jaxsign live`."""
    from pathlib import Path

    from jaxsign.infer import doubts
    from jaxsign.infer import run as runs
    from jaxsign.infer.live import frames, session, window
    from jaxsign.input.signs.extract import commands as extracting
    from jaxsign.input.signs.extract import landmarkers, libraries
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    files = extracting.model_files(words)
    chosen = ExtractionSettings(max_side=words.max_side, confidence=words.confidence)
    rate = frames.rate_of(Path(words.video), words.source_fps) if words.video else 0.0
    run = runs.load_run(words.workdir, words.which, words.language)
    recogniser = _recogniser(run, words, rate)
    ready = recogniser.warm_up()
    if not words.json:
        print(f"ready ({ready:.1f} s to compile the net)")
    images = (
        frames.film(Path(words.video), words.max_side, words.source_fps)
        if words.video
        else frames.camera(words.camera)
    )
    with contextlib.ExitStack() as open_things:
        open_things.enter_context(libraries.hushed())
        landmarker = open_things.enter_context(
            contextlib.closing(landmarkers.create(files, chosen))
        )
        shown = open_things.enter_context(contextlib.closing(_Shown(words)))
        going = session.LiveSession(recogniser, landmarker, doubts.Doubts(run))
        try:
            for moment in going.run(images):
                action = shown.take(moment)
                if action == window.QUIT:
                    break
                if action == window.RESET:
                    going.reset()
        except KeyboardInterrupt:  # the only way to end a camera without a window
            _end(going, shown, words)
            raise
        _end(going, shown, words)
    return 0


def _end(going: "session.LiveSession", shown: "_Shown", words: argparse.Namespace) -> None:
    rest = going.finish()
    if rest is not None:
        shown.take(rest)
    _say_totals(going.totals.to_json(), as_json=words.json)


def _recogniser(run: "runs.Run", words: argparse.Namespace, rate: float) -> "recogniser.Recogniser":
    """Of what the run's task hears before a camera."""
    from jaxsign.infer.live import recogniser

    if run.view is None:
        raise UserError(
            f"{run.workdir}: its net takes stored features, not landmarks; live recognition "
            "needs a run with a view (config.view.name)"
        )
    asked = arguments.given(words, _JUDGING)
    follower = run.task.watcher(run, asked, rate)
    return recogniser.Recogniser(run, follower)


class _Shown:
    """Window, film, screenshots and lines of one session, as far as they are asked for."""

    def __init__(self, words: argparse.Namespace):
        from pathlib import Path

        from jaxsign.infer.live import picture, window

        self._view = picture.PictureView()
        self._json = words.json
        self._film = window.Film(Path(words.record)) if words.record else None
        self._shots: window.Screenshots | None = None
        self._always = bool(words.screenshots)
        if words.screenshots or not words.no_window:
            self._folder = Path(words.screenshots or "screenshots")
        self._window = None if words.no_window else window.PreviewWindow("jaxsign live", self._view)

    def take(self, moment: "session.Moment") -> str:
        """Shows a moment; returns what a key asked for."""
        from jaxsign.infer.live import picture, window

        answer = moment.answer
        if answer is not None:
            _say(answer, as_json=self._json)
        sure = self._always and answer is not None and answer.accepted
        if not (self._film or self._window or sure):
            return ""
        image = picture.compose(
            moment.image,
            moment.detection.points,
            moment.latest,
            moment.told,
            moment.status,
            self._view,
        )
        if self._film:
            self._film.add(image, moment.status.seconds)
        action = self._window.show(image) if self._window else ""
        if sure or action == window.SHOT:
            self._shoot(image, moment.title)
        return action

    def _shoot(self, image: "Image", title: str) -> None:
        from jaxsign.infer.live import window

        if self._shots is None:
            self._shots = window.Screenshots(self._folder)
        path = self._shots.save(image, title)
        if not self._json:
            print(f"saved {path}")

    def close(self) -> None:
        """Closes what is open."""
        if self._film:
            self._film.close()
        if self._window:
            self._window.close()


def _say(answer: "Heard", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer.to_json(), ensure_ascii=False), flush=True)
        return
    text = answer.text()
    if text:
        print(text, flush=True)


def _say_totals(totals: dict[str, float | None], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"totals": totals}), flush=True)
        return
    speed = totals["real_time"]
    print(
        f"{totals['frames']} frames, {totals['answers']} answers; landmarks "
        f"{totals['landmark_ms_a_frame']} ms a frame, net {totals['net_ms_an_answer']} ms an "
        f"answer; {totals['stream_seconds']} s of stream in {totals['elapsed_seconds']} s, besides "
        f"{totals['start_seconds']} s to load the landmarker"
        + (f" ({speed:.2f} times real time)" if speed else "")
    )
