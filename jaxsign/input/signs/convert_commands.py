"""The verb convert. What is heavy to import is imported when it runs."""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxsign import arguments
from jaxsign.errors import UserError, listing

_CONVERT = """\
Read clips in any known format and write them in another. The format of SRC is found out; that of
DST is `clips` (a file a clip), or `store` for a large collection. Nothing stands at DST before
everything is written. Clips that cannot be read are left out and told at the end; the exit status
is then 2.
"""
_EXAMPLES = """\
jaxsign convert asl-signs --out data/asl.store --to store
jaxsign convert data/asl.store --out data/val_clips --split val
jaxsign convert recordings --out data/fslr --to fslr --parquet
jaxsign convert 1007000.parquet --out hello.clip.npz
"""


def add_convert(verbs: Any) -> None:
    """Adds `jaxsign convert`."""
    verb = arguments.add_verb(
        verbs,
        "convert",
        "convert clips between formats, or into a store for large collections",
        _CONVERT,
        _EXAMPLES,
    )
    verb.add_argument("source", metavar="SRC", type=Path, help="folder, store or file to read")
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
    verb.add_argument(
        "--split", nargs="+", choices=("train", "val", "test"), help="only clips of these splits"
    )
    bad = verb.add_mutually_exclusive_group()
    bad.add_argument(
        "--strict", action="store_true", help="stop at the first bad clip and write nothing"
    )
    bad.add_argument("--skip", action="store_true", help="bad clips do not change the exit status")
    verb.add_argument(
        "--float16", action="store_true", help="store: landmarks rounded to half the size"
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
    verb.add_argument("--parquet", action="store_true", help="fslr: also write parquet files")
    verb.set_defaults(run=convert)


class _ShowFormats(argparse.Action):
    """Prints the formats and ends, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from jaxsign.input.signs import formats

        for name in formats.names():
            found = formats.get(name)
            how = "read, write" if found.writer else "read only"
            print(f"{name:<12} {how:<12} {found.looks}")
        parser.exit()


def convert(words: argparse.Namespace) -> int:
    """Runs `jaxsign convert`; 2 if clips were left out."""
    from jaxsign.input.folders import progress
    from jaxsign.input.signs import formats

    collection = formats.open_collection(words.source, words.source_format)
    formats.check_beside(words.source, words.out)
    if words.split:
        collection = _of_splits(collection, words.split)
    if not len(collection) and not collection.problems:
        raise UserError(f"{words.source}: holds no clips")
    with progress.Bar("writing", len(collection)) as bar:
        options = _options(words) | {"strict": words.strict, "on_clip": bar.step}
        written = formats.write_collection(collection, words.out, words.to, **options)
    _summarise(collection, written)
    return 2 if written.skipped and not words.skip else 0


def _of_splits(collection: Any, splits: list[str]) -> Any:
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
    given |= {"parquet": words.parquet or None, "dtype": "float16" if words.float16 else None}
    return {name: value for name, value in given.items() if value is not None}


def _summarise(collection: Any, written: Any) -> None:
    clips = f"{written.count} clip{'' if written.count == 1 else 's'}"
    print(f"{written.out}: {clips} in format {written.format} (from {collection.format})")
    for loss in written.losses:
        print(f"  note: {loss}")
    if written.skipped:
        print(f"{len(written.skipped)} left out:\n{listing(written.skipped)}", file=sys.stderr)
