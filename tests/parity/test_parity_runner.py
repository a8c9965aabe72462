"""The command: exit codes, selection, and what it prints."""

import json
import shutil

import numpy as np
import pytest

from jaxsign.nets import state_dict
from parity import cases, jobs, run

FSLR = jobs.SHIPPED / "fslr"


@pytest.fixture
def folder(tmp_path):
    """A folder with one quick case."""
    shutil.copy(FSLR / "losses.npz", tmp_path)
    return tmp_path


def change(path, *, arrays=(), **meta):
    """Rewrites a case with other arrays and meta fields."""
    case = cases.load(path)
    with path.open("wb") as file:
        np.savez(file, **{**case.arrays, **dict(arrays)}, meta=json.dumps({**case.meta, **meta}))


def test_a_folder_whose_cases_pass(folder, capsys):
    assert run.main([str(folder)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "1 cases: 1 passed, 0 failed, 0 unknown"
    assert "passed    losses" in printed and "\x1b[" not in printed


def test_a_perturbed_number_fails(folder, capsys):
    path = folder / "losses.npz"
    wrong = cases.load(path).arrays["output/focal_none"].copy()
    wrong[3] += 1e-4
    change(path, arrays={"output/focal_none": wrong})
    assert run.main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "failed" in printed and "output/focal_none: at [3]" in printed
    assert "1 cases: 0 passed, 1 failed, 0 unknown" in printed


def test_an_array_that_nobody_produces_fails(folder, capsys):
    change(folder / "losses.npz", arrays={"output/new": np.zeros(2)})
    assert run.main([str(folder)]) == 1
    assert "output/new: not produced" in capsys.readouterr().out


@pytest.mark.parametrize(
    "meta", [{"target": "Nobody"}, {"system": "nobody"}, {"system": "no.body"}]
)
def test_an_unknown_target_is_named_and_fails(folder, capsys, meta):
    change(folder / "losses.npz", **meta)
    assert run.main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "unknown" in printed and "1 cases: 0 passed, 0 failed, 1 unknown" in printed


def test_a_crash_is_one_failed_line_and_verbose_shows_it(folder, capsys):
    change(folder / "losses.npz", call={"losses": {"ce": ["NoSuchLoss", {}]}})
    assert run.main([str(folder)]) == 1
    brief = capsys.readouterr().out
    assert "KeyError: 'NoSuchLoss'" in brief and "Traceback" not in brief
    assert run.main([str(folder), "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().out


def test_a_broken_file_fails_alone(folder, capsys):
    (folder / "broken.npz").write_bytes(b"nothing")
    assert run.main([str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "not a readable golden case" in printed
    assert "2 cases: 1 passed, 1 failed, 0 unknown" in printed


def test_another_schema_is_refused(folder, capsys):
    change(folder / "losses.npz", schema=2)
    assert run.main([str(folder)]) == 1
    assert "expected schema 1" in capsys.readouterr().out


def test_no_folder_and_no_case(tmp_path, capsys):
    assert run.main([str(tmp_path / "absent")]) == 1
    assert "no such folder" in capsys.readouterr().err
    assert run.main([str(tmp_path)]) == 1
    assert "no case" in capsys.readouterr().err


def test_only_selects_by_target_case_or_file(capsys):
    assert run.main([str(FSLR), "--only", "focalloss"]) == 0
    assert "1 cases: 1 passed" in capsys.readouterr().out
    assert run.main([str(FSLR), "--only", "losses", "validation_metrics.json"]) == 0
    printed = capsys.readouterr().out
    assert "1 files: 1 passed, 0 failed" in printed and "1 cases: 1 passed" in printed


def test_only_an_unknown_word_is_refused(capsys):
    assert run.main([str(FSLR), "--only", "FocalLos"]) == 1
    assert "Did you mean 'FocalLoss'?" in capsys.readouterr().err


def test_verbose_lists_every_array(folder, capsys):
    assert run.main([str(folder), "--verbose"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in cases.load(folder / "losses.npz").expected)


def test_files_beside_cases_are_perturbed_too(folder, capsys):
    recorded = json.loads((FSLR / "schedules.json").read_text())
    recorded["lr_schedules"]["cosine_E10"]["lr_used"][3] *= 1.001
    (folder / "schedules.json").write_text(json.dumps(recorded))
    assert run.main([str(folder), "--only", "schedules.json"]) == 1
    assert "lr/cosine_E10/used: at [3]" in capsys.readouterr().out


def test_what_is_left_out_is_said(folder, capsys, monkeypatch):
    from parity.targets import fslr

    monkeypatch.setitem(fslr.LEFT_OUT, "data_split.json", "another time")
    monkeypatch.delitem(fslr.FILES, "data_split.json")
    (folder / "data_split.json").write_text("{}")
    assert run.main([str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "left out  data_split.json" in printed and "1 left out" in printed


def test_a_case_or_arrays_of_one_that_wait_are_named_and_do_not_fail(folder, capsys, monkeypatch):
    from parity.targets import fslr

    change(folder / "losses.npz", arrays={"output/new/a": np.zeros(2), "output/new/b": np.ones(1)})
    later = {"losses": {"output/new/": "another time"}}
    monkeypatch.setattr(fslr, "LATER", later, raising=False)
    assert run.main([str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "left out: output/new/*: another time" in printed and "1 passed" in printed
    monkeypatch.setitem(fslr.LEFT_OUT, "losses", "quite another time")
    assert run.main([str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "left out  losses" in printed and "quite another time" in printed


def test_what_needs_torch_is_left_out_without_it(folder, capsys, monkeypatch):
    def absent(path):
        raise state_dict.TorchMissing("torch is needed to read it")

    from parity.targets import fslr

    monkeypatch.setitem(fslr.FILES, "schedules.json", absent)
    shutil.copy(FSLR / "schedules.json", folder)
    assert run.main([str(folder), "--only", "schedules.json"]) == 0
    printed = capsys.readouterr().out
    assert "left out  schedules.json" in printed and "torch is needed" in printed
