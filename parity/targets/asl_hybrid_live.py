"""How the live program of the ASL hybrid thins its buffer."""

import json
from pathlib import Path

from jaxsign.input import windows
from parity.targets import FileCheck


def window_indices(path: Path) -> FileCheck:
    """`live_window_indices.json`: the frames kept of a buffer of n frames."""
    recorded = json.loads(path.read_text(encoding="utf-8"))["indices"]
    return FileCheck(recorded, {count: windows.thin(int(count), 16) for count in recorded})
