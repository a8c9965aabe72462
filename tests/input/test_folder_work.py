"""What becomes of a job of a folder, whatever it does."""

import errno
from pathlib import Path

import pytest

from jaxsign.errors import UserError
from jaxsign.input.folders.work import Done, Failed, Refused, tried


def notes(frames, share, *, always=False):
    """Nobody hears them."""


def ended(error):
    def work(job, notes):
        raise error

    return tried(work, 7, "job", notes)


def test_a_result_is_told_with_its_job():
    assert tried(lambda job, notes: job.upper(), 7, "job", notes) == Done(7, "JOB")


def test_what_is_raised_is_why_it_failed():
    assert ended(UserError("a.mp4: no\n  frames")) == Failed(7, "a.mp4: no\n  frames")
    assert ended(ValueError("odd")) == Failed(7, "ValueError: odd")
    assert isinstance(ended(OSError(errno.EACCES, "closed")), Failed)
    assert isinstance(ended(EOFError("a file cut short")), Failed)


def test_without_room_no_other_job_is_tried():
    full = ended(OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(full, Refused)
    assert "No space left" in full.reason and "the same command goes on" in full.reason


@pytest.mark.parametrize("error", [BrokenPipeError(), ConnectionResetError()])
def test_a_worker_whose_parent_is_gone_ends(error):
    with pytest.raises(type(error)):
        ended(error)


def test_a_reason_is_one_line_and_names_its_file():
    failed = Failed(0, "a.mp4: no\n  frames")
    assert failed.told() == failed.told(Path("a.mp4")) == "a.mp4: no frames"
    assert failed.told(Path("b.mp4")) == "b.mp4: a.mp4: no frames"
