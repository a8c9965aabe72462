"""The command line answers at once: what is heavy waits until a verb runs."""

import pytest
from helpers import imported

from jaxsign import cli


def test_help_of_all_verbs_imports_nothing_heavy():
    every = "from jaxsign import cli; cli.parser().format_help()"
    assert imported(every)[1] == set()
    parity = "from jaxsign import cli\ntry: cli.main(['parity', '--help'])\nexcept SystemExit: 0"
    told, heavy = imported(parity)
    assert "folder of golden cases" in told and heavy == set()


# Mistakes that can be told without a net, and what is said.
MISTAKES = {
    "evaluate --workdir nowhere": "nowhere is not a run folder: no such folder",
    "predict --workdir nowhere x.npz": "nowhere is not a run folder",
    "embed --workdir nowhere x --out y --kind cls": "nowhere is not a run folder",
    "scene nowhere --workdir x --out y": "nowhere: no such file or folder",
    "stream --workdir nowhere x.npz": "nowhere is not a run folder",
    "live --workdir nowhere": "nowhere is not a run folder",
    "export --workdir nowhere x.pt": "nowhere is not a run folder",
    "import nowhere.pt --workdir x": "nowhere.pt: no such file or folder",
    "inspect nowhere": "nowhere: no such file or folder",
    "explore nowhere --out x": "nowhere: no such file or folder",
    "convert nowhere --out x": "nowhere: no such file or folder",
    "validate nowhere": "nowhere: no such file or folder",
    "features nowhere --weights x --out x": "nowhere: no such file or folder",
    "detect nowhere --detector x --out x --mode sgdet": "nowhere: no such file or folder",
    "extract nowhere --out x": "nowhere: no such file or folder",
    "prepare --source clips --data nowhere": "nowhere: no such file or folder",
    "inspect tests --png tests": "tests: is a folder. Expected the name of a file to write",
    "baseline tests --out README.md/x.json": "README.md is a file. Expected a folder there",
}


def test_mistakes_are_told_before_anything_heavy_is_imported():
    lines = "".join(f"assert cli.main({line.split()!r}) == 1\n" for line in MISTAKES)
    told, heavy = imported(f"from jaxsign import cli\n{lines}")
    assert heavy == set()
    errors = [line for line in told.splitlines() if line.startswith("error: ")]
    assert len(errors) == len(MISTAKES)
    for error, expected in zip(errors, MISTAKES.values(), strict=True):
        assert expected in error


def test_mistakes_of_a_recipe_are_told_before_jax_is_imported():
    lines = {
        "train --config nowhere --workdir x": "no config file 'nowhere'",
        "train --config asl_hybrid --workdir x --config.optim.lrr=1": "Did you mean 'optim.lr'",
        "train --config asl_hybrid": "data.train.path is not set",
        "train --config asl_hybrid --workdir x": "data.train.path is not set",
        "train --config asl_hybrid --workdir x --config.data.train.path=nowhere": "nowhere: no",
    }
    code = "".join(f"assert cli.main({line.split()!r}) == 1\n" for line in lines)
    told, heavy = imported(f"from jaxsign import cli\n{code}")
    assert not heavy & {"jax", "flax", "optax", "orbax", "grain", "scipy"}
    assert all(expected in told for expected in lines.values())


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
    told = capsys.readouterr().err
    assert "no verb 'trian'. Did you mean 'train'?" in told and "predict" in told
