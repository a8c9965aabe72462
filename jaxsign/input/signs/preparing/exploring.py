"""A look at a collection before training: four pictures and a report."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from jaxsign import terminal
from jaxsign.errors import UserError
from jaxsign.input.signs.formats import Collection
from jaxsign.input.signs.preparing import exploring_figures, exploring_report, measuring
from jaxsign.whole import write_text

REPORT = "report.txt"


@dataclasses.dataclass(frozen=True)
class Explored:
    """The report and the files that were written."""

    text: str
    paths: list[Path]


def explore(
    collection: Collection,
    out: str | Path,
    *,
    rows: int = 10_000,
    clips: int = 200,
    seed: int = 42,
    on_clip: Callable[[str], None] | None = None,
) -> Explored:
    """Writes pictures and a report on a collection; files of the same names are replaced.

    Args:
        collection: what to look at.
        out: a folder.
        rows, clips, seed, on_clip: as in `measuring.measure`.

    Raises:
        UserError: no clips, or none of those that were drawn can be read.
    """
    out = Path(out)
    if out.is_file():
        raise UserError(f"--out {out} is a file; expected the name of a folder")
    facts = measuring.measure(collection, rows=rows, clips=clips, seed=seed, on_clip=on_clip)
    out.mkdir(parents=True, exist_ok=True)
    paths = exploring_figures.draw(facts, out)
    # Shown on terminals from its file too.
    text = terminal.shown(exploring_report.text(facts, [path.name for path in paths]))
    write_text(out / REPORT, text + "\n")
    return Explored(text, [*paths, out / REPORT])
