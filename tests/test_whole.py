"""Files that are whole or absent."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT

from jaxsign import whole


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path):
    path = tmp_path / "a.txt"
    whole.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), whole.whole(path) as draft:
        draft.write_text("half")
        1 / 0  # noqa: B018
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_is_named(tmp_path):
    with pytest.raises(IsADirectoryError) as error:
        whole.write_text(tmp_path, "x")
    assert error.value.filename == str(tmp_path) and not list(tmp_path.iterdir())


def test_a_pipe_is_written_to_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        whole.write_text(path, "told")
        assert os.read(reader, 10) == b"told" and path.is_fifo()
    finally:
        os.close(reader)


def test_what_a_killed_process_left_is_taken_up(tmp_path):
    path = tmp_path / "a.txt"
    dies = "import os, pathlib, sys; from jaxsign import whole\n"
    dies += "with whole.whole(pathlib.Path(sys.argv[1])) as draft:\n"
    dies += "    draft.write_text('half of it'); os._exit(9)"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", dies, path], cwd=ROOT).returncode == 9
        assert len(os.listdir(tmp_path)) == 1 and not path.exists()
    whole.write_text(path, "new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_two_who_write_at_once_have_a_draft_each(tmp_path):
    path = tmp_path / "a.txt"
    with whole.whole(path) as one:
        one.write_text("one")
        with whole.whole(path) as two:
            two.write_text("two")
        assert one != two and path.read_text() == "two"
    assert path.read_text() == "one" and os.listdir(tmp_path) == ["a.txt"]


def test_a_draft_that_cannot_be_opened_is_passed_by(tmp_path):
    path = tmp_path / "a.txt"
    (tmp_path / ".a.txt.1.tmp").symlink_to(tmp_path / "elsewhere")
    whole.write_text(path, "new")
    assert path.read_text() == "new" and not (tmp_path / "elsewhere").exists()
