import json
import os
import subprocess
import sys

import numpy as np
import pytest
from collections_of_clips import a_clip, google_folder, in_memory, read_csv, write_csv

from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.preparing import choosing, linking, placing, splitting
from jaxsign.whole import whole

MAP = "sign_to_prediction_index_map.json"


def files(folder):
    return {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}


def choose(source, out, signs, **options):
    chosen = choosing.choose(formats.open_collection(source), signs)
    return placing.place(source, chosen, out, **options)


def split(source, out, to="auto", overwrite=False, **options):
    made = splitting.split(formats.open_collection(source), **options)
    return placing.place(source, made, out, to, overwrite=overwrite)


def convert(source, out):
    return formats.write_collection(formats.open_collection(source), out, "store")


def clips_folder(folder, count=12, signers=3):
    for i in range(count):
        a_clip(i).save(folder / f"take {i:02d}.clip.npz")
    header = ["file", "gloss", "cat", "signer", "occluded"]
    rows = [[f"take {i:02d}", 2 * (i % 2), 4, f"s{i % signers}", i % 2] for i in range(count)]
    write_csv(folder / "labels.csv", [header, *rows])
    return folder


def test_google_files_stay_byte_for_byte(tmp_path):
    source = google_folder(tmp_path / "all")
    placed = choose(source, tmp_path / "some", ["zebra", "go"])
    rows = read_csv(tmp_path / "some" / "train.csv")
    wanted = [row for row in read_csv(source / "train.csv") if row["sign"] in ("zebra", "go")]
    assert rows == wanted and len(rows) == 12 and rows[0]["remark"] == "note 0"
    for row in rows:
        new, old = tmp_path / "some" / row["path"], source / row["path"]
        assert new.read_bytes() == old.read_bytes()
    assert (tmp_path / "some" / MAP).read_text() == '{\n  "zebra": 0,\n  "go": 1\n}\n'
    assert placed.files.linked + placed.files.copied == placed.clips == 12
    assert len(files(tmp_path / "some")) == 14
    again = formats.open_collection(tmp_path / "some")
    assert again.classes()[0] == ("zebra", "go") and not again.problems


def test_what_a_killed_one_left_is_taken_up(tmp_path):
    source = clips_folder(tmp_path / "all")
    left = tmp_path / ".parts.partial" / "whole" / "train"
    left.mkdir(parents=True)
    (left / "old.clip.npz").write_bytes(b"cut")
    split(source, tmp_path / "parts", val_share=0.2)
    assert {path.name for path in tmp_path.iterdir()} == {"all", "parts"}
    assert not any("old" in name for name in files(tmp_path / "parts"))


def test_copies_share_nothing_with_the_source(tmp_path):
    source = google_folder(tmp_path / "all", signs=("go",), signers=("7",))
    placed = choose(source, tmp_path / "some", ["go"], copy=True)
    assert (placed.files.copied, placed.files.linked) == (2, 0)
    path = read_csv(source / "train.csv")[0]["path"]
    assert not os.path.samefile(source / path, tmp_path / "some" / path)


def test_a_folder_a_split_for_google(tmp_path):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7", "8", "9"))
    split(source, tmp_path / "parts", val_share=0.2)
    found = {name: read_csv(tmp_path / "parts" / name / "train.csv") for name in formats.SPLITS}
    signers = {name: {row["participant_id"] for row in rows} for name, rows in found.items()}
    assert [len(signers[name]) for name in formats.SPLITS] == [3, 1, 1]
    assert set.union(*signers.values()) == {"5", "6", "7", "8", "9"}
    for name in formats.SPLITS:
        part = formats.open_collection(tmp_path / "parts" / name)
        assert part.classes()[0] == ("go", "hello", "zebra") and not part.problems
        assert len(part) == len(found[name]) and part.read(0).landmarks.shape == (3, 543, 3)
    whole = formats.open_collection(tmp_path / "parts")
    assert {entry.split for entry in whole.entries} == set(formats.SPLITS) and len(whole) == 30


def test_splitting_anew_what_is_split_already(tmp_path):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7", "8", "9"))
    split(source, tmp_path / "one")
    split(tmp_path / "one", tmp_path / "two", by="stratified", test_share=0.5)
    paths = [
        r["path"] for n in ("train", "test") for r in read_csv(tmp_path / "two" / n / "train.csv")
    ]
    assert sorted(paths) == sorted(row["path"] for row in read_csv(source / "train.csv"))
    assert len(formats.open_collection(tmp_path / "two")) == 30


def test_a_folder_in_use_is_left_alone(tmp_path):
    source = google_folder(tmp_path / "all")
    out = tmp_path / "some"
    choose(source, out, ["go"])
    before = {name: path.read_bytes() for name, path in files(out).items()}
    with pytest.raises(
        UserError, match=r"(?s)not empty.*--overwrite.*some/train.csv.*deletes noth"
    ):
        choose(source, out, ["hello"])
    assert {name: path.read_bytes() for name, path in files(out).items()} == before
    placed = choose(source, out, ["hello", "go"], overwrite=True)
    assert placed.files.kept == 6 and placed.files.linked + placed.files.copied == 6
    assert set(before) < set(files(out)) and len(read_csv(out / "train.csv")) == 12


