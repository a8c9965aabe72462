"""SignON's split of VGT, NGT and LSE: signers kept apart, signs spread evenly."""

from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import Collection, Entry
from jaxsign.input.signs.preparing import splitting
from parity.targets import FileCheck


def participant_split(path: Path) -> FileCheck:
    """`split_*_out.csv`: the subset of every row of `split_*_in.csv` that is kept."""
    wanted = {row.cells["Id"]: row.cells["subset"] for row in tables.read_rows(path, ("subset",))}
    given = path.with_name(path.name.replace("_out", "_in"))
    entries = [
        Entry(row.cells["Id"], (row.cells["Gloss"],), signer=row.cells["Participant"])
        for row in tables.read_rows(given, ("Gloss", "Participant"))
    ]
    collection = Collection(str(given), "signon", entries, _unread)
    made = splitting.split(collection, "signer-stratified", test_share=0.1, val_share=0.1)
    found = {entry.name: entry.split for entry in splitting.complete(made).entries}
    return FileCheck(
        {"rows": sorted(wanted), "subset": [wanted[name] for name in sorted(wanted)]},
        {"rows": sorted(found), "subset": [found[name] for name in sorted(found)]},
    )


def _unread(index: int) -> Clip:
    raise UserError(f"clip {index} is a row alone")
