"""The verb convert, and its older name export-data. What is heavy is imported when it runs."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxsign import arguments
from jaxsign.errors import UserError, listing
from jaxsign.sections.data import SPLITS

if TYPE_CHECKING:
    from jaxsign.input.signs import formats

_CONVERT = """\
Read clips in any known format and write them in another. The format of SRC is found out; that of
DST is `clips` (a file a clip), or `store` for a large collection. Nothing stands at DST before
everything is written. Clips that cannot be read are left out and told at the end; the exit status
is then 2.

Scenes (videos of boxes and relations) are converted too: folders with scenes.jsonl, COCO-like json
with relations, VidOR's and VidVRD's json, .scene.npz files, stores, Action Genome and EASG, --to
scenes (a folder with scenes.jsonl and classes.json, the default), --to scene_files or, for a large
collection, --to store (docs/scene_graphs.md).

With --config the clips that a recipe reads (recordings, archives, synthetic signs; of --split, else
train) are written in the format fslr, by class numbers: one .npz a clip with X, mask, timestamps_ms
and meta, and labels.csv. The original's tools and this project's recipes can use it.
"""
_EXPORT_EXAMPLES = """\
jaxsign export-data --config fslr_transformer:synthetic --split train --out data/synthetic
jaxsign export-data --config fslr_transformer --config.data.source=clips \\
    --config.data.val.path=recordings --split val --out data/val

The recipe's keys are set as --config.KEY=VALUE.
"""
_EXAMPLES = """\
jaxsign convert asl-signs --out data/asl.store --to store
jaxsign convert data/asl.store --out data/val_clips --split val
jaxsign convert recordings --out data/fslr --to fslr --parquet
jaxsign convert 1007000.parquet --out hello.clip.npz
jaxsign convert --config fslr_transformer:synthetic --to fslr --split val --out data/val
jaxsign convert vidor/annotation --every 15 --out data/vidor
jaxsign convert data/action_genome --out data/ag.store --to store --float16

The recipe's keys are set as --config.KEY=VALUE.
"""


def add_convert(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign convert`."""
    verb = arguments.add_verb(
        verbs,
        "convert",
        "convert clips or scenes between formats, or into a store for large collections",
        _CONVERT,
        _EXAMPLES,
    )
    verb.add_argument(
        "source",
        metavar="SRC",
        type=arguments.Existing,
        nargs="?",
        help="folder, store or file to read",
    )
    _add_recipe(verb, required=False)
    verb.add_argument(
        "--out",
        required=True,
        metavar="DST",
        type=Path,
        help="new folder; or, for one clip, a file such as x.clip.npz, x.pose or x.parquet",
    )
    verb.add_argument(
        "--from", dest="source_format", metavar="FORMAT", help="format of SRC (default: found out)"
    )
    verb.add_argument(
        "--to", default="auto", metavar="FORMAT", help="format to write (default: auto)"
    )
    verb.add_argument(
        "--formats", action=_ShowFormats, nargs=0, help="show the formats and what they look like"
    )
    arguments.add_person(verb)
    arguments.add_source_fps(verb)
    verb.add_argument("--split", nargs="+", choices=SPLITS, help="only clips of these splits")
    bad = verb.add_mutually_exclusive_group()
    bad.add_argument(
        "--strict", action="store_true", help="stop at the first bad clip and write nothing"
    )
    bad.add_argument("--skip", action="store_true", help="bad clips do not change the exit status")
    _add_of_formats(verb)
    arguments.add_encoding(verb)
    verb.set_defaults(run=convert, overrides=True, rest=(), error=verb.error)


