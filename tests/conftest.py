"""One compilation cache for all tests and the processes that they start, and what is made once."""

import atexit
import os
import shutil
import tempfile

# Before anything imports jax: tests that train compile the same small programs again and again.
# The first process makes the folder; what it starts (pytest-xdist's workers, runs) inherits it.
if "JAXSIGN_CACHE" not in os.environ:
    os.environ["JAXSIGN_CACHE"] = tempfile.mkdtemp(prefix="jaxsign-test-cache-")
    atexit.register(shutil.rmtree, os.environ["JAXSIGN_CACHE"], ignore_errors=True)

import filelock
import helpers
import hypothesis
import pytest

from jaxsign import runtime

# How long an example takes says something of the machine alone.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
runtime.quiet()
runtime.compilation_cache()


def pytest_runtest_setup(item):
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
