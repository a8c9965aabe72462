"""What several tests share: where reference data lies, and small ready-made inputs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BESIDE = ROOT.parent / "shared"
SHARED: Path | None = _BESIDE if (_BESIDE / "golden").is_dir() else None
GOLDEN = ROOT / "tests" / "golden"


def rewrite(path, content):
    """Writes a file anew. Cut to nothing first, the disk would bring each to an end at once."""
    path.unlink()
    path.write_bytes(content)


def damaged(content, rng, *, cut):
    """A file's bytes with one bit turned over, or `cut` short."""
    if cut:
        return content[: int(rng.integers(len(content)))]
    spoiled = bytearray(content)
    spoiled[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return bytes(spoiled)
