import os
import shutil
import subprocess
import sys
from pathlib import Path

import helpers
import making
import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import _writing

MINI = helpers.GOLDEN / "asl_hybrid" / "mini_islr"


def convert(*words):
    return cli.main(["convert", *map(str, words)])


def test_bad_files_are_told_counted_and_do_not_stop(tmp_path, capsys):
    assert convert(MINI, "--out", tmp_path / "out") == 2
    shown = capsys.readouterr()
    assert "15 clips in format clips (from google_islr)" in shown.out
    assert "5 left out" in shown.err
    for name in ("9000000", "9000001", "9000002", "zebra", "9000004"):
        assert name in shown.err
    found, source = formats.open_collection(tmp_path / "out"), formats.open_collection(MINI)
    places = {entry.name: i for i, entry in enumerate(source.entries)}
    for i, entry in enumerate(found.entries):
        making.same(found.read(i), source.read(places[entry.name]))
        assert entry.glosses == source.entries[places[entry.name]].glosses
    assert convert(MINI, "--out", tmp_path / "skipped", "--skip") == 0


def test_strict_writes_nothing(tmp_path, capsys):
    only_unreadable = tmp_path / "mini"
    shutil.copytree(MINI, only_unreadable)
    rows = (MINI / "train.csv").read_text().splitlines()
    kept = [row for row in rows if "9000002" not in row and "9000003" not in row]
    (only_unreadable / "train.csv").write_text("\n".join(kept) + "\n")
    for source in (MINI, only_unreadable):
        assert convert(source, "--out", tmp_path / "out", "--strict") == 1
        assert "900000" in capsys.readouterr().err
        assert [p.name for p in tmp_path.iterdir()] == ["mini"]


def test_losses_are_told_and_the_original_accepts_the_result(tmp_path, capsys):
    assert convert(MINI, "--out", tmp_path / "out", "--to", "fslr", "--skip", "--parquet") == 0
    assert "keeps 78 of the 543 points" in capsys.readouterr().out
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == 15
    assert cli.main(["validate", str(tmp_path / "out")]) == 0


def test_one_file_to_one_file(tmp_path, capsys):
    file = MINI / "train_landmark_files" / "2044" / "1007005.parquet"
    for name in ("a.clip.npz", "b.pose", "c.npz", "d.parquet", "e/f.npy"):
        assert convert(file, "--out", tmp_path / name) == 0
        assert (tmp_path / name).is_file()
    making.same(
        formats.open_collection(tmp_path / "a.clip.npz").read(0),
        formats.open_collection(tmp_path / "d.parquet").read(0),
    )
    assert convert(MINI, "--out", tmp_path / "g.pose") == 1
    assert "name of one file" in capsys.readouterr().err


def test_only_some_splits(tmp_path):
    entries = [formats.Entry(n, ("A",), "", "", s) for n, s in (("x", "train"), ("y", "val"))]
    source = making.collection([making.clip(seed=i) for i in range(2)], entries)
    formats.write_collection(source, tmp_path / "s", "store")
    assert convert(tmp_path / "s", "--out", tmp_path / "c", "--split", "val") == 0
    assert [e.name for e in formats.open_collection(tmp_path / "c").entries] == ["y"]
    assert convert(tmp_path / "s", "--out", tmp_path / "d", "--split", "test") == 1


def test_what_is_there_is_not_overwritten(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert convert(MINI, "--out", tmp_path / "out") == 1
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "stores"], "Did you mean 'store'"),
        (["--from", "clip"], "Did you mean 'clips'"),
        (["--to", "sequences"], "read but not written"),
        (["--to", "clips", "--max-gap", "3"], "no option 'max_gap'"),
        (["--to", "fslr", "--float16"], "no option 'dtype'"),
    ],
)
def test_impossible_wishes(tmp_path, capsys, words, message):
    assert convert(MINI, "--out", tmp_path / "out", *words) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path):
    def stop(name):
        raise KeyboardInterrupt

    source = making.collection([making.clip()] * 3, [formats.Entry(c) for c in "abc"])
    for name in ("clips", "store"):
        with pytest.raises(KeyboardInterrupt):
            formats.write_collection(source, tmp_path / "out", name, on_clip=stop)
        assert not list(tmp_path.iterdir())


def test_names_that_leave_the_folder_are_refused(tmp_path):
    entries = [formats.Entry(name) for name in ("../a", "/b", "c", "c")]
    source = making.collection([making.clip()] * 4, entries)
    written = formats.write_collection(source, tmp_path / "in" / "out", "clips")
    assert written.count == 1 and len(written.skipped) == 3
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["c.clip.npz"]


def test_large_collections_become_a_store(tmp_path, monkeypatch):
    monkeypatch.setattr(_writing, "STORE_FROM", 3)
    source = making.collection([making.clip()] * 3)
    assert formats.write_collection(source, tmp_path / "a").format == "store"
    assert formats.write_collection(source.part([0, 1]), tmp_path / "b").format == "clips"


