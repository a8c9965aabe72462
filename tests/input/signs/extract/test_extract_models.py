"""Missing models and libraries are told with their names and where they come from."""

import zipfile

import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs.extract import libraries, models
from jaxsign.input.signs.extract.settings import ExtractionSettings

NONE = dict.fromkeys(("holistic", "hand", "pose", "face"))


def _bundle(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.tflite", b"weights")
    return str(path)


@pytest.mark.parametrize("kind", list(NONE))
def test_a_missing_file_is_named_with_its_page(tmp_path, kind):
    path = str(tmp_path / "mine.task")
    with pytest.raises(UserError) as told:
        models.check(NONE | {kind: path})
    name, page = models.PUBLISHED[kind]
    for words in (path, "no such file", name, page, f"{models.OPTIONS[kind]} models/{name}"):
        assert words in str(told.value)


def test_all_missing_files_are_told_at_once(tmp_path):
    (tmp_path / "cut.task").write_bytes(b"PK\3\4 and no end")
    wrong = {"hand": str(tmp_path / "cut.task"), "pose": str(tmp_path), "face": "/no/face.task"}
    with pytest.raises(
        UserError, match="3 model files(?s:.*)cut short(?s:.*)folder(?s:.*)/no/face"
    ):
        models.check(NONE | wrong)


def test_which_models_go_together(tmp_path):
    bundle = _bundle(tmp_path / "a.task")
    with pytest.raises(UserError, match="No landmark model given.*--model"):
        models.check(NONE)
    with pytest.raises(UserError, match="leave out --hand, --face"):
        models.check({"holistic": bundle, "hand": bundle, "pose": None, "face": bundle})
    assert list(models.check(NONE | {"hand": bundle, "pose": bundle})) == ["hand", "pose"]
    prints = models.fingerprints(models.check(NONE | {"hand": bundle}))
    assert prints["hand"]["file"] == "a.task" and len(prints["hand"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libEGL.so.1", "libegl1"),
        ("libGLESv2.so.2", "libgles2"),
        ("libGL.so.1", "libgl1"),
        ("libgthread-2.0.so.0", "libglib2.0-0"),
        ("libodd.so.3", "a package of the system"),
    ],
)
def test_missing_system_libraries_are_named(library, package):
    def load():
        raise OSError(f"{library}: cannot open shared object file: No such file or directory")

    with pytest.raises(UserError) as told:
        libraries.guarded(load, "MediaPipe cannot be loaded")
    text = str(told.value)
    assert f"library {library} is missing" in text and package in text
    assert "apt-get install libegl1 libgles2 libgl1 libglib2.0-0" in text


def test_other_failures_keep_their_first_line():
    def absent():
        import no_such_package  # noqa: F401

    def fail():
        raise RuntimeError("No file in the bundle.\n=== Source Location Trace: ===")

    with pytest.raises(UserError, match="pip install no_such_package"):
        libraries.guarded(absent, "MediaPipe cannot be loaded")
    with pytest.raises(UserError, match=r"^a.task: cannot be loaded: No file in the bundle\.$"):
        libraries.guarded(fail, "a.task: cannot be loaded")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every_nth": 0}, "--every-nth 0"),
        ({"target_fps": -1.0}, "--target-fps -1"),
        ({"target_fps": float("nan")}, "--target-fps nan"),
        ({"max_side": 10}, "--max-side 10"),
        ({"confidence": 1.5, "every_nth": -1}, "(?s)--every-nth -1.*--confidence 1.5"),
        ({"every_nth": 2, "target_fps": 10.0}, "give one of them"),
    ],
)
def test_settings_that_make_no_sense(options, message):
    with pytest.raises(UserError, match=message):
        ExtractionSettings(**options)
