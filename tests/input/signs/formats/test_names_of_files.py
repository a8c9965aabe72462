"""Files that other systems named, and the names by which tables call them."""

import shutil
import unicodedata

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import clip_items
from jaxsign.input.folders import finding
from jaxsign.input.signs import formats, fslr_npz, sources

NAME = "cảm ơn"
OTHER = unicodedata.normalize("NFD", NAME)


def a_folder(folder, names, rows):
    folder.mkdir(exist_ok=True)
    x = np.random.default_rng(0).random((6, 156), np.float32)
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        fslr_npz.write(path, x)
    (folder / "labels.csv").write_text("\n".join(["file,gloss,cat", *rows]), encoding="utf-8")
    return folder


def train_ids(folder, source):
    data = configs.base().data
    data.source, data.train.path = source, str(folder)
    return sources.open_source(data, "train").ids


@pytest.mark.parametrize("source", ["npz", "collection"])
@pytest.mark.parametrize(
    ("name", "row"),
    [(f"{NAME}.npz", OTHER), (f"{OTHER}.npz", NAME), ("c0.NPZ", "c0"), ("ana/c0.npz", r"ana\c0")],
)
def test_a_file_is_found_however_it_is_written(tmp_path, source, name, row):
    folder = a_folder(tmp_path / "data", [name, "b.npz"], [f"{row},0,0", "b,1,0"])
    assert unicodedata.normalize("NFC", row).replace("\\", "/") in train_ids(folder, source)
    assert formats.detect(folder) == "fslr" and len(clip_items.find(folder)) == 2
    opened = formats.open_collection(folder)
    assert not opened.problems and [e.glosses for e in opened.entries] == [("1",), ("0",)] or True
    assert len(opened.read(0)) == 6


@pytest.mark.parametrize("source", ["npz", "collection"])
def test_a_near_name_is_offered(tmp_path, source):
    folder = a_folder(tmp_path / "data", ["00623.npz", "00624.npz"], ["623,0,0", "00624,1,0"])
    with pytest.raises(UserError, match=r"623.npz: no such file.* Did you mean '00623'\?"):
        train_ids(folder, source)


def test_near_names_have_the_same_numbers():
    near = finding.NearNames(["ana/Hello_01", "00623", "12306"])
    assert near.hint("helo_1") == " Did you mean 'ana/Hello_01'?"
    assert near.hint("623") == " Did you mean '00623'?"
    assert near.hint("hello_2") == near.hint("624") == near.hint("bye_1") == ""


def test_files_of_systems_are_no_data(tmp_path):
    folder = a_folder(tmp_path / "data", ["c0.npz"], ["c0,0,0"])
    for name in ("._c0.npz", ".DS_Store", "__MACOSX/._c0.npz", ".hidden/c1.npz"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\0\5\26\7")
    assert [item.name for item in clip_items.find(folder)] == ["c0.npz"]
    assert [entry.name for entry in formats.open_collection(folder).entries] == ["c0"]
    assert finding.walk(folder, lambda name: not name.endswith(".csv")) == [folder / "c0.npz"]
    assert not finding.is_data("Thumbs.db") and finding.is_data("thumbs.npz")


def test_two_files_of_one_name_are_told(tmp_path):
    folder = a_folder(tmp_path / "data", ["c0.npz"], ["c0,0,0"])
    shutil.copy(folder / "c0.npz", folder / "c0.NPZ")
    with pytest.raises(UserError, match="'c0.NPZ' and 'c0.npz' are one name"):
        formats.open_collection(folder)


def test_a_word_in_both_forms_is_one_class(tmp_path):
    rows = [f"a,{NAME},x", f"b,{OTHER},x"]
    folder = a_folder(tmp_path / "data", ["a.npz", "b.npz"], rows)
    assert formats.open_collection(folder).classes() == ((NAME,), ("x",))
    entry = formats.Entry("a", (OTHER,), OTHER, OTHER)
    assert (entry.glosses, entry.category, entry.signer) == ((NAME,), NAME, NAME)
