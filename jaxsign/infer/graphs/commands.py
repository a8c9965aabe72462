"""The verb scene. What is heavy to import is imported when it runs."""

import argparse
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxsign.infer.graphs import outputs, session, sliding

_TEXT = """\
Tell what happens in a film, for people: who and what is in it, and how they are related. Relations
of a frame are told from it and the frame before it. Into the folder --out go

  film.mp4       the film with boxes and the strongest relations
  graph.png      the graph of the frame of which most is told
  timeline.png   objects and relations over time
  summary.txt    objects, the most frequent and the surest relations, what changes
  graph.json, graph.csv, graph.xml   all of it for programs; graph.schema.json tells how

INPUT is a film (or the folder of its pictures), in which --detector finds boxes, each frame once,
so that a film may be of any length; or --camera is watched. Without a detector it is what `jaxsign
detect` wrote: a scene file, or a folder or store of scenes, of which each gets a folder of its own.
"""
_EXAMPLES = """\
jaxsign scene kitchen.mp4 --workdir runs/ag --detector runs/detector --out told/kitchen
jaxsign scene --camera 0 --workdir runs/ag --detector runs/detector --out told/now
jaxsign scene kitchen.scene.npz --workdir runs/ag --out told/kitchen --pictures kitchen.mp4
jaxsign scene data/kitchens.store --workdir runs/ag --out told --clip kitchen_01
"""


