"""The command line of this room: words in, exit status out."""

import argparse
import json
import re
import subprocess
import sys

import pytest
import run_helpers
from helpers import GOLDEN

from jaxsign.infer import commands
from jaxsign.infer.torch import commands as torch_commands

VERBS = {
    "evaluate": commands.add_evaluate,
    "predict": commands.add_predict,
    "import": torch_commands.add_import,
    "export": torch_commands.add_export,
}


@pytest.fixture(scope="module")
def parser():
    parser = argparse.ArgumentParser(prog="jaxsign")
    subparsers = parser.add_subparsers(required=True)
    for add in VERBS.values():
        add(subparsers)
    return parser


def _run(parser, *words):
    parsed = parser.parse_args([str(word) for word in words])
    return parsed.run(parsed)


@pytest.mark.parametrize("verb", VERBS)
def test_help_explains_and_gives_examples(parser, verb, capsys):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args([verb, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0 and f"  jaxsign {verb} " in text and "--workdir" in text


def test_help_needs_no_heavy_imports():
    code = (
        "import sys; import jaxsign.infer.commands, jaxsign.infer.torch.commands; "
        "print([m for m in ('jax', 'torch', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_import_predict_export(parser, tmp_path, capsys):
    pytest.importorskip("torch")
    sample = GOLDEN / "fslr/checkpoints/SignTransformer_best.pt"
    assert _run(parser, "import", sample, "--workdir", tmp_path / "r", "--n-heads", 2) == 0
    said = capsys.readouterr().out
    assert "sign_transformer (input_dim=156, emb_dim=16" in said
    assert "best metric 0.4" in said and "assumed pooling=mean" in said
    run_helpers.save_clip(tmp_path / "clips/a.npz", 9)
    out = tmp_path / "p.json"
    words = ("--workdir", tmp_path / "r", tmp_path / "clips", "--out", out)
    assert _run(parser, "predict", *words, "--timing") == 0
    laps = re.search("^seconds: (.*): ([0-9.]+) in all$", capsys.readouterr().out, re.MULTILINE)
    told = [float(lap.split()[0]) for lap in laps[1].split(", ")]
    assert [lap.split()[1] for lap in laps[1].split(", ")] == ["import", "compile", "load", "run"]
    assert min(told) >= 0 and sum(told) == pytest.approx(float(laps[2]), abs=0.03)
    (tmp_path / "clips/b.npz").write_bytes(b"broken")
    assert _run(parser, "predict", *words) == 1
    assert [row["file"] for row in json.loads(out.read_text())] == ["a.npz"]
    assert _run(parser, "export", "--workdir", tmp_path / "r", tmp_path / "o.pt") == 0
    assert "arrays, epoch" in capsys.readouterr().out and (tmp_path / "o.pt").is_file()


def test_import_takes_recipe_words(parser, tmp_path):
    pytest.importorskip("torch")
    sample = GOLDEN / "fslr/checkpoints/SignTransformer_best.pt"
    known, rest = parser.parse_known_args(
        ["import", str(sample), "--workdir", str(tmp_path / "r"), "--config.data.val.path=clips"]
    )
    known.rest = rest
    assert known.overrides and known.run(known) == 0
    assert json.loads((tmp_path / "r/config.json").read_text())["data"]["val"]["path"] == "clips"


@pytest.mark.parametrize("word", ["0", "-1", "x"])
def test_a_batch_size_must_be_positive(parser, word, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["predict", "--workdir", "r", "x.npz", "--batch-size", word])
    assert "--batch-size" in capsys.readouterr().err
