"""What lies beside the files: deploy.json and example.py."""

from typing import TypedDict

import jax

import jaxsign
from jaxsign import shipped
from jaxsign.infer import run as runs
from jaxsign.infer.deploy.formats import FileFormat
from jaxsign.infer.deploy.program import LANDMARKS, Deployed, Program, Shapes
from jaxsign.input.signs.views import View
from jaxsign.nets import fingerprint

DESCRIPTION, EXAMPLE, SAMPLE = "deploy.json", "example.py", "sample.npz"
_ORDER = (
    "landmarks float32 [frames, 543, 3] of MediaPipe Holistic, NaN where not detected; x and y are "
    "fractions of the image's width and height from its top left corner, z as MediaPipe gives it. "
    "Order of the points: face 0-467, left hand 468-488, pose 489-521, right hand 522-542"
)
_PADDED = (
    "a clip goes to the first file of at least its frames; frames behind it are zeros, and valid "
    "[1, frames] is true for the clip's own. Of a clip of more frames than the last file has, its "
    "first ones are taken"
)
_EXACT = (
    "a file is right for clips of exactly its frames, as padding would change what the net says; "
    "valid [1, frames] is true everywhere"
)
_TEMPLATE = '''\
"""Asks the files beside this one about a clip, without jaxsign: needs {runs_with}.

    python example.py [CLIP.npz]

CLIP.npz holds {name} {dtype} [frames, {shape}]; without it
the made-up clip of sample.npz is asked about.
"""

import json
import sys
from pathlib import Path

import numpy as np

here = Path(__file__).parent
about = json.loads((here / "deploy.json").read_text(encoding="utf-8"))
labels, files = about["labels"], about["files"]
path = sys.argv[1] if sys.argv[1:] else here / "sample.npz"
stored = np.load(path)
if "{name}" not in stored:
    sys.exit(
        f"{{path}} holds {{', '.join(stored)}}, not {name} {dtype} [frames, {shape}]: "
        f"{{about['view']['input']}}"
    )
clip = stored["{name}"]
frames = min(len(clip), files[-1]["frames"])
chosen = next(one for one in files if one["frames"] >= frames)
{other}padded = np.zeros((1, chosen["frames"], *clip.shape[1:]), np.{dtype})
padded[0, :frames] = clip[:frames]
inputs = {{"{name}": padded, "valid": np.arange(chosen["frames"])[None] < frames}}
{more}file = here / chosen["name"]

{asks}
{tells}'''
_REFUSE = (
    'if len(clip) != chosen["frames"]:\n    sys.exit(f"expected a clip of {chosen[\'frames\']} '
    'frames, found {len(clip)}")\n'
)
_CUT = (
    'if len(clip) > frames:\n    print(f"of {len(clip)} frames only the first {frames} are asked '
    'about", file=sys.stderr)\n'
)
_LANGUAGE = 'inputs["language"] = np.array([{}], np.int32)  # the clip\'s, from 0\n'


class ArrayAbout(TypedDict):
    """Shape and type of what a file takes or gives."""

    shape: list[int]
    dtype: str


class FileAbout(TypedDict):
    """One of the files.

    Attributes:
      name: in the folder.
      frames: of its input.
      sha256: of its bytes.
      inputs, outputs: name -> shape and type.
    """

    name: str
    frames: int
    sha256: str
    inputs: dict[str, ArrayAbout]
    outputs: dict[str, ArrayAbout]


class ViewAbout(TypedDict):
    """What happens to a clip before the net.

    Attributes:
      name: of the view; "" = there is none.
      inside: whether the file does it.
      input: what the file takes, in words.
      options: of the view.
      length: frames that it makes of every clip; 0 = as many as there are.
      frame_rate: that it makes; 0 = as it is.
      made_of, description: what it takes and what it does, in words.
    """

    name: str
    inside: bool
    input: str
    options: dict[str, object]
    length: int
    frame_rate: float
    made_of: str
    description: str


