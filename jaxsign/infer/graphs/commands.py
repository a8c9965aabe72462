"""The verb scene. What is heavy to import is imported when it runs."""

import argparse

from jaxsign import arguments
from jaxsign.infer import run_folder

_TEXT = """\
Tell what happens in a film, for people: who and what is in it, and how they are related. Relations
of a frame are told from it and the frame before it. Into the folder --out go

  film.mp4       the film with boxes and the strongest relations
  graph.png      the graph of the frame of which most is told
  timeline.png   objects and relations over time
  summary.txt    objects, the most frequent and the surest relations, what changes
  graph.json, graph.csv, graph.xml   all of it for programs; graph.schema.json tells how

INPUT holds the boxes and their features: a scene file, or a folder or store of scenes, of which
each gets a folder of its own. --pictures shows them over their film.
"""
_EXAMPLES = """\
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
        "input", type=arguments.Existing, metavar="INPUT",
        help="a scene file, or a folder or store of scenes",
    )  # fmt: skip
    run_folder.add_run(verb)
    verb.add_argument("--out", required=True, metavar="DIR", help="the folder to write")
    verb.add_argument("--overwrite", action="store_true", help="write over an earlier run's files")
    add = verb.add_argument_group("input").add_argument
    add("--clip", metavar="NAME", help="one of several scenes")
    add(
        "--pictures", type=arguments.Existing, metavar="PATH",
        help="the film that the boxes are of, or the folder of its frames; without it they are "
        "drawn on an empty ground",
    )  # fmt: skip
    add("--every", type=arguments.positive, default=1, metavar="N", help="one frame in N (1)")
    add("--max-frames", type=arguments.positive, metavar="N", help="no more frames than these")
    _add_telling(verb)
    verb.set_defaults(run=scene)


def _add_telling(verb: argparse.ArgumentParser) -> None:
    add = verb.add_argument_group("what is told").add_argument
    add("--constraint", choices=("with", "semi", "no"), help="relations of a pair (with)")
    add(
        "--window", type=arguments.positive, default=2, metavar="N",
        help="frames that relations are told from, the last of them the frame itself (2)",
    )  # fmt: skip
    add(
        "--boxes",
        type=_share,
        default=0.1,
        metavar="P",
        help="score above which a box is shown (0.1)",
    )
    add(
        "--relations", type=_share, default=0.2, metavar="P",
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


def scene(words: argparse.Namespace) -> int:
    """Runs `jaxsign scene`."""
    from pathlib import Path

    from jaxsign.infer import run as runs
    from jaxsign.infer.graphs import outputs, seen, session, sliding
    from jaxsign.input.scenes import sources

    out = Path(words.out)
    outputs.check(out, overwrite=words.overwrite)
    run = runs.load_run(words.workdir, words.which)
    asked = {"constraint": words.constraint}
    follower = sliding.FrameFollower(run, window=words.window, asked=asked)
    wanted = outputs.Wanted(
        seen.Limits(words.boxes, words.relations), not words.no_film, words.graph_at
    )
    chosen = session.ChosenFrames(words.every, words.max_frames or 0)
    source = session.one_of(sources.of_folder(Path(words.input)), words.clip)
    pictures = Path(words.pictures) if words.pictures else None
    for told in session.tell_scenes(follower, source, pictures, out, wanted, chosen):
        print(f"{told.folder}: {told.line}")
    return 0