def test_an_interrupted_choice_goes_on(tmp_path):
    source = google_folder(tmp_path / "all")
    choose(source, tmp_path / "some", ["go"])
    for name in ("train.csv", MAP):
        (tmp_path / "some" / name).unlink()
    placed = choose(source, tmp_path / "some", ["go", "zebra"])
    assert placed.files.kept == 6 and placed.clips == 12
    (tmp_path / "some" / "train.csv").unlink()
    (tmp_path / "some" / MAP).unlink()
    changed = next((tmp_path / "some").rglob("*.parquet"))
    changed.unlink()
    changed.write_bytes(b"other")
    with pytest.raises(UserError, match=r"(?s)1 clip files .* other content.*--overwrite"):
        choose(source, tmp_path / "some", ["go", "zebra"])
    choose(source, tmp_path / "some", ["go", "zebra"], overwrite=True)
    assert changed.read_bytes() != b"other"


@pytest.mark.parametrize("left", ["train/train.csv", "train/" + MAP, "test/.train.csv.1.tmp"])
def test_an_interrupted_split_goes_on_wherever_it_was(tmp_path, left):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7"))
    split(source, tmp_path / "parts", test_share=0.4)
    before = {name: path.read_bytes() for name, path in files(tmp_path / "parts").items()}
    lists = [name for name in before if name.endswith((".csv", ".json"))]
    for name in lists:
        if name != left:
            (tmp_path / "parts" / name).unlink()
    if left not in lists:
        (tmp_path / "parts" / left).write_text("half")
    split(source, tmp_path / "parts", test_share=0.4)
    assert {name: path.read_bytes() for name, path in files(tmp_path / "parts").items()} == before


