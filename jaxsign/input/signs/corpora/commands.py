"""The verb `corpus`: instances, split, cut.

What is heavy to import is imported when it runs, so that `--help` answers at once.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments

if TYPE_CHECKING:
    from jaxsign.input.signs.corpora.instances import FoundSigns
    from jaxsign.input.signs.corpora.preset import Preset

_TEXT = """\
A corpus annotated in ELAN -> a data set of isolated signs, in three steps. Each writes tables that
a person may look at and change before the next:

  instances  annotations (.eaf) -> instances.csv, one row a sign, and glosses.csv
  split      instances.csv -> split.csv, with train, val and test, and split_glosses.csv
  cut        split.csv and the films -> clips/, samples.csv and glosses.csv

A preset says how a corpus is annotated, which signs are taken, how they are shared and cut: vgt,
ngt, lse, bsl, isl, or a file .toml of one's own.
"""
_EXAMPLES = """\
jaxsign corpus instances elan --preset vgt --videos films --out tables
jaxsign corpus split tables --preset vgt
jaxsign corpus cut tables --preset vgt --videos films --out data
"""


def add_corpus(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign corpus` with its steps."""
    verb = arguments.add_verb(verbs, "corpus", "ELAN's annotations to clips", _TEXT, _EXAMPLES)
    steps = verb.add_subparsers(title="steps", metavar="STEP", dest="step", required=True)
    step = _step(steps, "instances", "the signs of all annotations", "ELAN", "folder of .eaf files")
    _add_videos(step)
    step.add_argument("--out", required=True, metavar="DIR", help="folder for the tables")
    step.add_argument(
        "--offsets", type=arguments.Existing, metavar="JSON",
        help="{name of an annotation: milliseconds that are added to its times}",
    )  # fmt: skip
    step.add_argument(
        "--skip",
        action="store_true",
        help="leave out what is wrong, and tell it, instead of stopping",
    )
    step.set_defaults(run=instances)
    step = _step(steps, "split", "which signs train and test", "DIR", "folder with instances.csv")
    step.add_argument(
        "--seed",
        type=arguments.count,
        default=42,
        metavar="N",
        help="of bsl's and isl's draws (42)",
    )
    step.set_defaults(run=split)
    step = _step(steps, "cut", "clips of the signs", "DIR", "folder with split.csv")
    _add_videos(step)
    step.add_argument("--out", required=True, metavar="DATA", help="folder for the data set")
    step.add_argument(
        "--workers", type=arguments.count, default=0, metavar="N", help="processes (one a core)"
    )
    step.set_defaults(run=cut)


def _step(
    steps: arguments.Verbs, name: str, summary: str, what: str, help: str
) -> argparse.ArgumentParser:
    step = arguments.add_verb(steps, name, summary, _TEXT, _EXAMPLES)
    step.add_argument("path", type=arguments.Existing, metavar=what, help=help)
    step.add_argument(
        "--preset", required=True, metavar="NAME", help="vgt, ngt, lse, bsl, isl, or a file .toml"
    )
    arguments.add_encoding(step)
    return step


def _add_videos(step: argparse.ArgumentParser) -> None:
    step.add_argument(
        "--videos",
        type=arguments.Existing,
        required=True,
        metavar="DIR",
        help="folder of the films",
    )


def instances(words: argparse.Namespace) -> int:
    """Runs `jaxsign corpus instances`."""
    from jaxsign.errors import UserError, listing
    from jaxsign.input.signs.corpora import instances as finding
    from jaxsign.input.signs.corpora import rows

    preset, out = _preset(words), Path(words.out)
    found = finding.find(Path(words.path), Path(words.videos), preset, _offsets(words.offsets))
    if found.problems and not words.skip:
        raise UserError(
            f"{words.path}: {len(found.problems)} problem(s) found before anything was written:\n"
            f"{listing(found.problems)}\nMend these, or leave them out with --skip."
        )
    if not found.rows:
        raise UserError(_none_left(words.path, words.preset, preset, found))
    for problem in found.problems:
        print(f"left out: {problem}")
    table = rows.write(out, rows.INSTANCES, found.rows, _absent(preset, "subset"))
    glosses = rows.write_glosses(out, rows.GLOSSES, (row.gloss for row in found.rows))
    _told(found.rows, f"{found.signs} in {found.files} annotations", table, glosses)
    return 0


def split(words: argparse.Namespace) -> int:
    """Runs `jaxsign corpus split`."""
    from jaxsign.input.signs.corpora import rows, sharing

    preset, out = _preset(words), Path(words.path)
    source = out / rows.INSTANCES
    read = rows.read(source)
    made = sharing.split(read, preset, source, seed=words.seed)
    table = rows.write(out, rows.SPLIT, made, _absent(preset, "EAF", "Signer"))
    glosses = rows.write_glosses(out, rows.SPLIT_GLOSSES, (row.gloss for row in made))
    _told(made, str(len(read)), table, glosses)
    counts = {name: sum(row.subset == name for row in made) for name in ("train", "val", "test")}
    print(", ".join(f"{name} {count}" for name, count in counts.items()))
    return 0


def cut(words: argparse.Namespace) -> int:
    """Runs `jaxsign corpus cut`; 2 if a sign has no clip."""
    from jaxsign.input.folders import progress
    from jaxsign.input.signs.corpora import cutting, rows
    from jaxsign.screen import Console

    tables, out = Path(words.path), Path(words.out)
    made = cutting.cut(
        tables / rows.SPLIT,
        tables / rows.SPLIT_GLOSSES,
        Path(words.videos),
        out,
        _preset(words),
        workers=words.workers,
        display=progress.Display("film", Console(highlight=False)),
    )
    good = len(made.rows) - len(made.failed)
    print(
        f"{made.made} clips cut; {good} of {len(made.rows)} signs have one: {out / cutting.SAMPLES}"
    )
    return 2 if made.failed else 0


def _preset(words: argparse.Namespace) -> "Preset":
    from jaxsign.input.signs.corpora import presets

    return presets.find(words.preset)


def _absent(preset: "Preset", *more: str) -> set[str]:
    """Columns that a table does not have."""
    return {"Signer", "Side"} - set(preset.columns) | set(more)


def _offsets(path: str | None) -> dict[str, int]:
    from jaxsign.errors import UserError
    from jaxsign.input import tables

    if path is None:
        return {}
    try:
        found = tables.read_json(Path(path))
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error})") from error
    good = isinstance(found, dict) and all(type(value) is int for value in found.values())
    if not good:
        raise UserError(f"{path}: expected {{name of an annotation: milliseconds}}")
    return dict(found)


def _none_left(path: str, name: str, preset: "Preset", found: "FoundSigns") -> str:
    from jaxsign.errors import listing

    most = ", ".join(f"{gloss!r} {count}" for gloss, count in found.counts[:3]) or "none at all"
    text = (
        f"{path}: of {found.signs} signs in {found.files} annotations none is left. Expected "
        f"glosses of at least {preset.minimum} signs; found, at most: {most}. A file .toml with "
        f"'base = \"{name}\"' and another 'minimum' takes fewer (docs/corpora.md)"
    )
    return f"{text}:\n{listing(found.problems)}" if found.problems else text


def _told(rows: list, of: str, *written: Path) -> None:
    glosses = len({row.gloss for row in rows})
    people = len({row.participant for row in rows})
    print(f"{len(rows)} signs of {of}, {glosses} glosses, {people} participants")
    print("\n".join(map(str, written)))
