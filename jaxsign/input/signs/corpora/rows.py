"""The signs of a corpus as rows of its tables."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from jaxsign import spreadsheet
from jaxsign.errors import UserError
from jaxsign.input import names, tables
from jaxsign.input.signs.corpora import cleaning

INSTANCES, GLOSSES = "instances.csv", "glosses.csv"
SPLIT, SPLIT_GLOSSES = "split.csv", "split_glosses.csv"
_NEEDED = ("Id", "Gloss", "start_ms", "end_ms", "Participant", "SourceVideo", "SampleVideo")


@dataclasses.dataclass(frozen=True)
class Instance:
    """One sign in a film.

    Attributes:
      id: the row's number.
      gloss: what is signed.
      start, end: in milliseconds of the film.
      eaf: the annotation, below the folder of annotations.
      participant: who signs.
      signer: the tier's last word.
      side: of the picture; "" = all of it.
      film: below the folder of films.
      sample: what its clip is called.
      subset: of the split; "" before it.
    """

    id: str
    gloss: str
    start: int
    end: int
    participant: str
    film: str
    sample: str
    eaf: str = ""
    signer: str = ""
    side: str = ""
    subset: str = ""

    def cells(self) -> dict[str, object]:
        """By the names of all columns."""
        return {
            "Id": self.id,
            "Gloss": self.gloss,
            "start_ms": self.start,
            "end_ms": self.end,
            "EAF": self.eaf,
            "Participant": self.participant,
            "Signer": self.signer,
            "Side": self.side,
            "SourceVideo": self.film,
            "SampleVideo": self.sample,
            "subset": self.subset,
        }


def write(folder: Path, name: str, rows: Sequence[Instance], without: Iterable[str]) -> Path:
    """Writes a table of signs; returns where.

    Args:
      folder: of the corpus's tables.
      name: of the table.
      rows: of it.
      without: columns that are left out.
    """
    left_out = set(without)
    cells = [{k: v for k, v in row.cells().items() if k not in left_out} for row in rows]
    tables.write(folder / name, cells)
    return folder / name


def write_glosses(folder: Path, name: str, glosses: Iterable[str]) -> Path:
    """Writes glosses by falling count; their row numbers, from 0, are their labels."""
    spreadsheet.write(folder / name, ("Gloss", "Count"), cleaning.counts(glosses))
    return folder / name


def read(path: Path, needed: Sequence[str] = ()) -> list[Instance]:
    """The rows of a table of signs.

    Args:
      path: of the table.
      needed: columns that it has beside those of all.

    Raises:
      UserError: no such table, a column that it lacks, times that are none, or a sample twice.
    """
    found: dict[str, Instance] = {}
    for row in tables.read_rows(path, (*_NEEDED, *needed)):
        one = _instance(path, row)
        if one.sample in found:
            raise UserError(f"{path} line {row.number}: SampleVideo {one.sample!r} again")
        found[one.sample] = one
    return list(found.values())


def _instance(path: Path, row: tables.Row) -> Instance:
    cells = row.cells
    try:
        start, end = int(cells["start_ms"]), int(cells["end_ms"])
    except ValueError:
        start, end = 0, 0
    if not 0 <= start < end:
        raise UserError(
            f"{path} line {row.number}: start_ms {cells['start_ms']!r}, end_ms "
            f"{cells['end_ms']!r}: expected whole milliseconds, the start first"
        )
    for name in ("SourceVideo", "SampleVideo"):
        if wrong := names.problem(cells[name].replace("\\", "/")):
            raise UserError(f"{path} line {row.number}: {name}: {wrong}")
    return Instance(
        cells["Id"],
        cells["Gloss"],
        start,
        end,
        cells["Participant"],
        cells["SourceVideo"],
        cells["SampleVideo"],
        cells.get("EAF", ""),
        cells.get("Signer", ""),
        cells.get("Side", ""),
        cells.get("subset", ""),
    )