def test_float16_numbers_that_do_not_fit_are_told(tmp_path):
    big = making.clip(2)
    big.landmarks[0, 500, 2] = 1e6
    source = making.collection([making.clip(2), big])
    written = formats.write_collection(source, tmp_path / "a", "store", dtype="float16")
    assert written.count == 1 and "beyond float16" in written.skipped[0]
    assert any("float16" in loss for loss in written.losses)
    with pytest.raises(UserError, match="none of 1 clips"):
        formats.write_collection(source.part([1]), tmp_path / "b", "store", dtype="float16")
    assert np.isfinite(formats.open_collection(tmp_path / "a").read(0).timestamps).all()


def test_the_list_of_formats(capsys):
    with pytest.raises(SystemExit) as ended:
        convert("--formats")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in formats.names())


def written_again(tmp_path, entries, name):
    """What is read of clips with these entries after they were written in a format."""
    held = [making.clip(2 + i, i) for i in range(len(entries))]
    written = formats.write_collection(making.collection(held, entries), tmp_path / "out", name)
    found = formats.open_collection(tmp_path / "out")
    assert not found.problems
    clips = {entry.glosses: found.frames(i) for i, entry in enumerate(found.entries)}
    return clips, [entry.name for entry in found.entries], written.skipped


ODD = ("./b", "c//d", "e/", ".hidden", "x/.h", "a\\b", " c", "c ", "n\n", "nul\0", "bad\udcff")


@pytest.mark.parametrize("name", ["clips", "store", "google_islr"])
def test_names_that_would_not_be_found_again_are_left_out_and_told(tmp_path, name):
    entries = [formats.Entry(odd, (f"G{i}",)) for i, odd in enumerate(ODD)]
    entries += [formats.Entry("x" * 254, ("LONG",)), formats.Entry('ok/Ü, "1"', ("GOOD",))]
    clips, names, skipped = written_again(tmp_path, entries, name)
    kept = {"GOOD", "LONG"} if name == "store" else {"GOOD"}
    assert set(clips) == {(gloss,) for gloss in kept} and 'ok/Ü, "1"' in names
    assert len(skipped) == len(entries) - len(kept)
    for odd in ODD:
        assert any(text.startswith(f"{odd!r} is no good name") for text in skipped)


@pytest.mark.parametrize("name", ["clips", "google_islr", "signon"])
def test_labels_that_would_not_come_back_are_left_out_and_told(tmp_path, name):
    entries = [
        formats.Entry(f"c{i}", (g,)) for i, g in enumerate((" A", "A ", "A\rB", "A\0", "A\nB"))
    ]
    clips, _, skipped = written_again(tmp_path, entries, name)
    assert clips == {("A\nB",): 6} and len(skipped) == 4 and "label ' A'" in skipped[0]


def test_two_clips_for_one_file_are_told(tmp_path):
    entries = [
        formats.Entry("a", ("X",), "", "", "train"),
        formats.Entry("train/a", ("Y",), "", "", "train"),
    ]
    clips, _, skipped = written_again(tmp_path, entries, "google_islr")
    assert clips == {("X",): 2} and "another clip of the split train is called 'a'" in skipped[0]


def test_classes_that_would_not_come_back_are_an_error(tmp_path):
    source = making.collection([making.clip()], glosses=("YES", " NO"))
    with pytest.raises(UserError, match="the class ' NO' would not come back"):
        formats.write_collection(source, tmp_path / "out", "clips")
    assert not list(tmp_path.iterdir())


def test_places_that_do_not_work(tmp_path, capsys):
    source = tmp_path / "in"
    formats.write_collection(making.collection([making.clip()] * 2), source, "clips")
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    places = {
        source: "lies in",
        source / "out": "would then hold its clips twice",
        tmp_path / "file": "exists already",
        tmp_path / "file" / "out": "file is a file",
        tmp_path / "link": "leads nowhere",
    }
    before = sorted(tmp_path.rglob("*"))
    for place, words in places.items():
        assert convert(source, "--out", place) == 1
        assert words in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_to_an_empty_folder_stays(tmp_path):
    (tmp_path / "disk" / "empty").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "empty")
    formats.write_collection(making.collection([making.clip()]), tmp_path / "link", "store")
    assert (tmp_path / "link").is_symlink()
    assert len(formats.open_collection(tmp_path / "disk" / "empty")) == 1


@pytest.mark.parametrize("name", ["store", "clips", "google_islr", "pose", "fslr", "signon"])
def test_a_full_disk_leaves_nothing(tmp_path, name):
    """A process that may write only so much to one file meets the same errors."""
    code = (
        "import resource, signal, sys; import making; from jaxsign.input.signs import formats\n"
        "from jaxsign.errors import UserError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "source = making.collection([making.clip(50, i) for i in range(2)])\n"
        "formats.get(sys.argv[2]); import array_record.python.array_record_module\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try: formats.write_collection(source, sys.argv[1], sys.argv[2])\n"
        "except UserError as error: print(error)\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "out"), name]
    there = {**os.environ, "PYTHONPATH": str(Path(making.__file__).parent)}
    done = subprocess.run(words, env=there, capture_output=True, text=True, check=True)
    assert "out: nothing was written: " in done.stdout
    assert not list(tmp_path.iterdir())
