"""Words of command lines: nothing that is written replaces what is read."""

import argparse

import pytest

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder


def checked(out, *, read=(), run=None):
    words = {"out": arguments.NewFile(out), "input": [arguments.Existing(one) for one in read]}
    if run is not None:
        words["workdir"] = run_folder.RunFolder(str(run))
    arguments.check(argparse.Namespace(**words))


@pytest.fixture
def places(tmp_path):
    names = "data/labels.csv data/a.npz data/told.json run/config.json run/checkpoints/best/a"
    for name in (*names.split(), "run/told.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "data" / "labels.csv")
    return tmp_path


@pytest.mark.parametrize(
    "out",
    ["data/labels.csv", "data/a.npz", "link.json", "run/config.json", "run/checkpoints/best/a"],
)
def test_an_output_that_is_an_input_is_refused(places, out):
    with pytest.raises(UserError, match="is part of what is read"):
        checked(places / out, read=[places / "data", places / "data" / "labels.csv"],
                run=places / "run")  # fmt: skip


@pytest.mark.parametrize(
    "out", ["data/new.json", "data/told.json", "other.json", "run/told.json", "run/new.json"]
)
def test_new_files_and_a_runs_older_results_are_written(places, out):
    checked(places / out, read=[places / "data"], run=places / "run")