def _add_of_formats(verb: argparse.ArgumentParser) -> None:
    """What some formats alone take."""
    verb.add_argument(
        "--float16",
        action="store_true",
        help="store: landmarks, or the union features of scenes, rounded to half the size",
    )
    verb.add_argument(
        "--confidence",
        type=float,
        metavar="P",
        help="fslr: visibility from which a pose point counts as seen (default: 0.5)",
    )
    verb.add_argument(
        "--max-gap",
        type=int,
        metavar="FRAMES",
        help="fslr: longest gap that is interpolated (default: 5)",
    )
    verb.add_argument(
        "--every",
        type=arguments.positive,
        metavar="N",
        help="scenes of coco and vidor: take one frame in N (default: every frame)",
    )
    verb.add_argument(
        "--classes",
        type=arguments.Existing,
        metavar="FILE",
        help="scenes of coco and vidor: classes.json of another set, to have the same classes",
    )
    verb.add_argument("--parquet", action="store_true", help="fslr: also write parquet files")
    verb.add_argument(
        "--postprocessed",
        action="store_true",
        help="signon: also write mediapipe_post/joints, the normalised points of its generation A",
    )
    verb.add_argument(
        "--aspect",
        type=float,
        metavar="H/W",
        help="signon: height / width of the films for these (default: as the clips tell)",
    )


