"""The process and the machine under a run: allocation, compilation cache, what the devices are."""

import contextlib
import gc
import logging
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

# Memory in huge pages, taken once for all threads and never given back. mmap_max and trim_threshold
# keep what a step frees for the next one; arena_max, as the heaps of other threads hold 64 MB only.
_MALLOC = {
    "glibc.malloc.hugetlb": 1,
    "glibc.malloc.mmap_max": 0,
    "glibc.malloc.trim_threshold": 1 << 40,
    "glibc.malloc.arena_max": 1,
}
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


def reexec_with_kept_memory() -> None:
    """Starts this program again with a malloc that keeps memory, where that helps.

    XLA's CPU backend takes fresh memory for its temporaries in every step. Where malloc gives it
    back, a step spends up to a quarter of its time in page faults, and twice its time where the
    system has given the pages to another process meanwhile. The tunables must be set before the
    process starts. Does nothing when one of them is set, on a GPU or TPU machine, on other systems
    than Linux with glibc, or when the environment has JAXSIGN_KEEP_MEMORY=0.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    unwanted = os.environ.get("JAXSIGN_KEEP_MEMORY") == "0" or "glibc.malloc" in tunables
    if unwanted or not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
        return
    if _has_accelerator() or not sys.orig_argv or not sys.executable:
        return
    ours = (f"{name}={value}" for name, value in _MALLOC.items())
    os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, [tunables, *ours]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _has_accelerator() -> bool:
    wanted = os.environ.get("JAX_PLATFORMS", "")
    if wanted:
        return wanted.split(",")[0] != "cpu"
    return Path("/dev/nvidiactl").exists() or Path("/dev/accel0").exists()


def quiet() -> None:
    """Silences notices of libraries that a user can do nothing about."""
    # XLA's lines, its errors too: "Very slow compile?" is one. What fails is raised besides.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Orbax and tensorstore tell every save, and every failure twice, at length.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Around the import of jax and of all that needs it, which stays to the end of the process.

    The interpreter would look through it for garbage, hundreds of times, then and later: a tenth of
    the time of one answer.
    """
    if "jax" in sys.modules:  # a part of another program, whose garbage must not stay
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def cache_folder(name: str) -> Path | None:
    """The user's folder for what can be made again; JAXSIGN_CACHE moves it, empty = None."""
    place = os.environ.get("JAXSIGN_CACHE")
    if place == "":
        return None
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxsign"
    return (Path(place) if place else root) / name


def compilation_cache() -> Path | None:
    """Switches the persistent compilation cache on; JAXSIGN_CACHE moves it, empty switches it off.

    Returns:
      Its folder, or None.
    """
    # Where it is moved to, programs lie in the folder itself.
    folder = cache_folder("" if os.environ.get("JAXSIGN_CACHE") else "xla")
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None  # a read-only home: programs are then compiled anew in every process
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.2,
    }
    for name, value in settings.items():
        if "jax" in sys.modules:
            sys.modules["jax"].config.update(name, value)
        else:  # for when it comes: importing it takes a second, and a verb may not need it
            os.environ[name.upper()] = str(value)
    return folder


def packages() -> dict[str, str]:
    """Versions of what a result depends on."""
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def describe_devices() -> str:
    """One line: how many devices of what kind, their memory, and the processor."""
    import jax

    devices = jax.local_devices()
    first = devices[0]
    text = f"{len(devices)} x {first.device_kind} ({first.platform})"
    capability = getattr(first, "compute_capability", None)
    if capability:
        text += f", compute capability {capability}"
    limit = (first.memory_stats() or {}).get("bytes_limit")
    if limit:
        text += f", {limit / 1e9:.1f} GB each"
    return f"{text}; {processor()}"


def processor() -> str:
    """The processor's name, the cores this process may use, and the machine's memory."""
    import psutil

    memory = psutil.virtual_memory().total / 1e9
    return f"{processor_name()}, {available_cores()} cores, {memory:.1f} GB memory"


def processor_name() -> str:
    """Such as 'AMD EPYC 7763 64-Core Processor'."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(errors="replace").splitlines()
        name = next((li.split(":")[1].strip() for li in lines if li.startswith("model name")), name)
    return name


def available_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def device_memory() -> tuple[float, float]:
    """Device memory in use and reserved in GB (1e9 bytes), over local devices; zeros on a CPU."""
    import jax

    def total(key: str) -> float:
        stats: list[dict[str, Any]] = [d.memory_stats() or {} for d in jax.local_devices()]
        return sum(s.get(key, 0) for s in stats) / 1e9

    return total("bytes_in_use"), total("pool_bytes") or total("bytes_reserved")
