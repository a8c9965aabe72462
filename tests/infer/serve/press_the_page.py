"""The page as a person presses it, in a headless Chromium; to be named to pytest by itself.

`PICTURES=DIR` keeps pictures of wide and narrow windows, light and dark.
"""

import os
from pathlib import Path

import browser
import pytest
import serving

from tests.infer.graphs import told


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if what := browser.missing():
        pytest.skip(f"not on this machine: {what}")
    base = tmp_path_factory.mktemp("serve")
    (base / "uploads").mkdir()
    run = serving.save_run(base / "run")
    with serving.opened(run, base / "uploads") as served, browser.opened() as opened:
        opened.served = served
        yield opened


@pytest.fixture(autouse=True)
def fresh(page):
    """Every test begins with the page as it opens, and ends without a word on its console."""
    serving.Person.pause = 0.0
    page.size(1280, 900)
    page.go(page.served.url)
    page.wait("#drop label")
    yield
    assert page.log() == []
    serving.wait(lambda: list(page.served.folder.iterdir()) == [])


def test_a_made_up_clip_is_answered_in_windows_of_any_kind(page, tmp_path):
    page.click("#example")
    page.wait("#film")
    assert page.text("#said") and page.shown("#timeline .window")
    assert page.run("return document.querySelectorAll('#choices li').length") == 8
    assert page.text("#heard") == page.text("#said") or page.text("#heard").endswith("…")
    look(page, "page", tmp_path)


def look(page, name, folder):
    """Pictures of the page, which fits into windows of all widths."""
    folder = Path(os.environ.get("PICTURES", folder))
    for width in (1280, 360):
        for scheme in ("light", "dark"):
            page.size(width, 900, scheme)
            page.picture(folder / f"{name}-{width}-{scheme}.png")
            wide = page.run("return document.documentElement.scrollWidth")
            assert wide <= width, "the page is wider than its window"


def test_a_made_up_scene_and_a_stored_one_are_told(page, tmp_path):
    path = told.scene().save(tmp_path / "kitchen.scene.npz")
    with serving.scenes_opened(tmp_path) as served:
        page.go(served.url)
        page.wait("#example")
        assert page.text("#example") == "Try a made-up scene" and page.shown("#no-films")
        page.click("#example")
        page.wait("#picture")
        assert page.text("#said") and page.shown("#film") and page.shown("#timeline .track")
        look(page, "scene", tmp_path)
        page.type("#file", str(path))
        page.wait("#picture")
        assert page.text("#source") == "kitchen.scene.npz, 5 frames"
        page.go(page.served.url)


def test_a_film_is_sent_and_what_is_wrong_is_told(page, tmp_path):
    page.type("#file", str(serving.a_film(tmp_path / "tea.mp4", 20)))
    page.wait("#film")
    assert page.text("#source") == "tea.mp4, 20 frames"
    saved = page.run("return [...document.querySelectorAll('#downloads a')].map((a) => a.download)")
    assert saved == ["tea.json", "tea.csv", "tea.told.mp4"]
    page.run("document.querySelector('#timeline button').click()")
    page.type("#file", str(serving.a_film(tmp_path / "dark.mp4", grey=20)))
    page.wait("#error")
    assert "nobody was found" in page.text("#error") and not page.shown("#result")
    (tmp_path / "large.mp4").write_bytes(bytes(serving.MOST + 1))
    page.type("#file", str(tmp_path / "large.mp4"))
    serving.wait(lambda: "large.mp4" in page.text("#error"))


def test_labels_are_shown_as_they_are_written(page, tmp_path):
    page.type("#file", str(serving.a_film(tmp_path / "tea.mp4")))
    page.wait("#film")
    page.run("document.querySelector('#knows details').open = true")
    assert serving.EVIL in page.text("#knows") and serving.EVIL in page.text("#choices")
    assert page.run("return document.querySelectorAll('#choices img, #knows img').length") == 0
    assert "evil" not in page.run("return document.title")


def test_the_camera_records_a_film(page):
    page.click("#camera")
    page.wait("#record")
    assert page.run("return document.activeElement.id") == "record"
    page.click("#record")
    serving.wait(lambda: "●" in page.text("#clock"))
    serving.wait(lambda: "1 s" in page.text("#clock"))
    page.click("#record")
    serving.wait(lambda: page.shown("#error") or page.shown("#film"), 60)
    told = page.text("#error") or page.text("#source")
    assert told.startswith("recording.webm")


def test_all_is_reached_and_pressed_by_keys(page):
    reached = []
    for _ in range(6):
        page.press("\ue004")  # Tab
        reached.append(
            page.run("return document.activeElement.id || document.activeElement.tagName")
        )
    assert reached[:3] == ["file", "camera", "example"] and "SUMMARY" in reached
    page.run("document.querySelector('#example').focus()")
    page.press("\ue007")  # Enter
    page.wait("#film")


def test_work_is_cancelled(page, tmp_path):
    serving.Person.pause = 0.1
    page.type("#file", str(serving.a_film(tmp_path / "tea.mp4", 60)))
    page.wait("#cancel")
    serving.wait(lambda: page.run("return document.querySelector('#progress').value") > 0)
    page.click("#cancel")
    serving.wait(lambda: not page.shown("#work"))
    assert not page.shown("#error") and not page.shown("#result")
