"""A folder of videos becomes a folder of clips, whatever happens on the way."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import extract_fakes as fakes
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from jaxsign import config as configs
from jaxsign import locking
from jaxsign.errors import UserError
from jaxsign.input.folders import finding, pool, progress
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import sources
from jaxsign.input.signs.extract import folder, report, video, work
from jaxsign.input.signs.extract.settings import ExtractionSettings


def _extract(target, out, factory=fakes.Fake, settings=None, *, workers=1, **options):
    split = {key: options.pop(key) for key in ("preview", "keep_partial") if key in options}
    plan = work.ExtractionPlan(Path(out), factory, settings or ExtractionSettings(), **split)
    text = io.StringIO()
    display = progress.Display("video", Console(file=text, width=200))
    result = folder.extract(Path(target), plan, workers=workers, display=display, **options)
    return result, text.getvalue()


def _rows(out):
    with open(Path(out) / "extract.csv", newline="", encoding="utf-8") as file:
        return {row["video"]: row for row in csv.DictReader(file)}


def _stamps(out):
    return {
        path.relative_to(out).as_posix(): path.stat().st_mtime_ns
        for path in sorted(Path(out).rglob(f"*{clips.SUFFIX}"))
    }


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder with good, bad and deadly videos, extracted by two processes."""
    root = tmp_path_factory.mktemp("mixed")
    place = root / "videos"
    fakes.movie(place / "a.mp4", 4)
    fakes.movie(place / "a.mov", 5)
    fakes.movie(place / "deep" / "er" / "b.mkv", 6)
    fakes.movie(place / "killed.mp4", 6, colour=fakes.RED)
    fakes.movie(place / "crashed.mp4", 6, colour=fakes.BLUE)
    fakes.movie(place / "raises.mp4", 6, colour=fakes.GREEN)
    (place / "empty.mp4").touch()
    fakes.sound(place / "song.mp4")
    fakes.cut(fakes.movie(place / "short.mkv", 120))
    fakes.movie(place / "z.mp4", 3)
    result, text = _extract(place, root / "clips", workers=2)
    return place, root / "clips", result, text


def test_every_good_video_has_its_clip(mixed):
    _, out, result, _ = mixed
    assert list(_stamps(out)) == [
        "a.mov.clip.npz",
        "a.mp4.clip.npz",
        "deep/er/b.clip.npz",
        "z.clip.npz",
    ]
    assert result.made == 4
    assert [len(clips.load(out / f"{n}.clip.npz")) for n in ("a.mp4", "a.mov", "z")] == [4, 5, 3]
    assert clips.load(out / "deep/er/b.clip.npz").source == "deep/er/b.mkv"


def test_every_bad_video_is_reported_with_its_reason(mixed):
    _, out, result, text = mixed
    rows = _rows(out)
    reasons = {
        "killed.mp4": "killed (SIGKILL)",
        "crashed.mp4": "crashed (SIGABRT)",
        "raises.mp4": "RuntimeError: the graph has no more frames",
        "empty.mp4": "is empty (0 bytes)",
        "song.mp4": "only audio",
        "short.mkv": "--keep-partial",
    }
    assert {row.video for row in result.failed} == set(reasons)
    for name, reason in reasons.items():
        assert rows[name]["status"] == "failed" and rows[name]["clip"] == ""
        assert reason in rows[name]["reason"] and reason in text
        assert str(mixed[0] / name) in rows[name]["reason"]


def test_the_report_counts_frames_with_each_part(mixed):
    row = _rows(mixed[1])["a.mov"]
    wanted = {"clip": "a.mov.clip.npz", "status": "done", "frames": "5", "pose": "5"}
    wanted |= {"right_hand": "3", "left_hand": "0", "face": "0", "width": "64", "height": "48"}
    wanted |= {"bytes": str((mixed[0] / "a.mov").stat().st_size), "reason": ""}
    assert {key: row[key] for key in wanted} == wanted


def test_the_same_command_again_tries_only_what_failed(mixed):
    place, out, _, _ = mixed
    before = _stamps(out)
    fakes.movie(place / "raises.mp4", 6)  # mended
    result, text = _extract(place, out, workers=2, keep_partial=True)
    after = _stamps(out)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"raises.clip.npz", "short.clip.npz"}
    assert result.made == 2 and len(result.failed) == 4
    assert "4 videos done already; 6 videos to do" in text
    assert "cut short" in _rows(out)["short.mkv"]["reason"]


