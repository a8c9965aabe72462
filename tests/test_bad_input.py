"""What people give by mistake: one message that names the place, and nothing is written."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
from helpers import GOLDEN

from jaxsign import cli

SMALL = (
    "net.emb_dim=16",
    "net.n_heads=2",
    "net.n_layers=1",
    "net.ff_dim=32",
    "net.max_len=16",
    "net.num_gloss=5",
    "net.num_cat=3",
    "train.epochs=1",
    "log.progress=False",
)


class Fires:
    """Pickled into a file, it makes `mark` when somebody unpickles it."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def keypoints(frames=8, width=156, dtype=np.float32):
    return np.random.default_rng(frames).random((frames, width)).astype(dtype)


@pytest.fixture
def data(tmp_path):
    """A good folder of two clips, to be spoiled by a test."""
    folder = tmp_path / "data"
    folder.mkdir()
    for stem in ("a", "b"):
        np.savez(folder / f"{stem}.npz", X=keypoints())
    write_labels(folder, b"file,gloss,cat\na,0,0\nb,1,1\n")
    return folder


def write_labels(folder, content):
    (folder / "labels.csv").write_bytes(content)


def fails(capsys, *words):
    """The one error message of a command that must fail with status 1."""
    assert cli.main([str(word) for word in words]) == 1
    printed = capsys.readouterr().err
    assert printed.startswith("error: "), printed
    assert "Traceback" not in printed
    return printed


def training(folder, workdir, *words):
    settings = (f"data.train.path={folder}", f"data.val.path={folder}", *SMALL, *words)
    start = ("train", "--config", "fslr_transformer", "--workdir", workdir)
    return *start, *(f"--config.{word}" for word in settings)


SPOILED_ARRAYS = {
    "other key": ({"Y": keypoints()}, ("lacks the array 'X'", "found Y")),
    "width 150": (
        {"X": keypoints(8, 150), "Y": keypoints()},
        (
            "[8, 150] float32, expected [T, 156] float32. data.key=X names this array",
            "holds X [8, 150], Y [8, 156]. Name the one to learn: --config.data.key=NAME",
        ),
    ),
    "width 2048": ({"X": keypoints(8, 2048)}, ("[8, 2048]", "expected [T, 156]")),
    "no frames": ({"X": keypoints(0)}, ("X is empty [0, 156]",)),
    "one axis": ({"X": keypoints()[0]}, ("X is [156]",)),
    "no axis": ({"X": np.float32(1)}, ("X is []",)),
    "three axes": ({"X": keypoints()[None]}, ("X is [1, 8, 156]",)),
    "text": ({"X": keypoints().astype("U4")}, ("<U4", "expected [T, 156] float32")),
    "truth values": ({"X": keypoints() > 0.5}, ("bool", "expected [T, 156] float32")),
    "complex": ({"X": keypoints().astype(np.complex64)}, ("complex64",)),
    "nan": ({"X": np.full((8, 156), np.nan)}, ("NaN", "8 of 8 frames", "must be 0")),
    "infinite": ({"X": np.full((8, 156), np.inf)}, ("infinite", "8 of 8 frames")),
    "objects": ({"X": np.array([[1, "a"], [None, 2]], object)}, ("plain arrays",)),
    "images": ({"X": np.zeros((2, 8, 8, 3), np.uint8)}, ("same width",)),
}


@pytest.mark.parametrize("name", SPOILED_ARRAYS)
def test_a_spoiled_array_is_named_before_training(data, tmp_path, capsys, name):
    arrays, expected = SPOILED_ARRAYS[name]
    np.savez(data / "b.npz", **arrays)
    printed = fails(capsys, *training(data, tmp_path / "run"))
    for text in (str(data / "b.npz"), *expected):
        assert text in printed
    assert not (tmp_path / "run" / "checkpoints").exists()


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def flip(path):
    content = bytearray(path.read_bytes())
    content[600] ^= 255
    path.write_bytes(content)


