"""One compilation cache for all tests and the processes that they start."""

import atexit
import os
import shutil
import tempfile

# Before anything imports jax: tests that train compile the same small programs again and again.
if "JAXSIGN_CACHE" not in os.environ:
    os.environ["JAXSIGN_CACHE"] = tempfile.mkdtemp(prefix="jaxsign-test-cache-")
    atexit.register(shutil.rmtree, os.environ["JAXSIGN_CACHE"], ignore_errors=True)

import hypothesis

from jaxsign import runtime

# How long an example takes says something of the machine alone.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
runtime.quiet()
runtime.compilation_cache()
