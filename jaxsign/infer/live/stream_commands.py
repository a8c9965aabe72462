"""The verb stream. What is heavy to import is imported when it runs."""

import argparse
import contextlib
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

if TYPE_CHECKING:
    from jaxsign.infer.live import streaming, telling
    from jaxsign.input.signs.extract.films import Finder

_TEXT = """\
Recognise signs in a stream as it comes, and tell each as soon as nothing later can change it: the
glosses of sentences with a run that learnt sequences, single signs one after the other with any
other run. A stream is a recording (any format that `jaxsign inspect` reads, or an array of the
view's own features), a film, or lines of JSON from standard input:

  {"time": 0.033, "left_hand": [[x, y, z], ... 21], "right_hand": null, "pose": [... 33]}
  {"time": 0.033, "landmarks": [[x, y, z], null, ... 543]}
  {"time": 0.033, "hands": [...]}              a frame of the Leap Motion service
  {"time": 0.033, "features": [[...], ...]}    a frame of the view's own features

Times are seconds; without them the frames come at --fps. Parts that are null were not seen.

With --sentences landmarks are cut where the hands rest for --pause seconds: out of sight, below the
hips, or still in the lower third of the trunk. Each sentence is read as a stream of its own.
"""
_EXAMPLES = """\
jaxsign stream --workdir runs/whisper sentence.clip.npz
jaxsign stream --workdir runs/whisper data/processed/test/features/sample_00003.npy --window 2
jaxsign stream --workdir runs/whisper film.mp4 --model models/holistic_landmarker.task
jaxsign stream --workdir runs/whisper talk.mp4 --model models/holistic_landmarker.task \\
    --sentences --subtitles talk.srt
jaxsign stream --workdir runs/a runs/b runs/c recording.clip.npz
sensor | jaxsign stream --workdir runs/whisper - --fps 60 --json signs.json
"""


def add_stream(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign stream`."""
    from jaxsign.input.signs.extract.commands import add_models

    verb = arguments.add_verb(
        verbs, "stream", "recognise signs in recordings and pipes as they come", _TEXT, _EXAMPLES
    )
    streams = run_folder.Behind(_Stream, several=True)
    run_folder.add_runs(verb, streams)
    run_folder.add_language(verb)
    streams.add(verb, "recordings, folders of them, films, or - (a pipe)")
    _add_cutting(verb)
    add_models(verb)
    out = verb.add_argument_group("output")
    for name, text in {
        "--json": "write signs, times and cost as JSON",
        "--csv": "write a row a sign; with --sentences, a sentence",
        "--subtitles": "write a subtitle a sign or sentence of the only stream: .srt or .vtt",
    }.items():
        out.add_argument(name, type=arguments.NewFile, metavar="FILE", help=text)
    out.add_argument("--quiet", action="store_true", help="the summary alone")
    verb.set_defaults(run=stream)


def _add_cutting(verb: argparse.ArgumentParser) -> None:
    cutting = verb.add_argument_group("cutting and deciding")
    add = cutting.add_argument
    add("--window", type=float, metavar="S", help="seconds of a window (the recipe's; else 3 or 1)")
    add("--overlap", type=float, metavar="P", help="share of neighbouring windows (0.5 or 0.75)")
    arguments.add_source_fps(cutting)
    add("--fps", type=float, default=0.0, metavar="N", help="frames a second, if they do not tell")
    add(
        "--chunk", type=arguments.positive, default=16, metavar="N",
        help="frames of a recording that arrive together (16); the answers are the same",
    )  # fmt: skip
    add(
        "--merge", choices=("average", "upstream"),
        help="sentences: average overlapping windows (default), or string them together as the "
        "original does",
    )  # fmt: skip
    add(
        "--sentences",
        action="store_true",
        help="cut at pauses: while the hands rest nothing is read",
    )
    add(
        "--pause",
        type=float,
        metavar="S",
        help="with --sentences: seconds that the hands rest (0.8)",
    )
    add("--vote", type=int, metavar="N", help="single signs: windows that decide together (5)")
    add("--threshold", type=float, metavar="P", help="single signs: least probability (0.5)")
    add("--no-sign", metavar="NAME", help="single signs: the class that stands for no sign")
    add("--head", help="single signs: which head of the net (the first)")


class _Stream(arguments.Existing):
    """A recording, a folder, or - for standard input."""

    def check(self) -> None:
        if self != "-":
            super().check()


def stream(words: argparse.Namespace) -> int:
    """Runs `jaxsign stream`."""
    from pathlib import Path

    from jaxsign.infer.live import subtitles, telling
    from jaxsign.input.signs.extract import commands, libraries
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    run_folder.check_input(words)
    pause = _pause(words)
    written = [Path(path) for path in (words.json, words.csv, words.subtitles) if path]
    for path in written:
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder", str(path))
    if words.subtitles:
        subtitles.check(Path(words.subtitles))
    chosen = ExtractionSettings(
        max_side=640, confidence=words.confidence, source_fps=words.source_fps
    )
    films = commands.finder(words, chosen)
    # MediaPipe greets every start with a dozen lines.
    with libraries.hushed() if films else contextlib.nullcontext():
        player, done = _played(words, films, pause)
    player.doubts.tell()
    if words.json:
        telling.write_json(Path(words.json), done, {"run": " ".join(words.workdir)})
    if words.csv:
        telling.write_csv(Path(words.csv), done)
    if words.subtitles:
        subtitles.write(Path(words.subtitles), done[0])
    for path in written:
        print(f"wrote {path}")
    return 130 if player.interrupted else 0


def _played(
    words: argparse.Namespace, films: "Finder | None", pause: float | None
) -> "tuple[streaming.Player, list[telling.Played]]":
    """What was heard of every stream, until the last or Ctrl-C, and who heard it."""
    from jaxsign.infer import ensemble
    from jaxsign.infer.live import inputs, streaming

    fps = words.source_fps
    found = inputs.find(words.input, films, fps)
    if words.subtitles and len(found) != 1:
        raise UserError(f"--subtitles: of which of {len(found)} streams? Give one")
    members = ensemble.load(words.workdir, words.which, words.language)
    streams = inputs.open_all(found, members[0], size=words.chunk, films=films, fps=fps)
    names = ("window", "overlap", "merge", "vote", "threshold", "no_sign", "head")
    asked = arguments.given(words, names)
    player = streaming.Player(members, asked, words.fps, pause=pause, quiet=words.quiet)
    done = []
    for one in streams:
        done.append(player.play(one))
        if player.interrupted:
            break
    return player, done


def _pause(words: argparse.Namespace) -> float | None:
    """Seconds that part sentences; None = there are none."""
    from jaxsign.input.signs import pauses

    if not words.sentences:
        if words.pause is not None:
            raise UserError("--pause goes with --sentences. Add it, or leave --pause out")
        return None
    return pauses.checked(pauses.PAUSE if words.pause is None else words.pause)
