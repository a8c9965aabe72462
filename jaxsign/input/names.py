"""Names that become files: which of them may."""

import unicodedata
from pathlib import PurePosixPath

_LONGEST = 200  # bytes of a part: file systems take 255, and endings are added


def problem(name: str) -> str:
    """What is wrong with a name, with / between its parts, as that of a file; '' = nothing."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts:
        return f"{name!r} is no name for a file: expected one below its folder, such as a/b"
    if any(unicodedata.category(letter) == "Cc" for letter in name):
        return f"{name!r} is no name for a file: it holds a control character"
    longest = max(len(part.encode("utf-8", "replace")) for part in parts)
    if longest > _LONGEST:
        return (
            f"the name {name[:20]!r}... is too long for a file: {longest} bytes, expected at most "
            f"{_LONGEST}"
        )
    return ""