def add_scene(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign scene`."""
    verb = arguments.add_verb(
        verbs, "scene", "what happens in a film: its graph of objects and relations, for people",
        _TEXT, _EXAMPLES,
    )  # fmt: skip
    verb.add_argument(
        "input", nargs="?", type=arguments.Existing, metavar="INPUT",
        help="a film with --detector; or a scene file, or a folder or store of scenes",
    )  # fmt: skip
    run_folder.add_run(verb)
    verb.add_argument("--out", required=True, metavar="DIR", help="the folder to write")
    verb.add_argument("--overwrite", action="store_true", help="write over an earlier run's files")
    _add_films(verb)
    _add_scenes(verb)
    _add_telling(verb)
    verb.set_defaults(run=scene)


def _add_films(verb: argparse.ArgumentParser) -> None:
    films = verb.add_argument_group("films")
    add = films.add_argument
    add(
        "--detector", type=run_folder.DetectorRun, metavar="RUN",
        help="finds boxes: the run or file that the run's scenes were made with",
    )  # fmt: skip
    add("--camera", type=arguments.count, metavar="N", help="watch a camera, in a window")
    add("--no-window", action="store_true", help="with --camera: no window; Ctrl-C ends it")
    add(
        "--recipe", choices=("paper", "m3sgg"),
        help="which boxes count, as in `jaxsign detect` (paper)",
    )  # fmt: skip
    add("--boxes", type=arguments.Existing, metavar="FILE", help="boxes of another detector")
    add("--box-classes", type=arguments.Existing, metavar="CSV", help="the table of their classes")
    arguments.add_encoding(films)
    add("--every", type=arguments.positive, default=1, metavar="N", help="one frame in N (1)")
    add("--max-frames", type=arguments.positive, metavar="N", help="no more frames than these")
    arguments.add_source_fps(films)


def _add_scenes(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument_group("stored scenes").add_argument
    add("--clip", metavar="NAME", help="one of several scenes")
    add(
        "--pictures", type=arguments.Existing, metavar="PATH",
        help="the film that the boxes are of, or the folder that its frames are named in; without "
        "it they are drawn on an empty ground",
    )  # fmt: skip


def _add_telling(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument_group("what is told").add_argument
    add("--constraint", choices=("with", "semi", "no"), help="relations of a pair (with)")
    add(
        "--window", type=arguments.positive, default=2, metavar="N",
        help="frames that relations are told from, the last of them the frame itself (2)",
    )  # fmt: skip
    add(
        "--box-score",
        type=_share,
        default=0.1,
        metavar="P",
        help="score above which a box is shown (0.1)",
    )
    add(
        "--relation-score", type=_share, default=0.2, metavar="P",
        help="score from which on a relation is drawn and counted (0.2)",
    )  # fmt: skip
    add(
        "--graph-at",
        type=float,
        metavar="S",
        help="second whose graph is drawn (where most is told)",
    )
    add("--no-film", action="store_true", help="write no film")


def _share(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{word!r}: expected 0 to 1")
    return value


def _check(words: argparse.Namespace) -> None:
    """Refuses words that do not go together."""
    live = words.camera is not None
    if live == bool(words.input):
        raise UserError("scene of what? Give INPUT, or --camera N, and not both")
    if live and not words.detector:
        raise UserError("--camera: give the detector that finds boxes, --detector RUN")
    films = {
        "--boxes": words.boxes,
        "--box-classes": words.box_classes,
        "--recipe": words.recipe,
        "--source-fps": words.source_fps,
    }
    given = [name for name, value in films.items() if value and not words.detector]
    if given:
        raise UserError(f"{given[0]} goes with a film and --detector. Leave it out")
    if words.box_classes and not words.boxes:
        raise UserError("--box-classes: is the table of which boxes? Give --boxes FILE")
    if words.no_window and not live:
        raise UserError("--no-window goes with --camera. Leave it out")
    if words.source_fps and live:
        raise UserError("--source-fps goes with a film; a camera's frames have times. Leave it out")
    scenes = {"--clip": words.clip, "--pictures": words.pictures}
    given = [name for name, value in scenes.items() if value and words.detector]
    if given:
        raise UserError(f"{given[0]} goes with stored scenes, not with --detector. Leave it out")
    from pathlib import Path

    path = Path(words.input or "")
    if not words.detector and path.is_file() and path.suffix.lower() not in (".npz", ".jsonl"):
        raise UserError(
            f"{path}: is no scene file (*.scene.npz). Give the detector that finds boxes in films, "
            "--detector RUN"
        )


def scene(words: argparse.Namespace) -> int:
    """Runs `jaxsign scene`."""
    from pathlib import Path

    _check(words)
    from jaxsign.infer import run as runs
    from jaxsign.infer.graphs import outputs, seen, session, sliding

    outputs.check(Path(words.out), overwrite=words.overwrite)
    run = runs.load_run(words.workdir, words.which)
    asked = {"constraint": words.constraint}
    batch = 1 if words.camera is not None else 8  # what is seen now is told now
    follower = sliding.FrameFollower(run, window=words.window, batch=batch, asked=asked)
    limits = seen.Limits(words.box_score, words.relation_score)
    wanted = outputs.Wanted(limits, not words.no_film, words.graph_at)
    chosen = session.ChosenFrames(words.every, words.max_frames or 0)
    tell = _films if words.detector else _scenes
    for told in tell(words, follower, wanted, chosen):
        print(f"{told.folder}: {told.line}")
        print(f"wrote {', '.join(path.name for path in told.files)}")
    return 0


def _scenes(
    words: argparse.Namespace,
    follower: "sliding.FrameFollower",
    wanted: "outputs.Wanted",
    chosen: "session.ChosenFrames",
) -> "Iterator[session.ToldFilm]":
    from pathlib import Path

    from jaxsign.infer.graphs import session
    from jaxsign.input.scenes import sources

    source = session.one_of(sources.of_folder(Path(words.input)), words.clip)
    pictures = Path(words.pictures) if words.pictures else None
    yield from session.tell_scenes(follower, source, pictures, Path(words.out), wanted, chosen)


def _films(
    words: argparse.Namespace,
    follower: "sliding.FrameFollower",
    wanted: "outputs.Wanted",
    chosen: "session.ChosenFrames",
) -> "Iterator[session.ToldFilm]":
    from pathlib import Path

    from jaxsign.infer.graphs import films, looker

    live, out = words.camera is not None, Path(words.out)
    looks = looker.opened(
        follower.run,
        Path(words.detector),
        chunk=1 if live else 4,
        recipe=words.recipe or "paper",
        boxes=Path(words.boxes) if words.boxes else None,
        box_classes=Path(words.box_classes) if words.box_classes else None,
    )
    if live:
        shown = not words.no_window
        yield films.tell_camera(follower, looks, words.camera, out, wanted, chosen, shown=shown)
    else:
        path, rate = Path(words.input), words.source_fps
        yield films.tell_film(follower, looks, path, out, wanted, chosen, rate)
