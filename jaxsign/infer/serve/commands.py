"""The verb serve. What is heavy to import is imported when it runs."""

import argparse
import contextlib
import signal
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

if TYPE_CHECKING:
    from jaxsign.infer.serve.showing import Showing
    from jaxsign.input.signs.extract.films import Finder

_PORT, _MAX_MB = 8642, 200
# Options of how landmarks are found in films.
_LANDMARKS = (
    "target_fps", "every_nth", "keep_partial", "max_side", "static", "bgr", "equalize_histogram",
    "sharpen", "confidence",
)  # fmt: skip
_TEXT = """\
A page on this machine to try a run on, in a browser: a film from a file or the camera, or a file of
landmarks; the answer with what else it could be and how sure it is, a timeline, the film with its
landmarks, and all of it as files. The numbers are those of `jaxsign predict`. Films need the
landmarkers' model files, as for `jaxsign extract`. A run that tells relations takes scene files,
with --detector films too: boxes and relations, graph and timeline, as `jaxsign scene` tells them.

The page is for this machine alone (127.0.0.1), asks nothing of any other, and what is uploaded is
removed once it is answered. Programs POST a file to /predict?name=FILE and get the JSON that
`predict --out` writes. Ctrl-C ends it.
"""
_EXAMPLES = """\
jaxsign serve --workdir runs/mine --model models/holistic_landmarker.task
jaxsign serve --workdir runs/mine --port 0 --max-mb 50
jaxsign serve --workdir runs/ag
jaxsign serve --workdir runs/ag --detector runs/detector
curl --data-binary @clip.npz "http://127.0.0.1:8642/predict?name=clip.npz"
"""


def add_serve(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign serve`."""
    from jaxsign.input.signs.extract import commands as extracting

    verb = arguments.add_verb(verbs, "serve", "a page to try a run on", _TEXT, _EXAMPLES)
    run_folder.add_runs(verb)
    run_folder.add_language(verb)
    verb.add_argument(
        "--port",
        type=_port,
        default=_PORT,
        metavar="N",
        help=f"of the page; 0 = any free one ({_PORT})",
    )
    verb.add_argument(
        "--max-mb",
        type=arguments.positive,
        default=_MAX_MB,
        metavar="N",
        help=f"most megabytes of an upload ({_MAX_MB})",
    )
    verb.add_argument(
        "--detector",
        type=run_folder.DetectorRun,
        metavar="RUN",
        help="relations in films: finds boxes; what the run's scenes were made with",
    )
    extracting.add_models(verb)
    extracting.add_frames(verb)
    # What was given is seen by its being there, also where it is what is usual.
    usual = {name: verb.get_default(name) for name in _LANDMARKS}
    verb.set_defaults(run=serve, usual=usual, **dict.fromkeys(_LANDMARKS))


def _port(word: str) -> int:
    if not word.isdecimal() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"{word!r}: expected 0 to 65535")
    return int(word)


def serve(words: argparse.Namespace) -> int:
    """Runs `jaxsign serve`."""
    import tempfile
    from pathlib import Path

    from jaxsign.infer.serve import server
    from jaxsign.input.signs.extract import commands, libraries

    given = [name for name in _LANDMARKS if vars(words)[name] is not None]
    vars(words).update({name: x for name, x in words.usual.items() if name not in given})
    finder = commands.finder(words)
    if words.detector:
        _check_for_scenes(words, finder, given)
    with contextlib.ExitStack() as opened:
        if finder:  # MediaPipe greets every start with a dozen lines
            opened.enter_context(libraries.hushed())
        opened.enter_context(_ended_by_signals())  # before there is anything to remove
        uploads = tempfile.TemporaryDirectory(prefix="jaxsign-serve-", ignore_cleanup_errors=True)
        folder = opened.enter_context(uploads)
        page = opened.enter_context(server.PageServer(words.port, words.max_mb * 10**6))
        shows = _shows(words, finder, given)
        page.show(shows, Path(folder))
        print(f"{page.url} (Ctrl-C ends it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            page.serve_forever()
    print("ended; nothing was kept")
    return 0


def _check_for_scenes(
    words: argparse.Namespace, finder: "Finder | None", given: Sequence[str]
) -> None:
    """Refuses what a run of relations would pass over."""
    if finder or len(words.workdir) > 1:
        raise UserError("a page of relations takes one run, and no model of landmarks")
    unused = [*given, *(["language"] if words.language is not None else [])]
    if unused:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in unused)
        raise UserError(
            f"{named}: cannot be given for a run of relations. With --detector every frame of a "
            "film is looked at as it is; --source-fps alone says how fast they follow. Leave it out"
        )


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """While entered, SIGTERM and SIGHUP are a Ctrl-C; only the first counts.

    A terminal that is closed may tell it more than once, which must not end the removing of
    uploads. What the process was started to ignore, as by nohup, it ignores.
    """
    numbers = [signal.SIGTERM] + ([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])
    before = {number: signal.getsignal(number) for number in numbers}
    taken = {number: old for number, old in before.items() if old is not signal.SIG_IGN}

    def end(number: int, frame: FrameType | None) -> None:
        for one in taken:
            signal.signal(one, signal.SIG_IGN)
        interrupt = signal.getsignal(signal.SIGINT)
        (interrupt if callable(interrupt) else signal.default_int_handler)(number, frame)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, old in taken.items():
            signal.signal(number, old)


def _shows(words: argparse.Namespace, finder: "Finder | None", given: Sequence[str]) -> "Showing":
    from pathlib import Path

    from jaxsign.infer import ensemble
    from jaxsign.infer.graphs import looker, sliding
    from jaxsign.infer.serve import scenes, signs

    members = ensemble.load(words.workdir, words.which, words.language)
    run = members[0]
    if not words.detector and not sliding.tells_relations(run):
        return signs.SignShowing(members, finder, words.source_fps)
    _check_for_scenes(words, finder, given)
    follower = sliding.FrameFollower(run)  # refuses a run of signs
    looks = looker.opened(run, Path(words.detector)) if words.detector else None
    return scenes.SceneShowing(follower, looks, words.source_fps)
