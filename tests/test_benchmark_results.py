"""The command line of benchmarks, their files of results, and the tables made of these."""

import json

import pytest
from helpers import ROOT

from benchmarks import command, results, table
from benchmarks.rows import Row
from benchmarks.timing import Timing
from jaxsign.errors import UserError

pytest.importorskip("torch")


def rows(seconds):
    def run(size):
        sides = {"jaxsign": Timing(2 + seconds, (seconds,)), "torch": Timing(3.0, (2.0,))}
        return [Row(f"Net: step, {size}", sides, flops=1e9), Row("Net: answer", sides)]

    return run


def absent(size):
    raise UserError("film.mp4: no such file")


def measure(path, *measures, words=()):
    command.main(*measures, argv=["--check", "--json", str(path), *words])
    return results.read(path)


def test_a_measure_takes_the_place_of_its_older_one_and_leaves_the_others(tmp_path):
    first, second = (command.Measure(name, rows(1.0)) for name in ("first", "second"))
    measure(tmp_path / "r.json", first, second)
    found = measure(tmp_path / "r.json", command.Measure("second", rows(0.5)))
    assert list(found.measures) == ["first", "second"]
    assert [one.rows[0].ours.median for one in found.measures.values()] == [1.0, 0.5]
    assert found.measures["second"].rows[0].ours.compiling == 2.0
    assert found.measures["second"].rows[0].ratio == 4.0


def test_what_is_left_out_is_told_with_its_reason(tmp_path, capsys):
    there, gone = command.Measure("there", rows(1.0)), command.Measure("gone", absent)
    found = measure(tmp_path / "r.json", there, gone)
    assert list(found.measures) == ["there"]
    assert found.left_out == {"gone": "film.mp4: no such file"}
    assert "left out: gone: film.mp4: no such file" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        measure(tmp_path / "r.json", there, words=("--minutes", "1e-9"))
    assert "left out: there: 1e-09 minutes were over" in capsys.readouterr().out


def test_results_of_another_machine_are_kept(tmp_path, capsys):
    path = tmp_path / "r.json"
    measure(path, command.Measure("one", rows(1.0)))
    saved = json.loads(path.read_text())
    saved["machine"]["cores"] = 64
    path.write_text(json.dumps(saved))
    with pytest.raises(SystemExit, match="r.json: measured with cores 64"):
        measure(path, command.Measure("one", rows(2.0)))
    assert results.read(path).measures["one"].rows[0].ours.median == 1.0


def test_files_are_called_by_the_machine():
    names = {
        "AMD EPYC 7763 64-Core Processor 2 cores": "amd-epyc-7763-2-cores",
        "Intel(R) Xeon(R) CPU @ 2.50GHz 8 cores": "intel-xeon-8-cores",
        "NVIDIA H200 1": "nvidia-h200-1",
    }
    assert [results.file_name(name) for name in names] == list(names.values())


def test_a_page_gets_the_rows_that_it_asks_for(tmp_path):
    measure(tmp_path / "r.json", command.Measure("one", rows(0.5)))
    before = "between `<!-- speed ANY.json: ROWS -->` and `<!-- end of speed -->`\n"
    page = before + "<!-- speed r.json: step -->\nold\n<!-- end of speed -->\nafter\n"
    new = table.renewed(page, tmp_path)
    assert "| Net: step, check | 500 ms | 2.00 s | 4.00 |" in new and "answer" not in new
    assert "old" not in new and new.endswith("<!-- end of speed -->\nafter\n")
    assert new.startswith(before)
    assert table.renewed(new, tmp_path) == new
    with pytest.raises(UserError, match="nothing: found in no name"):
        table.renewed(page.replace("step", "nothing"), tmp_path)


def test_a_page_gets_what_was_trained(tmp_path):
    found = {
        f"{row}|{column}|{seed}": {"number": 0.8 + seed / 100, "seconds": 2}
        for row in ("a 0.1", "a 1")
        for column in ("small", "other")
        for seed in (1, 3)
    }
    (tmp_path / "t.json").write_text(json.dumps(found))
    page = "<!-- trainings t.json: small -->\n<!-- end of trainings -->\n"
    both = table.renewed(page.replace("small", "small, other"), tmp_path)
    cell = "82.0 ± 1.4 (2 s)"
    assert "|  | a 0.1 | a 1 |" in both and f"| `small` | {cell} | {cell} |" in both
    turned = table.renewed(page, tmp_path)  # the fewer names on top
    assert "|  | `small` |" in turned and f"| `a 0.1` | {cell} |" in turned
    with pytest.raises(UserError, match="large: no training"):
        table.renewed(page.replace("small", "large"), tmp_path)


def test_a_page_without_a_table_and_one_without_results_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text("nothing\n")
    table.main()
    assert capsys.readouterr().out == "no page has a table between marks\n"
    (tmp_path / "README.md").write_text("<!-- speed r.json: step -->\n<!-- end of speed -->\n")
    with pytest.raises(SystemExit, match=r"README.md: .*results/r.json"):
        table.main()


def test_the_tables_of_the_pages_are_those_of_the_results():
    for page in table.pages(ROOT):
        text = page.read_text(encoding="utf-8")
        assert table.renewed(text, ROOT / results.FOLDER) == text, f"{page}: see benchmarks.table"
