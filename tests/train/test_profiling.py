"""The trace of some updates, and the tables that are made of it."""

import io
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsign import config as configs
from jaxsign import defaults
from jaxsign.screen import Console
from jaxsign.train import log, profiling, state


def train_step(at, batch, now):
    """A step of one matrix product."""
    with jax.named_scope("layer_0"):
        w = at.params["w"] - now["lr"] * (batch["x"] @ at.params["w"])
    return at.replace(step=at.step + 1, params={"w": w})


@pytest.fixture
def printed():
    return io.StringIO()


@pytest.fixture
def display(printed):
    return log.TrainingDisplay(live=False, console=Console(file=printed, width=200))


def begun():
    variables = {"params": {"w": np.ones((256, 256), np.float32)}}
    return state.create(variables, optax.scale_by_adam(), ("w",), seed=0)


def test_the_updates_that_are_asked_for_are_traced(tmp_path, display, printed):
    step, at = jax.jit(train_step), begun()
    inputs = {"x": jnp.ones((256, 256))}, {"lr": jnp.float32(0.1)}
    profile = profiling.Profile((3, 4), tmp_path, display)
    ends = []
    for update in range(1, 7):
        profile.begin(update)
        at = jax.block_until_ready(step(at, *inputs))
        if profile.add(update, *inputs):
            ends.append(update)
            profile.end(step, at)
    profile.close(6)
    assert ends == [4] and int(at.step) == 6
    assert len(list(tmp_path.glob("plugins/profile/*/*.trace.json.gz"))) == 1
    told = printed.getvalue()
    assert f"updates 3 to 4, for TensorBoard in {tmp_path}" in told.replace("\n", "")
    (row,) = (line for line in told.splitlines() if line.endswith("layer_0  dot_general"))
    assert row.split()[3:] == ["1.0", "update", "layer_0", "dot_general"]
    # 256 * 256 float32, and twice that for the moments.
    assert "parameters              0.3 MB" in told and "optimizer               0.5 MB" in told
    assert "process at most" in told


def test_an_epochs_end_ends_a_trace_and_a_short_run_says_so(tmp_path, display, printed):
    step, at = jax.jit(train_step), begun()
    inputs = {"x": jnp.ones((256, 256))}, {"lr": jnp.float32(0.1)}
    profile = profiling.Profile((1, 9), tmp_path, display)
    profile.begin(1)
    at = jax.block_until_ready(step(at, *inputs))
    assert not profile.add(1, *inputs)
    profile.end(step, at)
    assert "updates 1 to 1" in printed.getvalue()
    profile.begin(2)
    assert not profile.add(2, *inputs)  # one trace a run
    profiling.Profile((9, 9), tmp_path, display).close(5)
    assert "log.profile begins with update 9, the run ends with 5" in printed.getvalue()
    before = printed.getvalue()
    off = profiling.Profile((), tmp_path, display)
    off.begin(1)
    off.close(5)
    assert not off.add(1, *inputs) and printed.getvalue() == before


def test_a_path_tells_pass_and_part():
    scope = "jvp(Net)/layer_0/Net._trunk/linear1"
    for name, path, wanted in (
        ("dot.7", f"jit(train_step)/{scope}/dot_general", ("forward", "layer_0/linear1")),
        ("dot.7", f"pmap(train_step)/transpose({scope})/dot_general", ("backward", "layer_0")),
        ("fusion", "jit(train_step)/dot_general", ("update", "")),
    ):
        found = profiling.operation(name, path)
        assert found.side == wanted[0] and found.part.startswith(wanted[1])
        assert found.what == "dot_general"
    many = "combined(jit(train_step)/a/add, jit(train_step)/b/add)"
    assert profiling.operation("all-reduce", many) == profiling.TracedOperation(
        "", "", "all-reduce"
    )
    assert profiling.operation("copy.12", "") == profiling.TracedOperation("", "", "copy")


def test_the_slowest_operations_come_first_and_all_are_counted():
    found = {
        profiling.TracedOperation("forward", f"l{n}", "add"): (n * 1e-3, 2) for n in range(1, 21)
    }
    lines = profiling.table(found, 0.5, 2).splitlines()
    assert "250.00 ms an update" in lines[0] and "105.00 ms of operations" in lines[0]
    assert lines[2].split() == ["9.5", "%", "10.000", "1.0", "forward", "l20", "add"]
    assert len(lines) == 2 + 15 + 1 and lines[-1].split() == ["7.1", "%", "7.500", "5", "others"]
    assert "no operation" in profiling.table({}, 0.5, 2)


def test_memory_is_that_of_the_largest_program():
    programs = [types.SimpleNamespace(temp_size_in_bytes=n * 10**6) for n in (3, 7)]
    assert "inside a step           7.0 MB" in profiling.memory(begun(), [*programs, None])


def test_updates_that_make_no_range_are_refused():
    config = configs.base()
    for wrong in ((5, 3), (0, 4), (1,)):
        config.log.profile = wrong
        assert "log.profile" in defaults.problems(config)[0]
