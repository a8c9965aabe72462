"""One compilation cache for all tests and the processes that they start, and what is made once."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from importlib import metadata

# Before anything imports jax: tests that train compile the same small programs again and again.
# The first process makes the folder; what it starts (pytest-xdist's workers, runs) inherits it.
if "JAXSIGN_CACHE" not in os.environ:
    os.environ["JAXSIGN_CACHE"] = tempfile.mkdtemp(prefix="jaxsign-test-cache-")
    atexit.register(shutil.rmtree, os.environ["JAXSIGN_CACHE"], ignore_errors=True)

# The same programs, translated by the compiler's quick passes alone and one loop a fusion:
# a third of the compiling time. A compiler that does not know a switch ends the process, and
# those after jaxlib 0.10 have dropped this one.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_cpu_use_fusion_emitters=false" if metadata.version("jaxlib").startswith("0.10.") else "",
)

import filelock
import helpers
import hypothesis
import pytest

from jaxsign import runtime, telling

# A trace makes objects by the million and hardly any garbage: looking for it as often as Python
# does by itself takes up to a tenth of the time.
gc.set_threshold(50_000, 10, 10)

# A shell lets what it runs in the background ignore Ctrl-C, and so would what tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something of the machine alone.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
runtime.quiet()
runtime.compilation_cache()


# What compiles or trains for many seconds; `make check` leaves it out.
SLOW = (
    "infer/deploy/test_deployed_nets.py", "infer/detect", "infer/features",
    "infer/live/test_stream_verb.py",
    "infer/serve/test_serve_scenes.py", "infer/torch",
    "input/signs/corpora/test_chain.py", "input/signs/extract",
    "input/signs/test_source_collection.py", "nets/test_asl_hybrid.py", "nets/test_asl_layers.py",
    "nets/test_inception.py", "nets/test_whisper_sign.py", "parity", "tasks/sequences",
    "train/test_asl_hybrid_run.py", "train/test_detector_run.py", "train/test_devices.py",
    "train/test_frames.py",
    "train/sweeps/test_sweep_run.py", "train/test_kill.py", "train/test_loop.py",
    "train/test_together.py",
    "train/test_whisper_sign_run.py",
    "test_old_runs.py",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    slow = [helpers.ROOT / "tests" / name for name in SLOW]
    assert [path for path in slow if not path.exists()] == []
    for item in items:
        if any(item.path.is_relative_to(path) for path in slow):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish():
    gc.freeze()  # modules and tests stay


def pytest_runtest_setup(item):
    telling.anew()
    if item.get_closest_marker("shared") and helpers.SHARED is None:
        pytest.skip("the reference data (../shared) are not beside this copy")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """made_once(name, make): the folder `name` that `make(folder)` fills, once for all workers.

    Tests only read it; one that must change it takes a copy.
    """
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name, make):
        folder, done = root / name, root / f"{name}.done"
        with filelock.FileLock(root / f"{name}.lock"):
            if not done.exists():
                make(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def asl_run(made_once):
    """A finished run of the ASL hybrid, `running.changing_asl()`; to be read only."""
    import running

    return made_once("asl_run", lambda folder: running.train(folder, running.changing_asl()))
