"""Tables of long trainings: what is trained, how a stopped one goes on, how it is told."""

import functools
import os

import pytest

from benchmarks import precisions, small_sets, trainings
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.screen import Console


def learner(calls, stop=None):
    def learn(data, part, seed, folder):
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append((str(part), seed, folder.name))
        return trainings.Found(part.share, 2.0)

    return dict.fromkeys(small_sets.COLUMNS, learn)


def test_a_stopped_table_goes_on_with_what_is_left(tmp_path, capsys):
    first, second = [], []
    wanted = functools.partial(small_sets.wanted, tmp_path, True)
    with pytest.raises(KeyboardInterrupt):
        trainings.measure(tmp_path / "t.json", wanted(learner(first, stop=3)))
    found = trainings.measure(tmp_path / "t.json", wanted(learner(second)))
    assert len(first) == 3 and len(second) == 5 and not set(first) & set(second)
    console = Console(width=100)
    console.print(trainings.table(found, "table", "set, share", tuple(small_sets.COLUMNS)))
    out = capsys.readouterr().out
    assert "signwish 0.1" in out and "25.0 (2 s)" in out and "signon" not in out


def test_what_another_process_trains_is_left_to_it(tmp_path, capsys):
    cells = [trainings.Cell("row", "column", seed) for seed in (1, 2)]
    trained = []

    def learn(folder):
        trained.append(folder.name)
        # As another process would: the first cell is held while it is trained.
        found = trainings.measure(out, [(cells[0], learn)])
        assert not found
        return trainings.Found(0.5, 1.0)

    out = tmp_path / "t.json"
    found = trainings.measure(out, [(cells[0], learn)])
    assert trained == ["row_column_1"] and found == {cells[0]: trainings.Found(0.5, 1.0)}
    assert "row|column|1: another process trains it" in capsys.readouterr().out
    assert set(trainings.measure(out, [(cells[1], lambda _: trainings.Found(1.0, 1.0))])) == {
        *cells
    }


def test_a_cell_that_fails_is_told_and_does_not_end_the_table(tmp_path, capsys):
    def learn(folder):
        folder.mkdir()
        if "bad" in folder.name:
            raise ValueError("it diverged")
        return trainings.Found(0.5, 1.0)

    cells = [trainings.Cell("row", column, 1) for column in ("bad", "good")]
    with pytest.raises(UserError, match=r"^not trained: row\|bad\|1$"):
        trainings.measure(tmp_path / "t.json", [(cell, learn) for cell in cells])
    assert set(trainings.read(tmp_path / "t.json")) == {cells[1]}
    assert "row|bad|1: it diverged" in capsys.readouterr().out


def test_a_process_a_core_and_all_are_waited_for(tmp_path, capfd):
    with pytest.raises(SystemExit, match=f"^{len(os.sched_getaffinity(0))} of "):
        trainings.on_every_core("json.tool", [str(tmp_path / "missing.json")])
    trainings.on_every_core("zipfile", ["--help"])
    assert "usage" in capfd.readouterr().out


def test_the_whole_table_has_three_seeds_of_all_but_the_baseline(tmp_path):
    every = [cell for cell, _ in small_sets.wanted(tmp_path, quick=False)]
    assert len(every) == len(set(every)) == 6 + 6 * 3 * (len(small_sets.COLUMNS) - 1)
    quick = {cell for cell, _ in small_sets.wanted(tmp_path, quick=True)}
    assert quick < set(every)


def test_seeds_are_told_with_their_spread():
    own = [trainings.Found(share, 4.0) for share in (0.8, 0.9, 1.0)]
    assert trainings.spelt(own) == "90.0 ± 10.0 (4 s)"


def test_a_row_is_a_share_of_a_set(tmp_path):
    part = small_sets.Share("traduttore", 0.25)
    config = configs.load("small", small_sets.words(tmp_path, part, 2))
    assert config.data.test.path == str(tmp_path / "traduttore_keypoints")
    assert (config.data.learning_curve, config.seed) == (0.25, 2)


def test_every_recipe_is_trained_in_every_number_format():
    every = [cell for cell, _ in precisions.wanted(precisions.RECIPES, (1, 2, 3))]
    assert len(set(every)) == len(every) == 9 * len(precisions.COLUMNS) * 3
    for cell in every[: len(every) // 3]:
        config = configs.load(f"{cell.row}:synthetic", precisions.words(cell.column, cell.seed))
        assert config.devices == (4 if "4 devices" in cell.column else 1)
