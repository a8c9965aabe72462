"""Scene graphs of what a detector finds in made-up videos, beside those of true boxes.

    python -m benchmarks.found_scenes --detector runs/made-up --out runs/found

Videos of `data.synthetic_scenes` are drawn into a folder. `jaxsign detect` looks at them twice: at
true boxes (predcls), and for boxes of its own (sgdet). `sttran:scenes` is trained on both, and
tells relations of the validation videos, which the detector has not learnt from. What lies around
pairs is kept in float16; the run that learnt from true boxes is also asked with these features in
float32. What is done already is not done again.
"""

import argparse
import dataclasses
import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
from ml_collections import ConfigDict
from rich.table import Table

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.input.scenes import kinds, layout, rendered, synthetic, writing
from jaxsign.input.scenes.collection import NamedScene, SceneCollection
from jaxsign.input.scenes.scene import Scene
from jaxsign.screen import Console
from jaxsign.sections.data import SPLITS

_MODES = {"predcls": "true", "sgdet": "found"}  # and what the table calls their boxes
_CUTS = "R@10", "R@20", "R@50"
_SHOWN = {"recall": "", "mean_recall": "m"}


def draw(options: ConfigDict, folder: Path) -> None:
    """Made-up videos in the open layout, frames as PNG.

    Args:
      options: `config.data.synthetic_scenes`.
      folder: a new one.
    """
    made = [(split, one) for split in SPLITS[:2] for one in synthetic.scenes(options, split)]
    videos = tuple(
        NamedScene(one.source, split, functools.partial(_bare, one)) for split, one in made
    )
    found = SceneCollection(
        "made-up videos", kinds.SCENES, synthetic.words(options.objects), videos
    )
    writing.write(found, folder, kinds.SCENES)
    for _, one in made:
        for number, name in enumerate(one.frames):
            path = folder / layout.PICTURES / name
            path.parent.mkdir(parents=True, exist_ok=True)
            PIL.Image.fromarray(rendered.frame(one, number)).save(path)


def _bare(one: Scene) -> Scene:
    """A scene as annotators write it: without features, its labelled pairs alone."""
    kept = np.flatnonzero(one.labelled)
    return dataclasses.replace(
        one, features=None, union_features=None, distribution=None, pairs=one.pairs[kept],
        pair_frames=one.pair_frames[kept], relations=one.relations[kept],
        labelled=one.labelled[kept],
    )  # fmt: skip


def _run(*words: str | Path) -> None:
    print("jaxsign", *words, flush=True)
    subprocess.run([sys.executable, "-m", "jaxsign", *map(str, words)], check=True)


def main() -> None:
    """Draws, detects, trains and evaluates, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", required=True, type=Path, help="run of faster_rcnn:synthetic")
    parser.add_argument("--out", required=True, type=Path, help="folder of all that is made")
    parser.add_argument("--videos", type=int, default=96)
    parser.add_argument("--val-videos", type=int, default=24)
    asked = parser.parse_args()
    data = configs.load("faster_rcnn:synthetic").data.synthetic_scenes
    # Other videos than those that the detector has learnt from.
    data.update(videos=asked.videos, val_videos=asked.val_videos, seed=data.seed + 1)
    if not (drawn := asked.out / "videos").exists():
        draw(data, drawn)
    table = Table(title=f"validation videos, with constraint (%): {runtime.processor()}")
    names = [f"{prefix}{cut}" for prefix in _SHOWN.values() for cut in _CUTS]
    for name in ("boxes", *names):
        table.add_column(name, justify="right")
    for mode, boxes in _MODES.items():
        scenes, run = _scenes(asked, drawn, mode), asked.out / f"run_{mode}"
        words = f"--config.data.train.path={scenes}", f"--config.net.mode={mode}"
        _run("train", "--config", "sttran:scenes", "--workdir", run, *words)
        table.add_row(boxes, *_told(run, run / "val"))
    exact = _scenes(asked, drawn, "predcls", "--float32")
    run = asked.out / "run_predcls"
    table.add_row("true, asked in float32", *_told(run, run / "val_float32", "--data", exact))
    Console().print(table)


def _scenes(asked: argparse.Namespace, drawn: Path, mode: str, *more: str) -> Path:
    """What the detector sees in the drawn videos."""
    out = Path(f"{asked.out}/scenes_{mode}{''.join(more).replace('--', '_')}")
    _run("detect", drawn, "--detector", asked.detector, "--out", out, "--mode", mode, *more)
    return out


def _told(run: Path, out: Path, *more: str | Path) -> list[str]:
    """Recall of the validation videos, as the table shows it."""
    _run("evaluate", "--workdir", run, "--split", "val", "--out", out, *more)
    told = json.loads((out / "results.json").read_text())
    return [f"{100 * told[of]['with'][m + cut]:.2f}" for of, m in _SHOWN.items() for cut in _CUTS]


if __name__ == "__main__":
    runtime.quiet()
    main()
