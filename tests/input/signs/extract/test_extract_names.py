"""Videos of a folder, and names of clips that never meet."""

import io
import os

import extract_fakes as fakes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich import console as console_of

from jaxsign.errors import UserError
from jaxsign.input.folders import finding, progress
from jaxsign.input.signs.extract import video, videos


def test_videos_below_a_folder_without_hidden_ones_and_our_own(tmp_path):
    out = tmp_path / "clips"
    for name in ("b.MP4", "a/c.mov", "a/.hidden.mp4", ".git/d.mp4", "clips/e.mp4", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12")
    (tmp_path / "b.preview.mp4").touch()
    found = videos.find(tmp_path, out)
    assert [(v.name, v.bytes) for v in found] == [("a/c.mov", 2), ("b.MP4", 2)]
    assert [v.name for v in videos.find(tmp_path / "a" / "notes.txt", out)] == ["notes.txt"]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    fakes.movie(tmp_path / "elsewhere" / "b.mp4", 1)
    place = tmp_path / "videos"
    fakes.movie(place / "a.mp4", 1)
    (place / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(place)
    found = videos.find(place, tmp_path / "out")
    assert [v.name for v in found] == ["a.mp4", "link/b.mp4"]


def test_a_pipe_in_place_of_a_film_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    (found,) = videos.find(tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="is a pipe"):
        video.Video(found.path)


def test_the_bar_tells_the_frames_of_the_film_at_hand():
    text = io.StringIO()
    console = console_of.Console(file=text, width=200, force_terminal=True)
    display = progress.Display("video", console)
    display.start([1000, 1000], 0)
    display.advance(0, 1200, 0.34)
    display.close()
    assert "at hand: 1,200 frames (34%)" in text.getvalue()


def test_no_videos(tmp_path):
    with pytest.raises(UserError, match="no videos.*\\.mkv"):
        videos.find(tmp_path, tmp_path / "out")
    with pytest.raises(UserError, match="no such file or folder"):
        videos.find(tmp_path / "nowhere", tmp_path / "out")


def test_names_keep_the_ending_only_where_they_must():
    names = ["a/x.mp4", "a/x.mov", "b/x.mp4", "c.d.mkv", "Y.mp4", "y.avi"]
    assert finding.result_names(names, {}) == {
        "a/x.mp4": "a/x.mp4",
        "a/x.mov": "a/x.mov",
        "b/x.mp4": "b/x",
        "c.d.mkv": "c.d",
        "Y.mp4": "Y.mp4",
        "y.avi": "y.avi",
    }


def test_a_name_given_earlier_stays():
    assert finding.result_names(["x.mov", "x.mp4"], {"x.mp4": "x"}) == {
        "x.mov": "x.mov",
        "x.mp4": "x",
    }
    # Also where the video of that clip is gone.
    assert finding.result_names(["x.mov"], {"x.mp4": "x"}) == {"x.mov": "x.mov"}


PIECES = st.lists(st.sampled_from(["x", "X", ".mp4", ".mov", "y"]), min_size=1, max_size=4)


@given(st.sets(PIECES.map("".join).map(lambda stem: stem.strip(".") + ".mp4"), max_size=8))
def test_no_two_clips_share_a_name(names):
    result = finding.result_names(sorted(names), {})
    assert set(result) == names
    exact = [clip.casefold() for clip in result.values()]
    same = len({name.casefold() for name in names}) < len(names)  # no name could tell these apart
    assert same or len(set(exact)) == len(exact)


def test_the_fakes_make_what_they_say(tmp_path):
    assert fakes.cut(fakes.movie(tmp_path / "a.mp4"), 0.25).stat().st_size > 100
