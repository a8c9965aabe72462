"""Files that are whole or absent."""

import os

import pytest

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