def test_nothing_is_left_lying_about(mixed):
    names = {path.name for path in mixed[1].rglob("*") if path.is_file()}
    assert {n for n in names if not n.endswith(clips.SUFFIX)} == {
        ".extract.door.lock",
        ".extract.lock",
        "extract.csv",
        "extract.json",
    }


@pytest.fixture
def small(tmp_path):
    """Two videos and their clips."""
    place, out = tmp_path / "videos", tmp_path / "clips"
    fakes.movie(place / "a.mp4", 3)
    fakes.movie(place / "b.mp4", 4)
    _extract(place, out)
    return place, out


def test_other_options_are_refused_and_overwrite_makes_all_anew(small):
    place, out = small
    before = _stamps(out)
    other = ExtractionSettings(every_nth=2, confidence=0.3)
    with pytest.raises(
        UserError, match="--confidence: was 0.5, now 0.3\n.*--every-nth: was 1, now 2"
    ):
        _extract(place, out, settings=other)
    with pytest.raises(UserError, match=r"--hand: was not set, now h.task \(sha256 abc"):
        _extract(place, out, models={"hand": {"file": "h.task", "sha256": "abc"}})
    assert _stamps(out) == before
    result, _ = _extract(place, out, settings=other, overwrite=True)
    assert result.made == 2 and len(clips.load(out / "a.clip.npz")) == 2
    assert json.loads((out / "extract.json").read_text())["every_nth"] == 2


def test_options_may_change_where_no_clip_stands_in_their_way(small, tmp_path):
    place, out = small
    other, third = ExtractionSettings(every_nth=2), fakes.movie(tmp_path / "c.mp4", 4)
    with pytest.raises(UserError, match="clips of other videos made with other options"):
        _extract(third, out, settings=other, overwrite=True)
    assert len(_stamps(out)) == 2
    for name in _stamps(out):
        (out / name).unlink()
    fakes.movie(place / "a.mp4", 12)  # it may also be another video
    result, _ = _extract(place, out, settings=other)
    assert result.made == 2 and len(clips.load(out / "a.clip.npz")) == 6


def test_a_damaged_record_is_told(small):
    (small[1] / "extract.json").write_text("{")
    with pytest.raises(UserError, match="extract.json: cannot be read"):
        _extract(*small)


def test_another_video_of_the_same_name_is_not_taken_for_the_first(small, tmp_path):
    _, out = small
    other = fakes.movie(tmp_path / "elsewhere" / "a.mp4", 30)
    with pytest.raises(UserError, match="other videos of the same names.*\n.*a.mp4"):
        _extract(other, out)
    assert len(clips.load(out / "a.clip.npz")) == 3


def test_a_clip_that_was_not_reported_is_kept_and_half_a_clip_is_not(small):
    place, out = small
    before = _stamps(out)
    (out / "extract.csv").write_text("".join((out / "extract.csv").open().readlines()[:1]) + "a.mp")
    result, _ = _extract(place, out)
    assert result.made == 0 and _stamps(out) == before and len(_rows(out)) == 2
    fakes.cut(out / "a.clip.npz", 0.9)
    (out / ".a.clip.npz.123.tmp").write_bytes(b"half")
    result, _ = _extract(place, out)
    assert result.made == 1 and len(clips.load(out / "a.clip.npz")) == 3
    assert not list(out.glob(".a*"))


def test_folders_tell_the_signs_where_they_are_asked(tmp_path):
    place, out = tmp_path / "videos", tmp_path / "clips"
    fakes.movie(place / "hello" / "a.mp4", 3)
    fakes.movie(place / "ana" / "bye" / "a.mp4", 3)
    _, text = _extract(place, out)
    assert "2 folders (ana/bye, hello)" in text and "--signs-by-folder" in text
    result, text = _extract(place, out, by_folder=True)
    assert result.made == 0 and "labels.csv: written, 2 rows" in text
    data = configs.base().data
    data.source, data.val.path = "clips", str(out)
    source = sources.open_source(data, "val")
    assert source.ids == ["ana/bye/a", "hello/a"]
    fakes.movie(place / "loose.mp4", 3)
    with pytest.raises(UserError, match=r"loose\.mp4, one of 1 of 3 videos, lies in no folder"):
        _extract(place, out, by_folder=True)
    (place / "labels.csv").write_text("file,gloss\nhello/a,0\n")
    with pytest.raises(UserError, match="tells the signs"):
        _extract(place, out, by_folder=True)