def single_array(path):
    with path.open("wb") as file:
        np.save(file, keypoints())


SPOILED_FILES = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("hello"),
    "cut short": cut,
    "one bit off": flip,
    "npy named npz": single_array,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("name", SPOILED_FILES)
def test_a_spoiled_file_is_named_before_training(data, tmp_path, capsys, name):
    SPOILED_FILES[name](data / "b.npz")
    assert str(data / "b.npz") in fails(capsys, *training(data, tmp_path / "run"))


def test_pickles_in_clips_are_never_run(data, tmp_path, capsys):
    mark = tmp_path / "fired"
    np.savez(data / "a.npz", X=np.array([Fires(mark)], object))
    (data / "b.npz").write_bytes(pickle.dumps(Fires(mark)))
    printed = fails(capsys, *training(data, tmp_path / "run"))
    assert "2 problems" in printed
    assert cli.main(["validate", str(data)]) == 2
    assert not mark.exists()


SPOILED_LABELS = {
    "class beyond": (b"file,gloss,cat\na,5,0\n", ("line 2", "gloss=5", "0 to 4", "num_gloss")),
    "negative": (b"file,gloss,cat\na,-1,0\n", ("line 2", "gloss=-1")),
    "word": (b"file,gloss,cat\na,hello,0\nb,1,0\n", ("line 2", "'hello' is not an integer")),
    "nothing": (b"file,gloss,cat\na,,0\n", ("line 2: gloss is empty",)),
    "fraction": (b"file,gloss,cat\na,1.5,0\n", ("'1.5' is not an integer",)),
    "number too big": (b"file,gloss,cat\na,99999999999999999999,0\n", ("expected 0 to 4",)),
    "short rows": (b"file,gloss,cat\na,0\nb\n", ("line 3: gloss is empty",)),
    "clip twice": (b"file,gloss,cat\na,0,0\na.npz,0,0\n", ("line 3", "'a' again")),
    "no such clip": (b"file,gloss,cat\nz,0,0\n", ("z.npz: no such file", "missing=skip")),
    "no column": (b"file,cat\na,0\n", ("lacks the column(s) gloss", "found file, cat")),
    "no header": (b"a,0,0\n", ("has no header", "file,gloss")),
    "no rows": (b"file,gloss,cat\n", ("no rows",)),
    "empty": (b"", ("found none",)),
    "decimal commas": (b"file,gloss,cat\na,0,0,5\n", ("line 2: has more cells",)),
    "semicolons": (b"file;gloss;cat\na;9;0\n", ("line 2: gloss=9",)),
    "utf-16": (
        "file,gloss,cat\na,0,0\n".encode("utf-16"),
        ("--encoding utf-16", "save it as CSV in UTF-8"),
    ),
    "occluded": (b"file,gloss,cat,occluded\na,0,0,yes\n", ("'yes', expected 0 or 1",)),
    "workbook": (b"PK\3\4" + bytes(range(256)), ("no text, but a zip archive (workbooks",)),
    "packed": (gzip.compress(b"file,gloss,cat\na,0,0\n"), ("packed with gzip: unpack it first",)),
    "web page": (b"<!DOCTYPE html><html></html>", ("It is a web page",)),
    "open quote": (
        b'file,gloss,cat\n"a,0,0\nb,0,0\n',
        ("line 2", "quotation mark that is not closed"),
    ),
}


@pytest.mark.parametrize("name", SPOILED_LABELS)
def test_spoiled_labels_are_named_before_training(data, tmp_path, capsys, name):
    content, expected = SPOILED_LABELS[name]
    write_labels(data, content)
    printed = fails(capsys, *training(data, tmp_path / "run"))
    for text in (str(data), *expected):
        assert text in printed


