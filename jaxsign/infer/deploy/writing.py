"""A run -> a folder of files that run without jaxsign."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.infer.deploy import description, formats, program
from jaxsign.input import files as npz_files
from jaxsign.input.signs import clip_examples
from jaxsign.whole import whole, write_json, write_text


def deploy(
    run: runs.Run,
    out: Path,
    name: str,
    *,
    takes: str = "",
    kind: str = "float32",
    lengths: Sequence[int] = (),
) -> list[Path]:
    """Writes a run into an empty folder: a file for every length, and what tells how to use them.

    deploy.json comes last: a folder without it is not whole.

    Args:
      run: a loaded run.
      out: the folder.
      name: of the format.
      takes: `program.LANDMARKS`, `program.FEATURES`; "" = landmarks where the view allows it.
      kind: of weights, one of `weights.KINDS`.
      lengths: frames that files are made for; () = the run's buckets.

    Returns:
      The files.

    Raises:
      UserError: `out` holds something, a package is missing, or the run does not go into the
        format.
    """
    form = formats.get(name)
    form.check()
    check_empty(out)
    if kind not in form.weights:
        raise UserError(
            f"--weights {kind}: files of --format {name} hold {', '.join(form.weights)} here. "
            "Leave it out, or choose another format"
        )
    made = program.of_run(run, takes, kind)
    paths, about = [], []
    for frames in program.lengths(run, list(lengths)):
        one = made.program(frames)
        content = _content(form, one, run)
        path = out / f"{frames}{form.suffix}"
        with whole(path) as draft:
            draft.write_bytes(content)
        paths.append(path)
        digest = hashlib.sha256(content).hexdigest()
        about.append(description.of_file(one, path.name, digest))
    # JAX keeps what it traced inside of nets, in the forms that files have: the run has its own.
    jax.clear_caches()
    _write_sample(made, about[-1]["frames"], out)
    told = description.of_all(made, form, about)
    write_text(out / description.EXAMPLE, description.example(made, form, told))
    write_json(out / description.DESCRIPTION, {**told, **made.alone.about})
    return paths


def check_empty(out: Path) -> None:
    """Refuses a folder that holds something.

    Raises:
      UserError: names what it found.
    """
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if found:
        raise UserError(
            f"--out {out}: holds {', '.join(found[:5])}{' ...' if found[5:] else ''}. Files of an "
            "older run would stay among the new ones: give an empty or a new folder (to check "
            "what lies there, leave --format out and give --check)"
        )


def _content(form: formats.FileFormat, one: program.Program, run: runs.Run) -> bytes:
    try:
        return form.content(one)
    except formats.Unwritable as error:
        others = [name for name in formats.names() if name != form.name]
        raise UserError(
            f"net {run.config.net.name} of {run.workdir} cannot be written as {form.name}: {error}"
            f". Take another format: {', '.join(others)}"
        ) from error


def _write_sample(made: program.Deployed, frames: int, out: Path) -> None:
    """A made-up clip, and what the run says of it: to try the files with."""
    short = frames if made.run.net.padding_counts else max(frames - 2, 1)
    clip = program.probe(made, short)
    features = clip
    if made.takes == program.LANDMARKS:
        assert made.run.view is not None, "landmarks are taken where a view is inside"
        features = np.asarray(made.run.view.of_arrays(clip), np.float32)
    batch = clip_examples.pad([features], frames, features)
    # In the language that example.py has, where a net is told one.
    said = asking.Asker(made.run).ask({**made.given(batch, None), **batch})
    outputs = {f"said_{name}": np.asarray(said[own]) for name, own in made.alone.outputs.items()}
    npz_files.write_npz(out / description.SAMPLE, {made.input_name: clip, **outputs})
