"""The benchmark of streams runs; no time is asserted."""

import json

from benchmarks import command, streaming


def test_a_hop_is_measured_with_its_parts(tmp_path):
    path = tmp_path / "report.json"
    command.main(*streaming.MEASURES, argv=["--check", "--json", str(path)])
    (row,) = json.loads(path.read_text())["measures"]["streaming"]["rows"]
    assert row["name"] == "stream, tiny net (0.1 M), a hop of 0.5 s"
    assert "net " in row["note"] and "times real time" in row["note"]


def test_every_hop_completes_one_window():
    run = streaming._run(dict(streaming._TINY))
    recogniser = streaming.Recogniser(run, run.task.follower(run, {"window": 1.0}))
    stream = streaming._Stream(recogniser, 0.5)
    for _ in range(6):
        stream.hop()
    # The first window needs two, and the last rows wait for the frame behind them.
    assert 4 <= recogniser.cost.hops <= 5 and len(stream.net_s) == 6
