"""The command line answers at once: what is heavy waits until a verb runs."""

import subprocess
import sys

import pytest
from helpers import ROOT

from jaxsign import cli

HEAVY = {
    "array_record", "av", "cv2", "datasets", "flax", "grain", "jax", "matplotlib", "mediapipe",
    "ml_collections", "numpy", "optax", "orbax", "pandas", "PIL", "psutil", "pyarrow", "rich",
    "scipy", "sklearn", "tensorboardX", "torch",
}  # fmt: skip


def test_help_of_all_verbs_imports_nothing_heavy():
    code = "import sys; from jaxsign import cli; cli.parser().format_help(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert HEAVY & set(done.stdout.split()) == set()


def verbs(top):
    return top._subparsers._group_actions[0].choices


def test_a_verb_alone_is_what_it_is_among_all():
    every = verbs(cli.parser())
    assert len(every) > 15
    for name, parser in every.items():
        alone = verbs(cli.parser(name))
        assert list(alone) == [name] and alone[name].format_help() == parser.format_help()


def test_a_verb_that_there_is_not_is_told_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        cli.main(["trian"])
    assert "invalid choice: 'trian'" in (told := capsys.readouterr().err) and "'train'" in told
