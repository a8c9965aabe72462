"""Checkpoints are used as they were written, or not at all; they lie in folders of any name."""

import asyncio
import contextlib
import logging
import os
import shutil
import threading
from pathlib import Path

import helpers
import jax
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.train import checkpoint, patience, state, storage, weights


def _params(seed=0):
    rng = np.random.default_rng(seed)
    kernel, head = rng.normal(size=(16, 8)), rng.normal(size=(8, 3))
    return {
        "encoder": {"kernel": kernel.astype(np.float32), "bias": np.zeros(8, np.float32)},
        "head": {"kernel": head.astype(np.float32)},
    }


def _state(seed=0, step=1):
    return state.TrainState(
        step=np.asarray(step, np.int32),
        params=_params(seed),
        collections={"batch_stats": {"mean": np.ones(4, np.float32)}},
        opt_state=(None, [np.full(3, 0.5, np.float32)]),
        average=None,
        rng=np.zeros(2, np.uint32),
        loss_scale=None,
    )


def _save(workdir, seed=0, number=1, never=("encoder/kernel", "encoder/bias")):
    made = checkpoint.Checkpoints(workdir, never)
    made.save_best(number, {"params": _params(seed)}, {"epoch": number, "metric": 0.5})
    made.save_last(number, _state(seed), {"epoch": number, "rows": [{"lr": 0.1}]})
    made.close()


def _restore(workdir, never=("encoder/kernel", "encoder/bias")):
    found = checkpoint.Checkpoints(workdir, never)
    try:
        return found.restore(_state(seed=9, step=0)), found.records()
    finally:
        found.close()


def _same(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    return all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


def test_what_was_saved_comes_back(tmp_path):
    _save(tmp_path)
    restored, records = _restore(tmp_path)
    assert _same(restored, _state()) and records == {"epoch": 1, "rows": [{"lr": 0.1}]}
    for which in ("best", "last"):
        assert _same(weights.load_variables(tmp_path, which)[0]["params"], _params())


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("best/1/variables", r"best/1: .*\n.*variables/params/head/kernel"),
        ("best/1/info", r"best/1: .*\n.*- info"),
        ("frozen", r"frozen: .*\n.*frozen/encoder/kernel"),
    ],
)
def test_arrays_of_another_run_are_told(tmp_path, part, name):
    _save(tmp_path / "a")
    _save(tmp_path / "b", seed=1)
    (tmp_path / "b/checkpoints/best/1/info/metadata").write_text('{"epoch": 2, "metric": 0.5}')
    place = tmp_path / "a/checkpoints" / part
    shutil.rmtree(place)
    shutil.copytree(tmp_path / "b/checkpoints" / part, place)
    with pytest.raises(UserError, match=f"checkpoints/{name}"):
        weights.load_variables(tmp_path / "a")


def test_the_bad_checkpoint_is_named_and_the_good_one_kept(tmp_path):
    _save(tmp_path)
    for path in (tmp_path / "checkpoints/last/1/state").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(UserError, match=r"last/1: .*--which best") as told:
        weights.load_variables(tmp_path, "last")
    assert "delete" not in str(told.value)
    with pytest.raises(UserError, match=rf"last/1: .*train.init_from={tmp_path}") as told:
        _restore(tmp_path)
    assert "delete" not in str(told.value)
    assert _same(weights.load_variables(tmp_path)[0]["params"], _params())


def test_frozen_parameters_of_a_start_that_was_killed_are_not_kept(tmp_path):
    made = checkpoint.Checkpoints(tmp_path, ("encoder/kernel", "encoder/bias"))
    made.save_best(1, {"params": _params(seed=5)}, {"epoch": 1, "metric": 0.1})
    made.close()
    shutil.rmtree(tmp_path / "checkpoints/best")
    _save(tmp_path)
    assert _same(weights.load_variables(tmp_path)[0]["params"], _params())


def test_checkpoints_made_without_digests_are_used(tmp_path):
    _save(tmp_path)
    for which in ("best", "last"):
        shutil.rmtree(tmp_path / f"checkpoints/{which}/1/digests")
        assert _same(weights.load_variables(tmp_path, which)[0]["params"], _params())
    assert _same(_restore(tmp_path)[0], _state())


