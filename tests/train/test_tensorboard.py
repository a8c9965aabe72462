"""What a run writes for TensorBoard."""

import resource
import struct

import jax.numpy as jnp
import numpy as np
import pytest
from tensorboardX.proto import event_pb2

from jaxsign import config as configs
from jaxsign.train import log, optimizer


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


def test_histograms_hold_the_finite_numbers_of_arrays(tmp_path):
    board = log.TensorBoard(tmp_path, True, 0)
    odd = np.array([np.nan, np.inf])
    arrays = {"a": np.array([[1.0, 3.0], [np.nan, 2.0]]), "b": odd, "c": np.arange(1_000_000)}
    board.histograms(arrays, 8)
    board.close()
    found = [(event.step, event.summary.value[0]) for event in _events(tmp_path)[1:]]
    assert [(step, value.tag) for step, value in found] == [(8, "a"), (8, "c")]
    first, large = (value.histo for _, value in found)
    assert (first.num, first.min, first.max, first.sum) == (3, 1, 3, 6)
    assert sum(first.bucket) == 3 and 90_000 <= large.num <= 100_000


@pytest.mark.parametrize("name", ["adam", "adamw", "radam", "sgd"])
@pytest.mark.parametrize("apart", [False, True])
def test_an_optimizer_tells_the_mean_of_its_gradients(name, apart):
    options = configs.base().optim
    options.update(name=name, b1=0.9, momentum=0.9, grad_clip=100.0, weight_decay=0.0)
    built = optimizer.build(options, {"a": 0.5}, apart=apart)
    params = {"a": jnp.zeros(2), "b": jnp.zeros(3)}
    state = built.init(params)
    for value in (1.0, 2.0):
        gradients = {path: jnp.full_like(array, value) for path, array in params.items()}
        _, state = built.update(gradients, state, params)
    found = optimizer.mean_gradients(state)
    mean = 2.9 if name == "sgd" else 0.1 * 2 + 0.9 * 0.1
    for path, array in params.items():
        np.testing.assert_allclose(found[path], np.full(array.shape, mean), rtol=1e-6)


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