def test_an_empty_folder_is_filled_in_one_act(tmp_path, monkeypatch):
    source, out = clips_folder(tmp_path / "clips"), tmp_path / "out"
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    empty = out.stat()
    split(source, tmp_path / "link")
    assert not os.path.samestat(empty, out.stat()) and (tmp_path / "link").is_symlink()
    wanted = sorted(files(out))
    for name, write in (("a", split), ("b", convert)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write(source, ".")
        # Whoever stands in a folder sees what was written there.
        assert (tmp_path / name).samefile(".") and len(formats.open_collection(".")) == 12
    assert sorted(files(tmp_path / "a")) == wanted


def test_old_lists_that_would_be_read_too_are_refused(tmp_path):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7", "8", "9"))
    split(source, tmp_path / "parts", val_share=0.2)
    with pytest.raises(UserError, match=r"(?s)would stay.*val/train.csv.*Move"):
        split(source, tmp_path / "parts", overwrite=True)
    folder = clips_folder(tmp_path / "clips")
    split(folder, tmp_path / "out", by="stratified", test_share=0.5)
    before = sorted(files(tmp_path / "out"))
    with pytest.raises(UserError, match=r"(?s)would stay.*take.*Nothing was changed"):
        split(folder, tmp_path / "out", by="stratified", test_share=0.25, overwrite=True)
    assert sorted(files(tmp_path / "out")) == before
    with pytest.raises(UserError, match=r"not empty .labels.json, test, train.*--overwrite"):
        split(folder, tmp_path / "out", by="stratified", test_share=0.5)
    split(folder, tmp_path / "out", by="stratified", test_share=0.5, overwrite=True)
    assert sorted(files(tmp_path / "out")) == before


def test_clip_files_keep_their_bytes_numbers_and_other_columns(tmp_path):
    source = clips_folder(tmp_path / "clips")
    split(source, tmp_path / "out")
    seen = 0
    for name in ("train", "test"):
        for row in read_csv(tmp_path / "out" / name / "labels.csv"):
            old = source / row["file"]
            assert (tmp_path / "out" / name / row["file"]).read_bytes() == old.read_bytes()
            number = int(row["file"].split()[1][:2])
            assert (row["gloss"], row["cat"]) == (str(2 * (number % 2)), "4")
            assert (row["occluded"], row["signer"]) == (str(number % 2), f"s{number % 3}")
            seen += 1
    assert seen == 12
    names = json.loads((tmp_path / "out" / "labels.json").read_text())["heads"]
    assert names["gloss"] == ["0", "1", "2"]
    whole = formats.open_collection(tmp_path / "out")
    assert len(whole) == 12 and {e.split for e in whole.entries} == {"train", "test"}


@pytest.mark.parametrize("to", ["clips", "fslr", "google_islr", "signon", "store", "whispersign"])
def test_any_format_into_any_other(tmp_path, to):
    source = google_folder(tmp_path / "all", signs=("go", "hello"))
    placed = split(source, tmp_path / "out", to, by="stratified", test_share=0.5)
    assert placed.format == to and placed.clips == 12 and not placed.skipped
    found = formats.open_collection(tmp_path / "out", to)
    assert len(found) == 12 and not found.problems
    assert found.classes()[0] == ("go", "hello")
    counts = {name: sum(e.split == name for e in found.entries) for name in ("train", "test")}
    assert counts == {"train": 6, "test": 6}
    assert all(found.read(i).landmarks.shape[1:] == (543, 3) for i in (0, 11))


def test_a_source_of_two_splits_with_one_name(tmp_path):
    for name in ("train", "test"):
        for i in range(2):
            a_clip(i + 10 * len(name)).save(tmp_path / "a" / name / f"x{i}.clip.npz")
        write_csv(tmp_path / "a" / name / "labels.csv", [["file", "gloss"], ["x0", 0], ["x1", 0]])
    split(tmp_path / "a", tmp_path / "b", by="stratified", test_share=0.5)
    old = sorted(p.read_bytes() for p in files(tmp_path / "a").values() if p.suffix == ".npz")
    new = sorted(p.read_bytes() for p in files(tmp_path / "b").values() if p.suffix == ".npz")
    assert old == new and len(set(new)) == 4


def test_bad_places(tmp_path):
    source = google_folder(tmp_path / "all", signs=("go",))
    for inside in (source, source / "part"):
        with pytest.raises(UserError, match="lies in .*twice"):
            choose(source, inside, ["go"])
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        choose(source, tmp_path / "file", ["go"])
    with pytest.raises(UserError, match="'sequences' can be read but not written"):
        choose(source, tmp_path / "new", ["go"], format="sequences")
    collection = in_memory([("a", "")])
    collection.entries = []
    with pytest.raises(UserError, match="no clip is left"):
        placing.place(source, collection, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_names_cannot_lead_out_of_the_folder(tmp_path):
    source = google_folder(tmp_path / "all", signs=("go",), signers=("1", "2"))
    rows = read_csv(source / "train.csv")
    outside = source / "train_landmark_files/../../secret.parquet"
    outside.write_bytes((source / rows[0]["path"]).read_bytes())
    rows[0]["path"] = "train_landmark_files/../../secret.parquet"
    write_csv(source / "train.csv", [list(rows[0]), *(list(row.values()) for row in rows)])
    with pytest.raises(UserError, match=r"(?s)1 clips have names that no file can have.*secret"):
        choose(source, tmp_path / "some", ["go"])


def test_nothing_is_left_of_a_failed_writing(tmp_path):
    source = google_folder(tmp_path / "all", signs=("go",), signers=("1", "2"), each=1)
    for path in source.rglob("*.parquet"):
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match="none of 1 clips could be written|none of 2 clips"):
        choose(source, tmp_path / "out" / "clips", ["go"], format="clips")
    assert not list((tmp_path / "out").iterdir())


def test_whole_numbers_of_fslr_stay(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        arrays = {"X": rng.random((3, 156), np.float32), "mask": np.ones((3, 78), bool)}
        (tmp_path / "a").mkdir(exist_ok=True)
        np.savez(tmp_path / "a" / f"clip_{i}.npz", **arrays)
    rows = [["clip_0.npz", 104, 9, 0], ["clip_1", 11, 1, 1], ["clip_2", 104, 9, 1]]
    header = ["file", "gloss", "cat", "occluded"]
    write_csv(tmp_path / "a" / "labels.csv", [header, *rows, ["clip_3", 11, 1, 0]])
    split(tmp_path / "a", tmp_path / "b", by="stratified", test_share=0.0, val_share=0.5)
    found = [r for n in ("train", "val") for r in read_csv(tmp_path / "b" / n / "labels.csv")]
    cells = {(r["file"], r["gloss"], r["cat"], r["occluded"]) for r in found}
    assert cells == {
        ("clip_0.npz", "104", "9", "0"),
        ("clip_1.npz", "11", "1", "1"),
        ("clip_2.npz", "104", "9", "1"),
        ("clip_3.npz", "11", "1", "0"),
    }


_KILLED = """
import os, pathlib, sys
from jaxsign.input.signs.preparing import linking
os.replace = lambda *_: os._exit(9)
linking.place(*map(pathlib.Path, sys.argv[1:]), linking.LinkCounts())
"""


def test_what_a_killed_process_linked_is_not_written_into(tmp_path):
    origin, path = tmp_path / "a", tmp_path / "out" / "b"
    origin.write_text("kept")
    assert subprocess.run([sys.executable, "-c", _KILLED, origin, path]).returncode == 9
    with whole(path) as draft:
        draft.write_text("other")
    assert origin.read_text() == "kept"
    counts = linking.LinkCounts()
    linking.place(origin, path, counts)
    assert counts.linked == 1 and path.samefile(origin)
    assert [file.name for file in path.parent.iterdir()] == ["b"]
