"""Cells that a spreadsheet would run are written as text, and read back equal."""

import numpy as np
import pytest

from jaxsign import spreadsheet
from jaxsign.input import tables
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.extract import labels as extracted
from jaxsign.input.signs.extract import report

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "'=a", "''@b", "=HYPERLINK(1)"]
PLAIN = ["-", "", "'tis", "-3.5", "+2", "1e-3", "-inf", "a=b", "=", "o'clock", 7, 0.5]


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_begin_with_an_apostrophe(cell):
    written = spreadsheet.guarded(cell)
    assert written == "'" + cell and spreadsheet.unguarded(written) == cell


@pytest.mark.parametrize("cell", PLAIN)
def test_other_cells_stay_as_they_are(cell):
    assert spreadsheet.guarded(cell) == cell
    assert not isinstance(cell, str) or spreadsheet.unguarded(cell) == cell


def test_tables_and_labels_come_back_equal(tmp_path):
    path = tmp_path / "a.csv"
    spreadsheet.write(path, ["file", "gloss"], [[f"x{i}", name] for i, name in enumerate(FORMULAS)])
    assert all(line[line.index(",") + 1 :].lstrip('"')[0] == "'" for line in _lines(path)[1:])
    assert [row.cells["gloss"] for row in tables.read_rows(path)] == FORMULAS
    points = np.full((3, 543, 3), 0.5, np.float32)
    clips.Clip(points, np.arange(3) / 30).save(tmp_path / "in" / "a.clip.npz")
    spreadsheet.write(tmp_path / "in/labels.csv", ["file", "glosses"], [["a", "=1+1"]])
    for name in ("clips", "google_islr", "signon"):
        formats.write_collection(formats.open_collection(tmp_path / "in"), tmp_path / name, name)
        assert formats.open_collection(tmp_path / name).entries[0].glosses == ("=1+1",)


def test_labels_of_films_come_back_equal(tmp_path):
    rows = [[f"{i}.mp4", name] for i, name in enumerate(FORMULAS)]
    spreadsheet.write(tmp_path / "films/labels.csv", ["file", "gloss"], rows)
    names = {f"{i}.mp4": str(i) for i in range(len(FORMULAS))}
    (tmp_path / "clips").mkdir()
    for name in names.values():
        (tmp_path / "clips" / f"{name}{clips.SUFFIX}").touch()
    extracted.carry_over(tmp_path / "films", tmp_path / "clips", names, overwrite=False)
    path = tmp_path / "clips" / extracted.NAME
    assert [row.cells["gloss"] for row in tables.read_rows(path)] == FORMULAS
    assert not any(f",{name}" in path.read_text() for name in FORMULAS[:5:2])


def _lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_the_report_of_an_extraction(tmp_path):
    rows = {
        f"{cell}.mp4": report.ExtractionRow(f"{cell}.mp4", status=report.FAILED, reason=cell)
        for cell in FORMULAS
    }
    table = report.of(tmp_path)
    table.write(list(rows.values())[1:])
    table.append(rows[f"{FORMULAS[0]}.mp4"])
    assert table.read() == rows
    cells = (tmp_path / report.REPORT).read_text().replace('"', "").split("\n")
    assert all(line[:1] == "'" for line in cells[1:] if line)