class FolderAbout(TypedDict):
    """What deploy.json says; entries of the task stand beside these.

    Attributes:
      jaxsign: its version.
      format, runs_with: of the files.
      made_with: packages -> their versions.
      weights: kind of weights.
      net, checkpoint, checkpoint_sha256, licence: of the run.
      takes: `program.LANDMARKS` or `program.FEATURES`.
      input: what a clip's array is called.
      labels: names of the classes by head.
      view: what happens to a clip before the net.
      padding: how a clip comes to a file's frames, in words.
      notes: what whoever reads the outputs must know.
      files: by frames, ascending.
    """

    jaxsign: str
    format: str
    runs_with: str
    made_with: dict[str, str]
    weights: str
    net: str
    checkpoint: str
    checkpoint_sha256: str
    licence: str
    takes: str
    input: str
    labels: dict[str, list[str]]
    view: ViewAbout
    padding: str
    notes: list[str]
    files: list[FileAbout]


def of_file(program: Program, name: str, digest: str) -> FileAbout:
    """What deploy.json says of one file."""
    return {
        "name": name,
        "frames": program.frames,
        "sha256": digest,
        "inputs": _shapes(program.inputs),
        "outputs": _shapes(program.outputs),
    }


def of_all(made: Deployed, form: FileFormat, files: list[FileAbout]) -> FolderAbout:
    """What deploy.json says of all files."""
    run = made.run
    exact = run.net.padding_counts
    return {
        "jaxsign": jaxsign.__version__,
        "format": form.name,
        "runs_with": form.runs_with,
        "made_with": form.made_with,
        "weights": made.kind,
        "net": run.config.net.name,
        "checkpoint": run.which,
        "checkpoint_sha256": fingerprint.fingerprint(run.variables),
        "licence": shipped.read(run.workdir.name).licence if shipped.is_one(run.workdir) else "",
        "takes": made.takes,
        "input": made.input_name,
        "labels": _labels(run),
        "view": _view(made, files[-1]),
        "padding": _EXACT if exact else _PADDED,
        "notes": [*made.alone.notes],
        "files": files,
    }


def example(made: Deployed, form: FileFormat, about: FolderAbout) -> str:
    """The text of example.py."""
    inputs = about["files"][-1]["inputs"]
    return _TEMPLATE.format(
        runs_with=form.runs_with,
        name=made.input_name,
        dtype=inputs[made.input_name]["dtype"],
        shape=", ".join(map(str, inputs[made.input_name]["shape"][2:])),
        other=_REFUSE if made.run.net.padding_counts else _CUT,
        more=_LANGUAGE.format(made.run.language or 0) if "language" in inputs else "",
        asks=form.asks,
        tells=made.alone.tells,
    )


def _view(made: Deployed, file: FileAbout) -> ViewAbout:
    view, net = made.run.view, made.run.net
    missing = "NaN marks what was not seen" if net.takes_nan else "no NaN: what is missing is 0"
    shape = " x ".join(map(str, file["inputs"][made.input_name]["shape"][2:]))
    if view is None:
        return {
            "name": "",
            "inside": False,
            "input": f"stored features x, {shape}; {missing}",
            "options": {},
            "length": 0,
            "frame_rate": 0.0,
            "made_of": "stored features",
            "description": "",
        }
    inside = made.takes == LANDMARKS
    return {
        "name": view.name,
        "inside": inside,
        "input": _ORDER if inside else f"what the view makes of a clip, x, {shape}; {missing}",
        "options": {name: _plain(value) for name, value in view.options.items()},
        "length": view.length or view.own_length,
        "frame_rate": view.rate,
        "made_of": _made_of(view),
        "description": view.description,
    }


def _made_of(view: View) -> str:
    if view.film_files is not None:
        return "pictures of a film"
    return _ORDER if view.looks_at else "points of its own, as the description tells"


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _labels(run: runs.Run) -> dict[str, list[str]]:
    """Names of the classes by head; numbers where there are none."""
    counts = {head: int(run.config.net[f"num_{head}"]) for head in run.heads}
    return {head: list(run.labels.get(head) or map(str, range(n))) for head, n in counts.items()}


def _shapes(shapes: Shapes) -> dict[str, ArrayAbout]:
    return {
        name: {"shape": list(one.shape), "dtype": str(jax.numpy.dtype(one.dtype))}
        for name, one in shapes.items()
    }