def test_labels_name_the_clips(tmp_path):
    place, out = tmp_path / "videos", tmp_path / "clips"
    fakes.movie(place / "a.mp4", 3)
    fakes.movie(place / "a.avi", 3)
    fakes.movie(place / "deep" / "b.mp4", 3)
    table = "file,gloss,cat,signer\na.mp4,0,0,me\na.avi,1,0,you\ndeep/b,2,1,me\n"
    (place / "labels.csv").write_text(table)
    _, text = _extract(place, out)
    assert "labels.csv: written, 3 rows" in text
    data = configs.base().data
    data.source, data.val.path = "clips", str(out)
    source = sources.open_source(data, "val")
    assert source.ids == ["a.mp4", "a.avi", "deep/b"]
    assert source.labels["gloss"].tolist() == [0, 1, 2]
    (out / "labels.csv").write_text("file,gloss,cat\na.mp4,5,5\n")
    (place / "labels.csv").write_text(table + "gone.mp4,1,1\n")
    _, text = _extract(place, out)
    assert "1 of 4 rows name no video" in text and "left as it is" in text
    assert "5,5" in (out / "labels.csv").read_text()


def test_a_film_without_a_clip_has_no_row_until_it_has(tmp_path):
    place, out = tmp_path / "videos", tmp_path / "clips"
    fakes.movie(place / "a.mp4", 3)
    (place / "b.mp4").touch()
    (place / "labels.csv").write_text("file,gloss,cat\na.mp4,0,0\nb.mp4,1,0\n")
    _, text = _extract(place, out)
    assert text.count("have no clip (b.mp4)") == 1 and "labels.csv: written, 1 rows" in text
    data = configs.base().data
    data.source, data.val.path = "clips", str(out)
    assert sources.open_source(data, "val").ids == ["a"]
    (place / "b.mp4").unlink()
    fakes.movie(place / "b.mp4", 3)
    _, text = _extract(place, out)
    assert "no clip" not in text and "labels.csv: written, 2 rows" in text
    assert sources.open_source(data, "val").ids == ["a", "b"]


def test_previews_are_drawn_also_for_clips_that_are_there(small):
    place, out = small
    before = _stamps(out)
    result, _ = _extract(place, out, preview="sheet")
    assert _stamps(out) == before and result.made == 0 and not result.failed
    with Image.open(out / "a.preview.png") as image:
        assert image.format == "PNG" and image.width > image.height
    _extract(place, out, preview="video")
    with video.Video(out / "b.preview.mp4") as opened:
        frames = [(frame.seconds, frame.pixels()) for frame in opened]
    np.testing.assert_allclose([f[0] for f in frames], clips.load(out / "b.clip.npz").timestamps)
    assert frames[0][1].shape == (48, 64, 3)
    stamp = (out / "a.preview.png").stat().st_mtime_ns
    _, text = _extract(place, out, preview="sheet")
    assert (out / "a.preview.png").stat().st_mtime_ns == stamp and "0 videos to do" in text


def test_two_extractions_into_one_folder_are_refused(small):
    held = locking.alone(small[1], ".extract.lock", "--out", "extracts into this folder")
    with held, pytest.raises(UserError, match="another process .* extracts into"):
        _extract(*small)


def test_what_no_process_can_do_stops_at_once(tmp_path):
    fakes.movie(tmp_path / "v" / "a.mp4")
    with pytest.raises(UserError, match="model.task: cannot be loaded"):
        _extract(tmp_path / "v", tmp_path / "out", fakes.refusing)
    with pytest.raises(UserError, match="died as they started.*SIGABRT"):
        _extract(tmp_path / "v", tmp_path / "out", fakes.dying)
    result, _ = _extract(tmp_path / "v", tmp_path / "out")
    assert result.made == 1


SCRIPT = """
    import sys
    from pathlib import Path
    import extract_fakes as fakes
    from jaxsign.input.signs.extract import folder, work
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    if __name__ == "__main__":
        plan = work.ExtractionPlan(Path(sys.argv[2]), fakes.Slow, ExtractionSettings())
        folder.extract(Path(sys.argv[1]), plan, workers=2)
"""


