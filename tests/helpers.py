"""What several tests share: where reference data lies, and small ready-made inputs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BESIDE = ROOT.parent / "shared"
SHARED: Path | None = _BESIDE if (_BESIDE / "golden").is_dir() else None
GOLDEN = ROOT / "tests" / "golden"
