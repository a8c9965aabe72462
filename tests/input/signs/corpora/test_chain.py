"""The chain of docs/corpora.md as it stands there: from annotations of ELAN to a sign's name."""

import csv
import itertools
import json
import re
import shlex
import shutil
from pathlib import Path

import eafs
import helpers
import pytest
from PIL import Image

from jaxsign import cli
from jaxsign.input import film
from jaxsign.input.signs.extract import video

pytest.importorskip("pympi")
DATA = helpers.SHARED and helpers.SHARED / "data"
SIGNER, SIGN = slice(12, 30), 9  # frames of the clip, that show the right hand; and of a sign
OWN = """\
base = "vgt"
minimum = 3
split = "signer-common"
val_share = 0.3
test_share = 0.3
"""
TINY = """--config.net.emb_dim=16 --config.net.n_heads=2 --config.net.n_layers=1
--config.train.epochs=1 --config.log.tensorboard=False""".split()


def corpus(folder):
    """Three people who sign the same two signs, each in a film of one's own."""
    with video.Video(DATA / "sign_clip_mit/clips/test_video.mp4") as opened:
        shown = [frame.pixels() for frame in itertools.islice(opened, SIGNER.stop)][SIGNER]
    (folder / "films/sessie").mkdir(parents=True)
    for path, frames in ((folder / "both.mp4", shown), (folder / "film.mp4", shown[SIGN:])):
        with film.Writer(path, 25) as writer:
            for number, pixels in enumerate(frames):
                writer.add(Image.fromarray(pixels[::2, ::2]), number / 25)
    for person in range(1, 4):
        name = f"CVGT_{person}_i{person:03d}.mp4"
        shutil.copy(folder / "both.mp4", folder / "films/sessie" / name)
        tiers = {"GlosRH i1": [(0, 360, "huis+"), (360, 720, "Boom")], "GlosRH i2": []}
        eafs.eaf(folder / f"elan/{person}.eaf", tiers, [f"{eafs.VGT}/{name}"])


def commands():
    """Those of the page, with a corpus of so few signs and a net that small."""
    page = (helpers.ROOT / "docs/corpora.md").read_text(encoding="utf-8").replace("\\\n", " ")
    block = re.search(r"```bash\n(.*?)```", page, re.DOTALL).group(1)
    lines = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    words = [["own.toml" if word == "vgt" else word for word in line] for line in lines]
    more = {"train": TINY, "extract": ["--workers", "1"], "corpus cut": ["--workers", "1"]}
    return {
        verb: [*line, *more.get(verb, ())]
        for verb, line in zip(map(_verb, words), words, strict=True)
    }


def _verb(words):
    return " ".join(words[: 1 + (words[0] == "corpus")])


@pytest.mark.shared
def test_annotations_become_a_recogniser_by_the_commands_of_the_page(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model = DATA / "mediapipe_models/holistic_landmarker_lite.task"
    (tmp_path / "holistic_landmarker.task").symlink_to(model)
    (tmp_path / "own.toml").write_text(OWN)
    corpus(tmp_path)
    lines = commands()
    assert [*lines] == [
        "corpus instances", "corpus split", "corpus cut", "extract", "train", "predict",
    ]  # fmt: skip
    for line in lines.values():
        capfd.readouterr()
        assert cli.main(line) == 0, line
    assert re.search(r"^Gloss: (BOOM|HUIS) \(", capfd.readouterr().out, re.MULTILINE)
    with open("data/landmarks/extract.csv", newline="", encoding="utf-8") as file:
        found = [*csv.DictReader(file)]
    assert [row["frames"] for row in found] == ["9"] * 6
    assert all(row["pose"] == "9" and int(row["right_hand"]) > 4 for row in found)
    with open("runs/vgt/metrics.csv", newline="", encoding="utf-8") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1"]
    assert json.loads(Path("runs/vgt/labels.json").read_text())["heads"]["gloss"] == [
        "BOOM",
        "HUIS",
    ]