def test_missing_places_are_named(data, tmp_path, capsys):
    assert "data.train.path is not set" in fails(capsys, *training("", tmp_path / "run"))
    assert "no such folder" in fails(capsys, *training(tmp_path / "no", tmp_path / "run"))
    assert "no such folder" in fails(capsys, *training(data / "a.npz", tmp_path / "run"))
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in fails(capsys, *training(data, tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"
    (data / "labels.csv").unlink()
    assert "labels.csv: no such file. Expected a csv file" in fails(
        capsys, *training(data, tmp_path / "run")
    )


SETTINGS = {
    "input.batch_size=-1": "input.batch_size=-1",
    "input.batch_size=abc": "input.batch_size",
    "input.buckets=(0,16)": "positive whole numbers",
    "input.buckets=abc": "positive whole numbers",
    "optim.accumulation=0": "optim.accumulation=0",
    "optim.name=foo": "'adam', 'adamw', 'radam' or 'sgd'",
    "schedule.name=foo": "'constant', 'cosine'",
    "precision=foo": "'float32', 'bfloat16_products', 'bfloat16' or 'float16'",
    "parallel=foo": "'pmap' or 'jit'",
    "devices=99": "devices=99",
    "train.epochs=0": "train.epochs=0",
    "net.name=foo": "sign_transformer",
    "loss.weights=(1,2,3)": "2 numbers",
    "loss.weighting=gradnorm": "uncertainty",
    "view.normalise=foo": "shoulders",
    "deterministic=maybe": "deterministic",
    "input.augment.mask_prob=7": "0 to 1",
    "data.source=npzz": "Did you mean 'npz'?",
    "net.input_dim=2048": "156 numbers a frame",
    "optim.lrr=1": "Did you mean 'optim.lr'?",
}


@pytest.mark.parametrize("word", SETTINGS)
def test_a_nonsense_setting_is_explained(data, tmp_path, capsys, word):
    assert SETTINGS[word] in fails(capsys, *training(data, tmp_path / "run", word))


IMPORTS = {
    "one byte": b"\x80",
    "random bytes": np.random.default_rng(0).bytes(3000),
    "text": b"hello\n",
    "empty": b"",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_import_refuses_what_is_no_checkpoint(tmp_path, capsys, name):
    path = tmp_path / "x.pt"
    path.write_bytes(IMPORTS[name])
    printed = fails(capsys, "import", path, "--workdir", tmp_path / "run")
    assert str(path) in printed and "not a readable torch checkpoint" in printed
    assert not (tmp_path / "run").exists()


def test_import_never_runs_code(tmp_path, capsys):
    torch = pytest.importorskip("torch")
    mark = tmp_path / "fired"
    torch.save({"model": Fires(mark)}, tmp_path / "x.pt")
    assert "refused" in fails(capsys, "import", tmp_path / "x.pt", "--workdir", tmp_path / "run")
    assert not mark.exists() and not (tmp_path / "run").exists()


def lose(weights):
    weights.popitem()


def add(weights):
    weights["foo.weight"] = next(iter(weights.values()))


@pytest.mark.parametrize(("spoil", "expected"), [(lose, "missing"), (add, "unexpected key")])
def test_import_names_keys_that_do_not_fit(tmp_path, capsys, spoil, expected):
    torch = pytest.importorskip("torch")
    source = GOLDEN / "fslr" / "checkpoints" / "raw_state_dict.pt"
    weights = dict(torch.load(source, weights_only=True))
    spoil(weights)
    torch.save(weights, tmp_path / "x.pt")
    printed = fails(capsys, "import", tmp_path / "x.pt", "--workdir", tmp_path / "run")
    assert expected in printed and not (tmp_path / "run").exists()


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_what_is_no_run_folder_is_said(data, tmp_path, capsys, verb):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "no", tmp_path / "empty", data / "a.npz"):
        words = (verb, "--workdir", place, *([data] if verb == "predict" else []))
        assert "is not a run folder" in fails(capsys, *words)
