"""A folder of videos as tasks of Ray, whatever happens to its workers and to who asked for them."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
from pathlib import Path

import extract_fakes as fakes
import psutil
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.folders import cluster
from jaxsign.input.signs.extract import folder, work
from jaxsign.input.signs.extract.settings import ExtractionSettings

pytest.importorskip("ray")
BUSY = 300  # seconds in which Ray starts and ends on a machine with more to do than it has cores
SCRIPT = """
    import sys
    from pathlib import Path
    import extract_fakes as fakes
    from jaxsign import interrupts
    from jaxsign.input.folders.cluster import Cluster
    from jaxsign.input.signs.extract import folder, work
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    if __name__ == "__main__":
        place, out = map(Path, sys.argv[1:])
        plan = work.ExtractionPlan(out, fakes.Slow, ExtractionSettings())
        machines = Cluster("local", out, (place,), most=2)
        try:  # as the command line does
            with interrupts.never_lost():
                folder.extract(place, plan, machines=machines)
        except KeyboardInterrupt:
            sys.exit(interrupts.STATUS)
"""


def start(place, out, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    return subprocess.Popen(
        [sys.executable, str(script), str(place), str(out)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_clips(process, out, count):
    while len([*out.glob("*.npz")]) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def workers_of(process):
    """Processes of Ray's that a process started and that are at work on a task."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found += [one.pid] if "".join(one.cmdline()).startswith("ray::_do") else []
    return found


def rows(out):
    with open(out / "extract.csv", newline="", encoding="utf-8") as file:
        return [row | {"took": ""} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_a_worker_is_killed_then_all_is_stopped_and_goes_on(tmp_path):
    place, out, whole = tmp_path / "videos", tmp_path / "out", tmp_path / "whole"
    for i in range(12):
        fakes.movie(place / f"{i:02d}.mp4", 20)
    fakes.movie(place / "raises.mp4", 4, colour=fakes.GREEN)
    lines = [f"{i:02d}.mp4,{i}" for i in reversed(range(12))]
    (place / "labels.csv").write_text("\n".join(["file,gloss", *lines, ""]))
    process = start(place, out, tmp_path)
    wait_for_clips(process, out, 2)
    while not (working := workers_of(process)):
        time.sleep(0.02)
    os.kill(working[-1], signal.SIGKILL)
    wait_for_clips(process, out, 6)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    printed = process.communicate(timeout=BUSY)[0]
    assert process.returncode == 130, printed
    assert "its worker died" in printed and "it is done again" in printed
    assert "stopped; the same command goes on from here" in printed and "raylet" not in printed
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    assert 6 <= len(before) < 12 and not list(out.glob(".*.tmp"))
    printed = start(place, out, tmp_path).communicate(timeout=BUSY)[0]
    assert "RuntimeError: the graph has no more frames" in printed
    assert "labels.csv: written, 12 rows" in printed
    assert {path: path.stat().st_mtime_ns for path in before} == before
    plan = work.ExtractionPlan(whole, fakes.Fake, ExtractionSettings())
    folder.extract(place, plan)
    for path in [*whole.glob("*.npz"), whole / "labels.csv", whole / "extract.json"]:
        assert (out / path.name).read_bytes() == path.read_bytes()
    assert rows(out) == rows(whole) and len(rows(out)) == 13


@pytest.mark.parametrize("word", ["head", "ray://head:10001", "head:", ":6379", "head:port"])
def test_what_is_no_address_is_refused(word, capsys):
    with pytest.raises(SystemExit):
        cli.main(["extract", ".", "--out", "o", "--ray", word])
    assert f"{word!r}: expected HOST:PORT" in capsys.readouterr().err


def test_without_ray_its_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"--ray needs Ray: pip install 'jaxsign\[ray\]'"):
        cluster.Cluster("local", tmp_path)


@pytest.mark.slow
def test_an_address_that_nobody_answers_is_told_in_time(tmp_path):
    begun, nobody = time.monotonic(), cluster.Cluster("127.0.0.1:9", tmp_path, patience=1)
    with pytest.raises(UserError, match="--ray 127.0.0.1:9: .* nobody answers within 1 s"):
        list(nobody.run(fakes.slow_start, [1], ["one"], print))
    assert time.monotonic() - begun < 30


def test_what_ray_cannot_begin_is_tried_again_and_told():
    calls = []

    def init(**options):
        calls.append(options)
        raise RuntimeError("The node\ndid not come up.")

    ray = types.SimpleNamespace(init=init, shutdown=lambda: calls.append("ended"))
    with pytest.raises(UserError, match="--ray local: Ray could not be begun: did not come up"):
        cluster.begin(ray, "local", {"num_cpus": 1})
    assert calls == 3 * [{"num_cpus": 1}, "ended"]


def test_what_a_machine_lacks_is_told(tmp_path):
    model = tmp_path / "model.task"
    model.write_bytes(b"123")
    wanted = {str(model): 3, str(tmp_path): -1}
    mark = str(tmp_path / "mark")
    Path(mark).touch()
    assert cluster.lacking(wanted, mark, cluster.jaxsign.__version__) == []
    wanted = {str(model): 4, str(tmp_path / "gone"): -1}
    assert cluster.lacking(wanted, str(tmp_path / "other" / "mark"), "0.0.1") == [
        f"{model}: another file is there",
        f"{tmp_path / 'gone'}: no such file or folder",
        f"{tmp_path / 'other'}: is not the same folder there",
        f"jaxsign {cluster.jaxsign.__version__}, not 0.0.1",
    ]
