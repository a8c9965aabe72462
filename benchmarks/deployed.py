"""Files that run without jaxsign, beside the run or net inside Python: tables of docs/deploy.md.

    python -m benchmarks.deployed --data DIR    # model:traduttore33 on its test clips in DIR
    python -m benchmarks.deployed [--nets NAME ...]    # nets of random weights in published sizes

Prints Markdown; times are medians of one clip, both sides in turn.
"""

import argparse
import dataclasses
import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from benchmarks import timing
from jaxsign import nets, runtime
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.deploy import checking, formats, program, writing

MODEL = "model:traduttore33"
_PICTURE = 224  # pixels
_INSIDE = "in Python"


@dataclasses.dataclass(frozen=True)
class Case:
    """A net and the clips that it is asked about.

    Attributes:
      net: its name.
      frames: of a clip.
      pictures: it is given those, in place of their features.
    """

    net: str
    frames: int = 64
    pictures: bool = False


CASES = {
    "sign_transformer": Case("sign_transformer"),
    "iv3_gru on features": Case("iv3_gru"),
    "asl_hybrid": Case("asl_hybrid"),
    "poseformer": Case("poseformer"),
    "ptn": Case("ptn"),
    "vtn on features": Case("vtn", 16),
    "vtn with its image net": Case("vtn", 16, pictures=True),
    "whisper_sign to CTC": Case("whisper_sign", 240),
}


def asked(
    net: nets.Net, frames: int, real: int, *, pictures: bool = False
) -> tuple[program.Program, dict[str, np.ndarray]]:
    """A file's program of a net with random weights, and what it is asked.

    Args:
      net: the net.
      frames: of the file.
      real: of the clip.
      pictures: the clip's frames are such.
    """
    rng = np.random.default_rng(0)
    if pictures:
        x = rng.integers(0, 256, (1, frames, _PICTURE, _PICTURE, 3), np.uint8)
    else:
        x = rng.random((1, frames, *net.frame_shape), np.float32)
    batch = {"valid": np.arange(frames)[None] < real, "x": x}
    tokens = {"tokens": np.zeros((1, 1), np.int32)}
    rows = [{**batch, **tokens}.get(field) for field in net.inputs]
    shapes = jax.eval_shape(net.init, jax.random.key(0), *rows)
    found = jax.tree_util.tree_map_with_path(functools.partial(_drawn, rng), shapes)
    variables = {key: tree for key, tree in found.items() if key != "intermediates"}

    def function(arrays: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
        outputs = nets.call(net, variables, arrays)
        if "logits" in net.outputs:
            return dict(nets.logits_of(outputs))
        return {key: outputs[key] for key in ("ctc_log_probs", "output_valid")}

    inputs = {key: jax.ShapeDtypeStruct(a.shape, a.dtype) for key, a in batch.items()}
    return program.Program(frames, inputs, function), batch


def _drawn(
    rng: np.random.Generator, path: Sequence[object], leaf: jax.ShapeDtypeStruct
) -> np.ndarray:
    """Around 0, as large as layers of this width have them; variances are not below 0."""
    if "var" in str(path[-1]):
        return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
    width = max(1, int(np.prod(leaf.shape[:-1])))
    return rng.standard_normal(leaf.shape, np.float32) / np.float32(np.sqrt(width))


def of_net(name: str, rounds: int, folder: Path) -> list[str]:
    """The cells of a net's row: difference from JAX and time of every format, and JAX's time."""
    case = CASES[name]
    net = nets.build(case.net, num_gloss=100)
    one, batch = asked(net, case.frames, case.frames, pictures=case.pictures)
    files = {}
    for form in map(formats.get, formats.names()):
        path = folder / f"file{form.suffix}"
        path.write_bytes(form.content(one))
        files[form.name] = form.opened(path)
        jax.clear_caches()  # as `writing.deploy` does: of forms that this format has
    with jax.default_matmul_precision("highest"):
        inside = jax.jit(one.function).lower(batch).compile()
    wanted = {key: np.asarray(value) for key, value in inside(batch).items()}
    sides: dict[str, timing.Run] = {
        label: functools.partial(ask, batch) for label, ask in files.items()
    }
    sides[_INSIDE] = lambda: jax.block_until_ready(inside(batch))
    times = timing.alternate(sides, rounds=rounds)
    cells = [f"{name}, {case.frames}"]
    for label, ask in files.items():
        said = ask(batch)
        # As float32: what tells which frames are real is bool.
        apart = max(float(np.abs(np.float32(said[key]) - wanted[key]).max()) for key in wanted)
        cells.append(f"{apart:.1e}, {_ms(times[label].median)}")
    return [*cells, _ms(times[_INSIDE].median)]


def of_model(data: Path, name: str, kind: str, folder: Path) -> list[str]:
    """The cells of a format's row: what `jaxsign deploy --check` says."""
    run = runs.load_run(MODEL, "best")
    files = writing.deploy(run, folder, name, kind=kind)
    found = checking.check(run, folder, checking.clips(run, "test", data))
    ((own, runs_own),) = found.right.values()
    return [
        f"{name}, {kind}",
        f"{max(path.stat().st_size for path in files) / 1e6:.1f} MB",
        f"{found.alike} of {found.clips}",
        f"{max(found.differences.values()):.2g}",
        f"{own}, {runs_own} by the run",
        " / ".join(map(_ms, found.seconds)),
    ]


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms"


def _print(head: Sequence[str], rows: Sequence[Callable[[Path], list[str]]]) -> None:
    """A table, line by line as they are made, each in a folder of its own."""
    for cells in (head, ["---"] * len(head)):
        print(f"| {' | '.join(cells)} |", flush=True)
    for row in rows:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {' | '.join(row(Path(folder)))} |", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Deployed files beside jaxsign.", allow_abbrev=False
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"the clips of {MODEL}")
    parser.add_argument("--nets", nargs="+", choices=CASES, metavar="NAME", help="some alone (all)")
    parser.add_argument("--rounds", type=int, default=20, help="of timing nets (20)")
    words = parser.parse_args(argv)
    runtime.quiet()
    try:
        if words.data:
            head = ["format, weights", "file", "same answers", "largest difference", "right"]
            kinds = [(name, kind) for name in formats.names() for kind in formats.get(name).weights]
            rows = [functools.partial(of_model, words.data, *row) for row in kinds]
            _print([*head, "one clip, file / in Python"], rows)
        else:
            chosen = [functools.partial(of_net, name, words.rounds) for name in words.nets or CASES]
            _print(["net, frames", *formats.names(), _INSIDE], chosen)
    except UserError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
