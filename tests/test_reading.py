"""Files from elsewhere: named for what they are, refused before they are read."""

import json
import os
import pathlib

import numpy as np
import pytest

from jaxsign import cli, reading
from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.signs.extract import models
from jaxsign.nets import torch_files

POINTER = (
    "version https://git-lfs.github.com/spec/v1\noid sha256:" + "4d7c5a28" * 8 + "\nsize 19332096\n"
)


@pytest.mark.parametrize("name", ["c.npz", "c.clip.npz", "c.pose", "c.parquet", "c.npy", "c.mp4"])
def test_inspect_names_a_pointer_of_git_lfs(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_text(POINTER)
    assert cli.main(["inspect", str(path)]) == 1
    printed = capsys.readouterr().err
    assert f"{path}: is a Git LFS pointer" in printed and "git lfs pull" in printed
    assert "19,332,096 bytes" in printed


def test_a_model_and_a_checkpoint_may_be_pointers_too(tmp_path):
    for name in ("m.task", "m.pt"):
        (tmp_path / name).write_text(POINTER)
    with pytest.raises(UserError, match="git lfs pull"):
        models.check({"holistic": str(tmp_path / "m.task")})
    with pytest.raises(UserError, match="git lfs pull"):
        torch_files.read(tmp_path / "m.pt")


KINDS = {
    "a web page": b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "packed with gzip": b"\x1f\x8b\x08" + bytes(100),
    "begins with zeros": bytes(2000),
    "an empty file": b"",
    "a text file": "zwölf Zeichen\n".encode() * 200,
}


@pytest.mark.parametrize("ending", ["npz", "npy", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_of_file_is_named(tmp_path, capsys, kind, ending):
    path = tmp_path / f"c.{ending}"
    path.write_bytes(KINDS[kind])
    assert cli.main(["inspect", str(path)]) == 1
    printed = capsys.readouterr().err
    assert kind in printed and "allow_pickle" not in printed


def test_pickles_are_named_and_never_advised(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", X=np.array([{"a": 1}], object))
    (tmp_path / "c.npy").write_bytes(b"\x80\x04\x95" + bytes(40))
    for name in ("a.npy", "b.npz", "c.npy"):
        assert cli.main(["inspect", str(tmp_path / name)]) == 1
        printed = capsys.readouterr().err
        assert "pickle" in printed and "allow_pickle" not in printed


def test_what_is_no_file_is_said(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    cases = {"pipe": "a pipe (FIFO)", "circle": "in a circle", "none": "no such file"}
    for name, expected in {**cases, ".": "a folder", "/dev/zero": "a device"}.items():
        with pytest.raises(UserError) as found:
            reading.read_bytes(tmp_path / name)
        assert expected in str(found.value)


def test_json_may_begin_with_a_mark_and_is_never_nested_too_deep(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": [1]}', encoding="utf-8-sig")
    assert reading.read_json(path) == {"a": [1]}
    with pytest.raises(ValueError, match="nested too deep"):
        reading.parse_json("[" * 200_000)


def test_json_that_was_cut_short_says_so_wherever_that_was_and_other_json_that_is_none_does_not():
    value = {"a": [1.5, -2e-7, 'te"x\\ut \u00e9'], "b": {"c": None, "d": True, "e": False}}
    text = json.dumps(value, indent=1)
    for end in range(1, len(text)):
        with pytest.raises(
            ValueError, match=r"ends early, in line \d+.*: make it or fetch it again"
        ):
            reading.parse_json(text[:end])
    for text in (
        "",
        "abc",
        "[1,]",
        "[1 2]",
        '{"a" 1}',
        "]",
        "[tru1]",
        "[1]x",
        '["a\nb"]',
        r'"\u1"',
    ):
        with pytest.raises(ValueError) as told:
            reading.parse_json(text)
        assert "ends early" not in str(told.value)


def test_text_says_its_size_before_it_is_read(tmp_path):
    path = tmp_path / "x.csv"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # holds no blocks
    with pytest.raises(UserError, match=r"3,221,225,472 bytes.*--max-bytes"):
        reading.read_bytes(path)
    here = pathlib.Path(__file__)
    with reading.limited(80), pytest.raises(UserError, match="more than the 80") as told:
        reading.read_bytes(here)
    needed = int(str(told.value).rpartition("--max-bytes ")[2])
    with reading.limited(needed):
        assert reading.read_bytes(here)
    with reading.limited(needed - 1), pytest.raises(UserError):
        reading.read_bytes(here)
    with pytest.raises(UserError, match="it takes .* more than the 9 ") as told:
        reading.read_bytes(here, most=9)
    assert "--max-bytes" not in str(told.value)  # which would change nothing


def test_quoted_words_are_short_and_harmless():
    assert reading.quoted("bad\x1b[2J\u202e word\nsecond line") == "bad?[2J? word"
    assert reading.quoted("x" * 500) == "x" * 160 + " ..."


def test_the_limit_is_an_option_of_every_verb(tmp_path, capsys):
    np.savez(tmp_path / "x.npz", X=np.ones((40, 156), np.float32))
    for limit, expected in (("8k", 1), ("1M", 0), ("30000", 0)):
        words = ["inspect", str(tmp_path / "x.npz"), "--max-bytes", limit]
        assert cli.main(words) == expected
        assert ("array X takes 25,088 bytes" in capsys.readouterr().err) == bool(expected)
    assert reading.most_bytes() == 2 << 30
    with pytest.raises(SystemExit):
        cli.main([*words[:-1], "much"])


def test_a_pipe_in_a_folder_is_named(tmp_path, capsys):
    for folder, name in (("fslr", "b.npz"), ("clips", "b.clip.npz"), ("films", "b.mp4")):
        (tmp_path / folder).mkdir()
        os.mkfifo(tmp_path / folder / name)
    np.savez(tmp_path / "fslr/a.npz", X=np.ones((40, 156), np.float32))
    assert cli.main(["inspect", str(tmp_path / "fslr")]) == 0
    assert "b.npz: is a pipe (FIFO)" in capsys.readouterr().out.replace("\n", " ")
    assert cli.main(["validate", str(tmp_path / "fslr")]) == 2
    assert "b.npz: is a pipe (FIFO)" in capsys.readouterr().out
    found = finding.find(tmp_path / "films", tmp_path / "out", lambda name: True, "films")
    assert [one.name for one in found] == ["b.mp4"]


def test_the_environments_limit_is_a_size(monkeypatch):
    monkeypatch.setenv("JAXSIGN_MAX_BYTES", "2G")
    assert reading.most_bytes() == 2 << 30
    monkeypatch.setenv("JAXSIGN_MAX_BYTES", "lots")
    with pytest.raises(UserError, match="JAXSIGN_MAX_BYTES='lots' is no size such as"):
        reading.most_bytes()


def test_half_a_letter_is_no_text_but_a_name_of_a_file_may_be():
    with pytest.raises(ValueError, match="half of a letter"):
        reading.parse_json(r'{"a": ["\ud83d"]}')
    assert reading.parse_json(r'["\ud83d\ude00", "s\udce9"]') == ["\U0001f600", "s\udce9"]