def _start(place, out, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    paths = [str(Path(__file__).parent), str(Path.cwd())]
    (tmp_path / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(script), str(place), str(out)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "TMPDIR": str(tmp_path / "tmp"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _wait_for_clips(out, count):
    for _ in range(600):
        if len(_stamps(out)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no clips")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_or_interrupted_and_started_again(tmp_path, how):
    place, out = tmp_path / "videos", tmp_path / "clips"
    for name in "abcdef":
        fakes.movie(place / f"{name}.mp4", 20)
    process = _start(place, out, tmp_path)
    _wait_for_clips(out, 2)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: to the workers too
    else:
        process.kill()
    printed, _ = process.communicate(timeout=20)
    time.sleep(0.5)  # workers notice that their parent is gone
    before = _stamps(out)
    assert 2 <= len(before) < 6
    assert not list((tmp_path / "tmp").iterdir())
    for name in before:
        assert len(clips.load(out / name)) == 20
    if how == signal.SIGINT:
        assert "the same command goes on" in printed and printed.count("Traceback") == 1
        assert not list(out.rglob(".*.tmp"))
    again = _start(place, out, tmp_path)
    printed, _ = again.communicate(timeout=60)
    assert again.returncode == 0, printed
    after = _stamps(out)
    assert len(after) == 6 and {name: after[name] for name in before} == before
    assert {row["status"] for row in _rows(out).values()} == {"done"} and len(_rows(out)) == 6


def test_a_worker_whose_parent_is_gone_does_not_write(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 3)
    ours, theirs = pool.multiprocessing.Pipe()
    plan = work.ExtractionPlan(tmp_path / "out", fakes.Fake, ExtractionSettings())
    job = work.ExtractionJob(finding.Listed("a.mp4", path, 1), "a")
    do = work.start(plan)
    ours.close()
    with pytest.raises(BrokenPipeError):
        do(job, pool.PipeNotes(theirs, 0))
    assert not (tmp_path / "out").exists()


def test_the_report_survives_lines_cut_short(tmp_path):
    rows = [
        report.ExtractionRow("a,b\n.mp4", reason='says "no"'),
        report.ExtractionRow("b", frames=2, fps=12.5),
    ]
    report.of(tmp_path).write(rows)
    report.of(tmp_path).append(report.ExtractionRow("c"))
    with open(tmp_path / "extract.csv", "a", encoding="utf-8") as file:
        file.write("d,d.clip.npz,do")
    assert report.of(tmp_path).read() == {
        row.video: row for row in [*rows, report.ExtractionRow("c")]
    }
    assert report.of(tmp_path / "nowhere").read() == {}


def test_a_name_too_long_for_a_clip_fails_alone(tmp_path):
    fakes.movie(tmp_path / "v" / ("l" * 246 + ".mp4"), 2)
    fakes.movie(tmp_path / "v" / "short.mp4", 2)
    for options in ({}, {"overwrite": True}):
        result, _ = _extract(tmp_path / "v", tmp_path / "out", preview="sheet", **options)
        assert [row.video for row in result.failed] == ["l" * 246 + ".mp4"]
        assert "name too long" in result.failed[0].reason and result.made == 1


def test_a_link_to_nothing_is_a_video_that_fails(small):
    (small[0] / "gone.mp4").symlink_to(small[0] / "nowhere.mp4")
    (small[0] / "circle.mp4").symlink_to(small[0] / "circle.mp4")
    result, _ = _extract(*small)
    assert sorted(row.video for row in result.failed) == ["circle.mp4", "gone.mp4"]
    assert "no such file" in next(r for r in result.failed if r.video == "gone.mp4").reason


def test_an_out_that_is_a_file_is_explained(small, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file. Expected a folder, which"):
        _extract(small[0], tmp_path / "file")


class DiesOnce:
    """A landmarker whose first process is killed while it starts."""

    def __init__(self, mark):
        self.mark = mark

    def __call__(self):
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return fakes.Fake()


def test_a_worker_killed_while_it_starts_is_replaced(tmp_path):
    fakes.movie(tmp_path / "v" / "a.mp4", 2)
    result, _ = _extract(tmp_path / "v", tmp_path / "out", DiesOnce(tmp_path / "died"))
    assert (tmp_path / "died").exists() and not result.failed and result.made == 1


ORPHAN = """
import sys
from extract_fakes import slow_start
from jaxsign.input.folders import pool
if __name__ == "__main__":
    list(pool.run(slow_start, [sys.argv[1]], 1))
"""


def test_a_worker_that_starts_ends_with_its_parent(tmp_path):
    """Its models take seconds, on a busy machine many."""
    script, mark = tmp_path / "script.py", tmp_path / "mark"
    script.write_text(ORPHAN)
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    with subprocess.Popen(
        [sys.executable, str(script), "job"],
        env={**os.environ, "PYTHONPATH": paths, "MARK": str(mark)},
    ) as process:
        while not (mark.exists() and mark.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    worker = Path("/proc", mark.read_text())
    for _ in range(200):
        if not worker.exists():
            return
        time.sleep(0.02)
    os.kill(int(worker.name), signal.SIGKILL)
    raise AssertionError("it goes on")
