"""What several tests share: where reference data lies, and small ready-made inputs."""

import subprocess
import sys
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


HEAVY = {
    "array_record", "av", "cv2", "datasets", "flax", "grain", "jax", "matplotlib", "mediapipe",
    "ml_collections", "numpy", "optax", "orbax", "pandas", "PIL", "psutil", "pyarrow", "rich",
    "scipy", "sklearn", "tensorboardX", "tensorstore", "torch",
}  # fmt: skip


def imported(code):
    """What a process that runs the code printed, and the heavy packages that it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('MODULES', *sys.modules)"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    told, _, modules = done.stdout.rpartition("MODULES")
    return told + done.stderr, HEAVY & set(modules.split())
