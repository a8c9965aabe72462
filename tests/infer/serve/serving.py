"""A page of a tiny run in this process, small films for it, and who asks it."""

import contextlib
import dataclasses
import http.client
import json
import threading
import time
import urllib.parse
from pathlib import Path

import numpy as np
import run_helpers
from PIL import Image

from jaxsign.infer import run as runs
from jaxsign.infer.graphs import sliding
from jaxsign.infer.serve import scenes, server, signs
from jaxsign.input import film
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import films
from jaxsign.input.signs.extract.landmarkers import Detection
from tests.infer.graphs import told

MOST = 200_000  # bytes of an upload
EVIL = "<img src=x onerror=document.title='evil'>"
NAMES = {"gloss": ["HELLO", EVIL, "NO", "DON’T KNOW", "TEA"], "cat": ["A", "B", "C"]}


class Person:
    """Finds a pose and a hand in bright images; each takes `pause` seconds."""

    pause = 0.0
    looked = 0
    open = 0  # that are not closed yet

    def __init__(self):
        Person.open += 1

    def detect(self, image, milliseconds):
        Person.looked += 1
        time.sleep(Person.pause)
        found = Detection.nothing()
        if image.mean() > 100:
            found.points[clips.POSE] = np.linspace(0.2, 0.8, 33)[:, None]
            found.points[clips.RIGHT_HAND] = 0.3 + 0.001 * (milliseconds % 200)
            found.visibility[:] = 1
        return found

    def close(self):
        Person.open -= 1


FINDER = films.Finder(Person)


@dataclasses.dataclass
class Served:
    """A page, its run folder and its folder of uploads."""

    page: server.PageServer
    run: Path
    folder: Path

    @property
    def url(self):
        return self.page.url


def a_film(path, frames=12, grey=200):
    """64 x 48 pixels of one grey."""
    with film.Writer(path, 15) as writer:
        for i in range(frames):
            writer.add(Image.new("RGB", (64, 48), (grey, grey, grey + i)), i / 15)
    return path


@contextlib.contextmanager
def opened(run, folder, finder=FINDER, waiting=32):
    """A page that is asked by its `ask`, until the block ends."""
    with server.PageServer(0, MOST) as page:
        page.show(signs.SignShowing([runs.load_run(run)], finder), folder, waiting)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        yield Served(page, run, folder)
        page.shutdown()
    # All that were opened for it, also the one that waits for the next film.
    assert Person.open == 0 or finder is None


@contextlib.contextmanager
def scenes_opened(folder):
    """The page of a run that has learnt made-up scenes, without a detector."""
    told.save_run(folder / "r")
    (folder / "uploads").mkdir()
    follower = sliding.FrameFollower(runs.load_run(folder / "r"))
    with server.PageServer(0, MOST) as page:
        page.show(scenes.SceneShowing(follower, None), folder / "uploads")
        threading.Thread(target=page.serve_forever, daemon=True).start()
        yield Served(page, folder / "r", folder / "uploads")
        page.shutdown()


def save_run(folder):
    return run_helpers.save_run(folder, names=NAMES, seed=3)


def ask(served, method, path, content=None, **headers):
    """Status, headers and content of an answer; JSON is read."""
    line = http.client.HTTPConnection("127.0.0.1", served.page.server_port, timeout=60)
    with contextlib.closing(line):
        line.request(method, path, content, headers)
        answer = line.getresponse()
        told = answer.read()
    if answer.headers["Content-Type"].startswith("application/json"):
        told = json.loads(told)
    return answer.status, answer.headers, told


def predict(served, path, name=None):
    query = urllib.parse.urlencode({"name": name or path.name})
    status, _, told = ask(served, "POST", f"/predict?{query}", path.read_bytes())
    return status, told


def whole(served, query, content=b""):
    """A job's parts put together, and its key."""
    status, _, told = ask(served, "POST", f"/jobs?{query}", content)
    assert status == 202
    key, parts = told["job"], {}

    def ended():
        nonlocal told
        told = ask(served, "GET", f"/jobs/{key}?known={len(parts)}")[2]
        for part in told["parts"]:
            parts.setdefault(len(parts), part)
        return told["state"] in ("done", "failed", "cancelled")

    wait(ended, 120)
    assert told["state"] == "done", told
    merged = {name: value for part in parts.values() for name, value in part.items()}
    return merged, key


def wait(done, seconds=60):
    """Until `done()`."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
