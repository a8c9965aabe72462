"""MediaPipe and OpenCV, and what the system must have for them."""

import contextlib
import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from jaxsign.errors import UserError

# Debian's packages of the shared libraries that MediaPipe and OpenCV load.
_PACKAGES = {
    "libEGL": "libegl1",
    "libGLESv2": "libgles2",
    "libGLES": "libgles2",
    "libGL": "libgl1",
    "libgthread": "libglib2.0-0",
    "libglib": "libglib2.0-0",
}
# Where a module is part of a package of another name.
_DISTRIBUTIONS = {"cv2": "opencv-contrib-python"}
_ALL = "libegl1 libgles2 libgl1 libglib2.0-0"


def mediapipe() -> tuple[Any, Any]:
    """The modules `mediapipe` and `mediapipe.tasks.python.vision`.

    Raises:
      UserError: not installed, or a library of the system is missing.
    """
    return guarded(_import, "MediaPipe cannot be loaded")


def _import() -> tuple[Any, Any]:
    import mediapipe as root
    from mediapipe.tasks.python import vision

    return root, vision


def opencv() -> Any:
    """The module `cv2`.

    Raises:
      UserError: not installed, or a library of the system is missing.
    """
    return guarded(lambda: importlib.import_module("cv2"), "OpenCV cannot be loaded")


def guarded(action: Callable[[], Any], what: str) -> Any:
    """`action()`, its failures told as errors of the system or of the model file.

    Args:
      action: imports or creates something of MediaPipe.
      what: the message's first words.

    Raises:
      UserError: it failed.
    """
    try:
        return action()
    except ModuleNotFoundError as error:
        package = _DISTRIBUTIONS.get(error.name or "", error.name)
        raise UserError(
            f"{what}: the Python package {package} is not installed. Install it: "
            f"pip install {package}"
        ) from error
    except (OSError, ImportError) as error:
        library = re.search(r"(lib[\w.+-]+?)\.so[.\d]*(?=: cannot open shared object)", str(error))
        if not library:
            raise UserError(f"{what}: {_short(error)}") from error
        name = library.group(1)
        package = next((p for start, p in _PACKAGES.items() if name.startswith(start)), "")
        needs = f"package {package} holds it" if package else "a package of the system holds it"
        raise UserError(
            f"{what}: the system library {library.group(0)} is missing ({needs}). MediaPipe "
            f"and OpenCV need, on Debian and Ubuntu: apt-get install {_ALL}"
        ) from error
    except (RuntimeError, ValueError, AttributeError) as error:
        raise UserError(f"{what}: {_short(error)}") from error


def _short(error: BaseException) -> str:
    """The first sentence or two; MediaPipe's messages go on with its own source lines."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Within it, what native libraries print on stderr is dropped; Python's own words stay.

    For programs that talk to a person: MediaPipe greets every start with a dozen lines.
    """
    python, kept = sys.stderr, os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(kept, "w", buffering=1, errors="replace", closefd=False)
    # Warnings go where the program's handlers were told to write when it began.
    streams = (h for h in logging.getLogger().handlers if isinstance(h, logging.StreamHandler))
    warned = [handler for handler in streams if handler.stream is python]
    for handler in warned:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        sys.stderr.flush()
        for handler in warned:
            handler.setStream(python)
        sys.stderr = python
        os.dup2(kept, 2)
        os.close(kept)
