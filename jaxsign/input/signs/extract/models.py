"""The landmarkers' model files: given by path, never fetched."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from jaxsign import reading
from jaxsign.errors import UserError, listing

_PAGES = "https://ai.google.dev/edge/mediapipe/solutions/vision"
# What MediaPipe publishes for each landmarker, and the page that documents it.
PUBLISHED = {
    "holistic": ("holistic_landmarker.task", f"{_PAGES}/holistic_landmarker"),
    "hand": ("hand_landmarker.task", f"{_PAGES}/hand_landmarker"),
    "pose": ("pose_landmarker_full.task", f"{_PAGES}/pose_landmarker"),
    "face": ("face_landmarker.task", f"{_PAGES}/face_landmarker"),
}
OPTIONS = {"holistic": "--model", "hand": "--hand", "pose": "--pose", "face": "--face"}


def _where(kind: str) -> str:
    name, page = PUBLISHED[kind]
    return (
        f"MediaPipe publishes {name}; get it as described at {page} (section Models), put it "
        f"anywhere on this machine, for instance models/{name}, and give its path: "
        f"{OPTIONS[kind]} models/{name}. jaxsign downloads nothing."
    )


# What is said where no model is given.
WANTED = (
    "Expected --model PATH (all landmarks in one), or --hand, --pose and --face.\n"
    f"{_where('holistic')}"
)


def check(paths: Mapping[str, str | None]) -> dict[str, Path]:
    """The model files that are given, by landmarker.

    Args:
      paths: for each of `PUBLISHED` a path or None.

    Raises:
      UserError: none given, holistic and others together, or files that are no model bundles.
    """
    given = {kind: Path(path) for kind, path in paths.items() if path}
    if not given:
        raise UserError(f"No landmark model given. {WANTED}")
    if "holistic" in given and len(given) > 1:
        others = ", ".join(OPTIONS[kind] for kind in given if kind != "holistic")
        raise UserError(f"--model finds hands, pose and face by itself: leave out {others}.")
    problems = [text for kind, path in given.items() if (text := _problem(kind, path))]
    if len(problems) == 1:
        raise UserError(problems[0])
    if problems:
        raise UserError(f"{len(problems)} model files cannot be used:\n{listing(problems)}")
    return given


def _problem(kind: str, path: Path) -> str:
    what = reading.problem(path)
    if what:
        pass
    elif not zipfile.is_zipfile(path):
        what = "is no MediaPipe model bundle (a .task file is a zip archive); it may be cut short"
    else:
        return ""
    return f"{OPTIONS[kind]} {path}: {what}. {_where(kind)}"


def fingerprints(models: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Name and SHA-256 of each file by its option, for the record beside the clips."""
    return {
        OPTIONS[kind].strip("-"): {"file": path.name, "sha256": _sha256(path)}
        for kind, path in models.items()
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
