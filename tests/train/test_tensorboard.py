"""What a run writes for TensorBoard."""

import resource
import struct

import pytest
from tensorboardX.proto import event_pb2

from jaxsign.train import log


def _events(folder):
    (path,) = folder.glob("events.out.tfevents.*")
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack("Q", data[:8])
        found.append(event_pb2.Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return found


def test_scalars_are_written_after_what_a_killed_run_left(tmp_path):
    board = log.TensorBoard(tmp_path / "new" / "tensorboard", True, 7)
    board.scalars({"train/lr": 0.5}, 8)
    board.close()
    first, second, start, scalar = _events(tmp_path / "new" / "tensorboard")
    assert first.file_version == second.file_version == "brain.Event:2"
    assert start.step == 8 and start.session_log.status == event_pb2.SessionLog.START
    value = scalar.summary.value[0]
    assert (scalar.step, value.tag, value.simple_value) == (8, "train/lr", 0.5)


def test_a_full_disk_ends_the_curves_only(tmp_path, caplog):
    board = log.TensorBoard(tmp_path, True, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        board.scalars({f"train/{i}": 1.0 for i in range(500)}, 1)
        board.flush()
        board.scalars({"train/loss": 1.0}, 2)
        board.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [r.message for r in caplog.records] == [
        f"{tmp_path}: cannot be written (File too large): this run's curves end here. Everything "
        "else goes on."
    ]


@pytest.mark.parametrize("step", [0, 5])
def test_a_folder_that_cannot_be_made_ends_the_curves_only(tmp_path, caplog, step):
    (tmp_path / "file").write_text("")
    board = log.TensorBoard(tmp_path / "file", True, step)
    board.scalars({"train/loss": 1.0}, 1)
    board.close()
    assert len(caplog.records) == 1
