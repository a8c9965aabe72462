"""Parts of a folder of videos, extracted by several processes into one folder."""

import csv
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import extract_fakes as fakes
import pytest

from jaxsign.errors import UserError
from jaxsign.input.folders import shards
from jaxsign.input.signs.extract import folder, work
from jaxsign.input.signs.extract.settings import ExtractionSettings

SCRIPT = """
    import sys
    from pathlib import Path
    import extract_fakes as fakes
    from jaxsign.input.folders.shards import Shard
    from jaxsign.input.signs.extract import folder, work
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    if __name__ == "__main__":
        plan = work.ExtractionPlan(Path(sys.argv[2]), fakes.Slow, ExtractionSettings())
        shard = Shard(int(sys.argv[3]), int(sys.argv[4]))
        folder.extract(Path(sys.argv[1]), plan, workers=1, shard=shard)
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Six good videos, a bad one, and labels in an order of their own."""
    place = tmp_path_factory.mktemp("videos")
    for name in ("d", "b", "deep/c", "a", "f", "deep/e"):
        fakes.movie(place / f"{name}.mp4", 8)
    fakes.movie(place / "a.mov", 3)
    (place / "bad.mp4").touch()
    rows = ["f.mp4,0", "deep/c.mp4,1", "bad.mp4,2", "a.mp4,3", "b.mp4,4", "a.mov,5", "deep/e.mp4,6"]
    (place / "labels.csv").write_text("\n".join(["file,gloss", *rows, ""]))
    return place


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """What one run makes of them."""
    out = tmp_path_factory.mktemp("whole")
    extract(videos, out)
    return contents(out)


def extract(place, out, number=1, count=1, settings=None, **options):
    plan = work.ExtractionPlan(out, fakes.Fake, settings or ExtractionSettings())
    return folder.extract(place, plan, workers=1, shard=shards.Shard(number, count), **options)


def contents(out):
    """The bytes of all files, but for the times in the report and for locks."""
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
    with open(out / "extract.csv", newline="", encoding="utf-8") as file:
        rows = [row | {"took": ""} for row in csv.DictReader(file)]
    return found | {"extract.csv": rows}


def start(place, out, tmp_path, number, count):
    script = tmp_path / f"script{number}.py"
    script.write_text(textwrap.dedent(SCRIPT))
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    return subprocess.Popen(
        [sys.executable, str(script), str(place), str(out), str(number), str(count)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_at_once_one_of_them_killed_make_what_one_run_makes(videos, whole, tmp_path):
    out = tmp_path / "out"
    one, two = (start(videos, out, tmp_path, number, 2) for number in (1, 2))
    while not (out / "a.mp4.clip.npz").exists():
        assert two.poll() is None
        time.sleep(0.01)
    two.kill()
    printed = [process.communicate()[0] for process in (one, two)]
    assert one.returncode == 0 and "left to other parts" in printed[0]
    assert not (out / "labels.csv").exists()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npz")}
    assert 4 < len(before) < 7
    again = start(videos, out, tmp_path, 2, 2)
    assert "labels.csv: written, 6 rows" in again.communicate()[0]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert contents(out) == whole


def test_another_number_of_parts_goes_on_where_the_first_ones_stopped(videos, whole, tmp_path):
    assert [extract(videos, tmp_path, number, 4).made for number in (4, 2)] == [1, 2]
    assert [extract(videos, tmp_path, number, 3).made for number in (1, 3, 2)] == [2, 1, 1]
    assert contents(tmp_path) == whole


def test_a_part_without_videos_has_nothing_to_do(videos, tmp_path):
    assert extract(videos, tmp_path, 9, 9).made == 0
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.glob("extract-*"))


def test_parts_of_other_options_are_refused_also_before_there_is_a_clip(videos, tmp_path):
    shards.SharedReport(
        shards.SharedFolder(tmp_path, "extract", "", shards.Shard(1, 2)),
        folder.report.ExtractionRow,
    ).begin({})
    folder.settings.write(tmp_path, ExtractionSettings().as_dict())
    with pytest.raises(UserError, match="--every-nth: was 1, now 2"):
        extract(videos, tmp_path, 2, 2, ExtractionSettings(every_nth=2))
    assert extract(videos, tmp_path, 2, 2).made == 3


def test_drafts_of_other_parts_stay(videos, tmp_path):
    mine, others = (tmp_path / f".{name}.clip.npz.1.tmp" for name in ("a.mov", "a.mp4"))
    for draft in (mine, others):
        draft.write_bytes(b"half")
    extract(videos, tmp_path, 1, 2)
    assert others.exists() and not mine.exists()
