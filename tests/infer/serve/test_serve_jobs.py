"""The queue behind the page, without its server."""

import time

import pytest
import serving

from jaxsign import telling
from jaxsign.infer.serve import jobs, showing


class Slow(showing.Showing):
    """Needs 100 steps to be warm, and a while for each answer."""

    def __init__(self, step=0.0):
        self.step, self.warmed, self.shown = step, 0, []

    def facts(self):
        return {}

    def warm_up(self):
        for self.warmed in range(1, 101):
            time.sleep(self.step)
            yield

    def example(self, folder):
        return folder

    def show(self, upload, out, report):
        self.shown.append(upload)
        yield {"answer": 1}


def test_a_closed_queue_takes_nothing_and_keeps_nothing(tmp_path):
    queue = jobs.JobQueue(Slow(), tmp_path)
    with pytest.raises(jobs.ClosedError), queue.place() as folder:
        queue.close()
        queue.add(jobs.UploadJob(folder, None))
    with pytest.raises(jobs.ClosedError), queue.place():
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_warming_up_ends_with_the_queue(tmp_path):
    shows = Slow(0.05)
    queue = jobs.JobQueue(shows, tmp_path)
    serving.wait(lambda: shows.warmed)
    queue.close()
    assert shows.warmed < 100


def test_a_root_that_is_gone_is_not_made_again(tmp_path):
    queue = jobs.JobQueue(Slow(), tmp_path / "gone", most=1)
    for _ in range(2):  # the place is free again
        with pytest.raises(FileNotFoundError), queue.place():
            pass
    queue.close()
    assert list(tmp_path.iterdir()) == []


def test_waiting_jobs_that_nobody_asks_for_give_up_their_places(tmp_path):
    shows = Slow(0.05)
    queue = jobs.JobQueue(shows, tmp_path, most=1)
    with queue.place() as folder:
        lost = queue.add(jobs.UploadJob(folder, folder / jobs.SENT / "lost", patience=0.0))
    with queue.place() as folder:
        assert queue.find(lost.key) is None and lost.state == jobs.CANCELLED
        assert not lost.folder.exists()
    with queue.place() as folder:
        queue.add(jobs.UploadJob(folder, folder / jobs.SENT / "good"))
        with pytest.raises(jobs.TooManyError), queue.place():
            pass
    queue.close()
    assert shows.shown == []


class Telling(Slow):
    """Tells of every upload what is told once."""

    def show(self, upload, out, report):
        telling.once("%s: a warning", upload)
        yield {"answer": 1}
        telling.once("another one")
        yield {}


def test_what_is_told_once_is_told_with_every_answer(tmp_path):
    queue = jobs.JobQueue(Telling(), tmp_path)
    for name in ("a.npz", "b.npz"):
        with queue.place() as folder:
            upload = folder / jobs.SENT / name
            upload.write_bytes(b"")
            job = queue.add(jobs.UploadJob(folder, upload))
        assert job.ended.wait(10) and job.state == jobs.DONE
        told = [part["told"] for part in job.parts]
        assert told == [[f"{name}: a warning"], [f"{name}: a warning", "another one"]]
    queue.close()
