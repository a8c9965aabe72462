"""The verb `jaxsign embed`. What is heavy to import is imported when it runs."""

import argparse

from jaxsign import arguments
from jaxsign.infer import run_folder

_TEXT = """\
Writes what a run's net makes of clips: one float32 .npy a clip, in a tree like that of the clips.
Clips are what `jaxsign predict` takes: arrays, recorded landmarks in any format, or films with
MediaPipe's model files.

Kinds: spatial and temporal [T, E] (every frame, as it enters and leaves the transformer), cls [E],
embedding [E], logits and probabilities [classes], as far as the net has them. With --window the
arrays have one axis more, the windows; NaN fills up the last one. A run that was stopped goes on
with the same command. DIR/embed.csv tells what became of every clip. The exit status is 0 when
every clip has its file and 2 when some failed.
"""
_EXAMPLES = """\
jaxsign embed --workdir runs/ngt clips --out embeddings --kind temporal
jaxsign embed --workdir runs/ngt films --out windows --kind cls --window 32 --stride 16 \\
    --model models/holistic_landmarker.task
"""


def add_embed(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign embed`."""
    from jaxsign.input.signs.extract import commands as extracting

    verb = arguments.add_verb(
        verbs, "embed", "what a run's net makes of clips, as arrays", _TEXT, _EXAMPLES
    )
    run_folder.add_run(verb)
    run_folder.add_clips(verb)
    verb.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    verb.add_argument(
        "--kind",
        required=True,
        metavar="KIND",
        help="spatial, temporal, cls, embedding, logits, probabilities, or another of the net's "
        "outputs",
    )
    verb.add_argument(
        "--window", type=arguments.positive, default=0, metavar="N", help="frames (the whole clip)"
    )
    verb.add_argument(
        "--stride",
        type=arguments.positive,
        default=0,
        metavar="N",
        help="frames from one window to the next (a window)",
    )
    run_folder.add_language(verb)
    run_folder.add_batch_size(verb)
    verb.add_argument("--overwrite", action="store_true", help="make all files anew")
    arguments.add_person(verb)
    extracting.add_models(verb)
    extracting.add_frames(verb)
    arguments.add_encoding(verb)
    verb.set_defaults(run=embed)


def embed(words: argparse.Namespace) -> int:
    """Runs `jaxsign embed`; 2 if a clip has no file."""
    import contextlib
    from pathlib import Path

    from jaxsign.infer.embed import folder
    from jaxsign.input.signs.extract import commands, libraries

    finder = commands.finder(words)
    with libraries.hushed() if finder else contextlib.nullcontext():
        failed = folder.embed(
            words.workdir,
            words.input,
            Path(words.out),
            words.kind,
            window=words.window,
            stride=words.stride,
            language=words.language,
            which=words.which,
            batch_size=words.batch_size,
            finder=finder,
            person=words.person,
            fps=words.source_fps,
            overwrite=words.overwrite,
        )
    return 2 if failed else 0
