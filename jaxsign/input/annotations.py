"""What annotators have in place of tables: WLASL's lists are read, ELAN's files are told."""

import json
import re
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError

# One way to match each character: the time grows with the text's length alone.
_ELAN = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<ANNOTATION_DOCUMENT", re.DOTALL
)
_WLASL = '[{"gloss": "book", "instances": [{"video_id": "00625", ...}, ...]}, ...]'
# Of an instance: what tables call it, and WLASL.
_FIELDS = {
    "file": "video_id", "split": "split", "signer": "signer_id", "fps": "fps",
    "frame_start": "frame_start", "frame_end": "frame_end",
}  # fmt: skip


def check(path: Path, text: str) -> None:
    """Refuses a file of ELAN in place of a table.

    Raises:
      UserError: it is one; tells the way to a table.
    """
    if path.suffix.lower() == ".eaf" or _ELAN.match(text):
        raise UserError(
            f"{path}: is an annotation of ELAN (.eaf), no table. jaxsign corpus makes tables and "
            "clips of a folder of them (docs/corpora.md). Or export its tier in ELAN (File > "
            "Export As > Tab-delimited Text, begin and end times in seconds) and name the "
            "columns file, label, start and end; file is the film's name"
        )


def wlasl(path: Path, text: str) -> list[dict[str, str]]:
    """The instances of WLASL's json as rows `file,label,split,signer,fps,frame_start,frame_end`.

    Raises:
      UserError: other JSON.
    """
    try:
        return [
            {"label": str(sign["gloss"]), **_cells(instance)}
            for sign in reading.parse_json(text)
            for instance in sign["instances"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: is no list of labels in JSON as WLASL has it ({type(error).__name__}: "
            f"{reading.quoted(str(error))}). Expected {_WLASL}, or a csv file"
        ) from error


def _cells(instance: dict[str, Any]) -> dict[str, str]:
    if "video_id" not in instance:
        raise KeyError("video_id")
    cells = {name: instance.get(key, "") for name, key in _FIELDS.items()}
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in cells.items()}