def add_export_data(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign export-data`, which is `convert --config RECIPE --to fslr`."""
    about = "write a recipe's clips as an FSLR folder"
    verb = arguments.add_verb(verbs, "export-data", about, _CONVERT, _EXPORT_EXAMPLES)
    _add_recipe(verb, required=True)
    verb.add_argument("--split", nargs=1, choices=SPLITS, help="default: train")
    verb.add_argument("--out", required=True, metavar="DIR", type=Path, help="folder to write")
    verb.set_defaults(run=_export, overrides=True, rest=())


def _add_recipe(verb: argparse.ArgumentParser, *, required: bool) -> None:
    verb.add_argument(
        "--config",
        required=required,
        metavar="FILE[:ARG]",
        help="recipe whose clips are written: a file, or the name of a shipped one",
    )
    verb.add_argument(
        "--find-occluded",
        action="store_true",
        help="of a recipe: find clips with a hand in front of the face, for the column occluded",
    )


class _ShowFormats(argparse.Action):
    """Prints the formats and ends, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from jaxsign.input.scenes import kinds
        from jaxsign.input.signs import formats

        for name in formats.names():
            found = formats.get(name)
            how = "read, write" if found.writer else "read only"
            print(f"{name:<14} {how:<12} {found.looks}")
        print("\nScenes:")
        for name, kind in kinds.KINDS.items():
            how = "read, write" if name in kinds.WRITTEN else "read only"
            print(f"{name:<14} {how:<12} {kind.looks}")
        parser.exit()


def convert(words: argparse.Namespace) -> int:
    """Runs `jaxsign convert`; 2 if clips were left out."""
    from jaxsign.input.folders import progress
    from jaxsign.input.signs import formats

    if words.rest and not words.config:
        words.error(f"unknown arguments: {' '.join(words.rest)}")
    if (words.source is None) == (words.config is None):
        raise UserError("Give SRC, or the recipe whose clips are to be written: --config RECIPE")
    if words.config:
        return _convert_recipe(words)
    if words.find_occluded:
        raise UserError("--find-occluded goes with --config RECIPE: give that, or leave it out")
    source = Path(words.source)
    if (kind := _kind_of_scenes(source, words.source_format)) is not None:
        return _convert_scenes(words, kind)
    scenes = {"--every": words.every, "--classes": words.classes}
    _refuse(scenes, "it is of scenes, and these are clips of signs. Leave it out")
    collection = formats.open_collection(
        source, words.source_format, person=words.person, fps=words.source_fps
    )
    formats.check_beside(source, words.out)
    if words.split:
        collection = _of_splits(collection, words.split)
    if not len(collection) and not collection.problems:
        raise UserError(f"{source}: holds no clips")
    with progress.Bar("writing", len(collection)) as bar:
        options = _options(words) | {"strict": words.strict, "on_clip": bar.step}
        written = formats.write_collection(collection, words.out, words.to, **options)
    _summarise(collection, written)
    return 2 if written.skipped and not words.skip else 0


def _kind_of_scenes(source: Path, asked: str | None) -> str | None:
    """The kind of scenes that a path holds, if it does."""
    from jaxsign.input.scenes import kinds

    return (asked if asked in kinds.KINDS else None) if asked else kinds.of_path(source) or None


def _convert_scenes(words: argparse.Namespace, kind: str) -> int:
    from jaxsign.input.scenes import kinds, layout, writing
    from jaxsign.input.signs import formats

    others = {"--confidence": words.confidence, "--max-gap": words.max_gap}
    others |= {"--parquet": words.parquet}
    others |= {"--person": words.person or None, "--source-fps": words.source_fps or None}
    others |= {"--postprocessed": words.postprocessed, "--aspect": words.aspect}
    _refuse(others, "it is of clips of signs, and these are scenes. Leave it out")
    source = Path(words.source)
    formats.check_beside(source, words.out)
    classes = layout.classes(Path(words.classes)) if words.classes else None
    collection = kinds.opened(source, kind, classes, words.every or 1)
    if words.split:
        collection = collection.of_splits(words.split)
    options = {"strict": words.strict, "float16": words.float16}
    written = writing.write(collection, words.out, words.to, **options)
    videos = f"{written.count} video{'' if written.count == 1 else 's'}"
    print(f"{words.out}: {videos} as {written.kind} (from {kind})")
    _tell(written.losses, written.skipped)
    return 2 if written.skipped and not words.skip else 0


def _convert_recipe(words: argparse.Namespace) -> int:
    others = {"--from": words.source_format, "--strict": words.strict, "--parquet": words.parquet}
    others |= {"--float16": words.float16, "--confidence": words.confidence, "--skip": words.skip}
    others |= {"--person": words.person or None, "--source-fps": words.source_fps or None}
    others |= {"--postprocessed": words.postprocessed, "--aspect": words.aspect}
    others |= {"--max-gap": words.max_gap, f"--to {words.to}": words.to not in ("auto", "fslr")}
    others |= {"--every": words.every, "--classes": words.classes}
    _refuse(
        others,
        "a recipe's clips are written in the format fslr, as its data and view say. Leave that "
        "out, or convert the files: jaxsign convert SRC",
    )
    return _export(words)


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Refuses those of the options that were given."""
    for name, given in options.items():
        if given is not None and given is not False:
            raise UserError(f"{name}: {why}")


def _export(words: argparse.Namespace) -> int:
    from jaxsign import config as configs
    from jaxsign.input.signs import exporting

    splits = words.split or ["train"]
    if len(splits) > 1:
        raise UserError(
            f"--split {' '.join(splits)}: one folder of fslr holds one split of a recipe"
        )
    config = configs.load(words.config, words.rest)
    count = exporting.export_data(config, splits[0], words.out, find_occluded=words.find_occluded)
    print(f"{words.out}: {count} clips and {exporting.LABELS}")
    return 0


def _of_splits(collection: "formats.Collection", splits: list[str]) -> "formats.Collection":
    rows = [i for i, entry in enumerate(collection.entries) if entry.split in splits]
    if not rows:
        found = sorted({entry.split or "no split" for entry in collection.entries})
        raise UserError(
            f"{collection.name}: has no clips of {', '.join(splits)}; it has {', '.join(found)}"
        )
    return collection.part(rows)


def _options(words: argparse.Namespace) -> dict[str, Any]:
    """What was asked for; a format that has no such option says so."""
    given = {"confidence": words.confidence, "max_gap": words.max_gap}
    given |= {"postprocessed": words.postprocessed or None, "aspect": words.aspect}
    given |= {"parquet": words.parquet or None, "dtype": "float16" if words.float16 else None}
    return {name: value for name, value in given.items() if value is not None}


def _summarise(collection: "formats.Collection", written: "formats.Written") -> None:
    clips = f"{written.count} clip{'' if written.count == 1 else 's'}"
    print(f"{written.out}: {clips} in format {written.format} (from {collection.format})")
    _tell(written.losses, written.skipped)


def _tell(losses: Sequence[str], skipped: Sequence[str]) -> None:
    for loss in losses:
        print(f"  note: {loss}")
    if skipped:
        print(f"{len(skipped)} left out:\n{listing(skipped)}", file=sys.stderr)