@pytest.mark.slow
@pytest.mark.parametrize(("never", "tries"), [((), 900), (("encoder/kernel", "encoder/bias"), 100)])
def test_a_flipped_bit_or_a_cut_is_refused_or_changes_nothing(tmp_path, never, tries):
    """Mostly without frozen parameters, which would be a second checkpoint to read each time."""
    rng = np.random.default_rng(20)
    _save(tmp_path, never=never)
    files = sorted(p for p in (tmp_path / "checkpoints").rglob("*") if p.is_file())
    sizes = np.array([path.stat().st_size for path in files])
    refused = 0
    for number in range(tries):
        path = files[rng.choice(len(files), p=sizes / sizes.sum())]
        content = path.read_bytes()
        helpers.rewrite(path, helpers.damaged(content, rng, cut=number % 5 == 0))
        try:
            which = "last" if "/last/" in str(path) else "best"
            variables, info = weights.load_variables(tmp_path, which)
            assert _same(variables["params"], _params()) and info["epoch"] == 1, path
        except UserError:
            refused += 1
        helpers.rewrite(path, content)
    assert refused > tries / 5


def test_a_run_is_read_while_it_is_written(tmp_path):
    _save(tmp_path, seed=1, number=1)

    def write():
        made = checkpoint.Checkpoints(tmp_path, ("encoder/kernel", "encoder/bias"))
        for number in range(2, 12):
            params = {**_params(1), "head": _params(number)["head"]}
            made.save_best(number, {"params": params}, {"epoch": number, "metric": 0.5})
        made.close()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while writer.is_alive():
        variables, info = weights.load_variables(tmp_path)
        seen = info["epoch"]
        assert _same(variables["params"]["head"], _params(seen)["head"])
    writer.join()
    assert seen and weights.load_variables(tmp_path)[1]["epoch"] == 11


def test_a_first_checkpoint_in_the_making_is_none_yet(tmp_path):
    (tmp_path / "checkpoints/best/1.orbax-checkpoint-tmp").mkdir(parents=True)
    with pytest.raises(UserError, match="holds no best checkpoint yet"):
        weights.load_variables(tmp_path)


def test_what_a_kill_left_half_written_is_gone_before_anything_is_saved(tmp_path):
    drafts = [tmp_path / name / "x" for name in ("3.orbax-checkpoint-tmp-55", "kept")]
    for draft in drafts:
        draft.mkdir(parents=True)
    storage.Store(tmp_path).close()
    assert [draft.is_dir() for draft in drafts] == [False, True]


NAMES = (
    "a [b] c", "[!a]", "*", "wh?t", "back\\slash", "sp ace", "ünï 手", "-dash", "100%20", "q\"u'o",
    "dots..", "new\nline", "gs:", "a:b", "{a,b}", "$HOME", "x" * 255, b"no utf-8 \xff",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_have_any_name(tmp_path, name):
    path = tmp_path / (name.decode("utf-8", "surrogateescape") if name is NAMES[-1] else name)
    _save(path)
    assert _same(weights.load_variables(path)[0]["params"], _params())
    assert _same(_restore(path)[0], _state())


def test_a_folder_that_cannot_be_opened_leaves_nothing_open(tmp_path):
    """Of a name that is reached through an open folder."""
    place = tmp_path / "run [a]"
    (place / "checkpoints").mkdir(parents=True)
    (place / "checkpoints/best").touch()
    with pytest.raises(UserError, match="best: cannot be written") as error:
        checkpoint.Checkpoints(place)
    left = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the listing itself
            left.append(os.readlink(path))
    assert error.tb and not [name for name in left if name.startswith(str(place))]


def test_loops_of_other_threads_are_their_own():
    before, found = asyncio.get_event_loop_policy(), []
    with patience.patient():
        thread = threading.Thread(target=lambda: found.append(asyncio.new_event_loop()))
        thread.start()
        thread.join()
        found.append(asyncio.new_event_loop())
    for loop in found:
        loop.close()
    assert type(found[0]).__module__.startswith("asyncio")
    assert type(found[1]).__module__ == patience.__name__
    assert asyncio.get_event_loop_policy() is before


def test_what_comes_to_its_end_behind_a_ctrl_c_is_not_printed():
    """The library's threads would show a trace: the loop that waited for them is closed."""
    with patience.patient():
        loop = asyncio.new_event_loop()
    assert not loop.call_soon_threadsafe(lambda: None).cancelled()
    loop.close()
    loop.call_soon_threadsafe(lambda: None)


def test_the_librarys_own_lines_are_not_shown(tmp_path, caplog):
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.INFO)
    try:
        _save(tmp_path)
        weights.load_variables(tmp_path, "best")
        assert not caplog.records and log.level == logging.INFO
    finally:
        log.setLevel(before)
