"""Spaces of sweeps: what their files say, and every mistake in them."""

import numpy as np
import pytest
from stubs import RECIPE, space_of

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train.sweeps import search, space

LR = '"optim.lr" = { low = 1e-4, high = 1e-2, log = true }\n'


@pytest.fixture(scope="module")
def recipe():
    return configs.load(RECIPE)


def read(tmp_path, recipe, text):
    return space.read(space_of(tmp_path, text), recipe)


def test_ranges_lists_and_sections(tmp_path, recipe):
    text = LR + '[net]\nn_layers = { low = 1, high = 3 }\ndropout = [0, 0.5]\npooling = ["mean"]\n'
    text += "[input]\nbuckets = [[32], [32, 64]]\n"
    found = read(tmp_path, recipe, text)
    assert [axis.key for axis in found.axes] == [
        "optim.lr", "net.n_layers", "net.dropout", "net.pooling", "input.buckets",
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    points = [found.draw_new(rng, []) for _ in range(300)]
    rates = np.array([point["optim.lr"] for point in points])
    assert 1e-4 <= rates.min() < 1.2e-4 and 9e-3 < rates.max() <= 1e-2
    # Half of the draws lie below the middle of the logarithms.
    assert 0.4 < np.mean(rates < 1e-3) < 0.6
    assert {point["net.n_layers"] for point in points} == {1, 2, 3}
    assert all(type(point["net.n_layers"]) is int for point in points)
    assert {point["net.dropout"] for point in points} == {0.0, 0.5}
    assert {point["input.buckets"] for point in points} == {(32,), (32, 64)}
    assert all(configs.merged(recipe, point) for point in points[:20])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "names no key of the recipe"),
        ("[optim]\n", "names no key of the recipe"),
        ("lr = [", "is no TOML"),
        ('"optim.lrr" = [0.1]', "unknown key 'optim.lrr'. Did you mean 'optim.lr'?"),
        ("[optim]\nlrr = { low = 1, high = 2 }", "unknown key 'optim.lrr'"),
        ('"optim.lr" = { lo = 1, high = 2 }', "no 'lo'. Did you mean 'low'?"),
        ('"optim.lr" = { low = 1 }', "a range without 'high'"),
        ('"optim.lr" = { low = 1, high = 1 }', "low=1 is not below high=1"),
        ('"optim.lr" = { low = "a", high = 1 }', "low='a': expected a number"),
        ('"optim.lr" = { low = 0, high = 1, log = true }', "expected above 0, as log = true"),
        ('"optim.lr" = { low = 0.1, high = 1, log = 1 }', "log=1: expected true or false"),
        ('"optim.lr" = { low = 0.1, high = 1, points = 1 }', "points=1: expected a whole number"),
        ('"optim.lr" = { low = -1, high = 1 }', "optim.lr=-1.0: expected"),
        ('"optim.lr" = ["fast"]', "optim.lr='fast'"),
        ('"optim.lr" = 0.1', "set on the command line: --config.optim.lr=0.1"),
        ('"optim.lr" = []', "expected at least one value"),
        ('"optim.lr" = [1, 1.0]', "stands there twice"),
        ('"optim.lr" = [0.1]\n[optim]\nlr = [0.2]', "optim.lr: stands there twice, as"),
        ('"net.n_layers" = { low = 1.5, high = 3 }', "low=1.5: expected a whole number"),
        ('"net.n_layers" = [true]', "n_layers=True"),
        ('"net.pooling" = { low = 1, high = 3 }', "a range is for numbers"),
        ('"schedule.name" = ["cosin"]', "schedule.name='cosin'"),
        ('"task.monitor" = ["loss"]', "stays as it is in a sweep"),
        ('"data.val.path" = ["a", "b"]', "stays as it is in a sweep"),
    ],
)
def test_mistakes_are_told_with_the_file(tmp_path, recipe, text, told):
    with pytest.raises(UserError) as caught:
        found = read(tmp_path, recipe, text)
        space.check_net(found, recipe, tmp_path / "space.toml")
    assert str(caught.value).startswith(str(tmp_path / "space.toml"))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"optim.lr" = [0.1]', "optim.lr: would hold in no stage.* stage.predcls.optim.lr, "),
        ('"stage.predcls.optim.lr" = [0.1, -1.0]', "stage.predcls.optim.lr=-1.0: expected 0 or"),
        ('"stage.predcls.net.mode" = ["all"]', "stage.predcls.net.mode='all': expected 'predcls'"),
    ],
)
def test_values_of_stages_are_checked_as_those_of_the_recipe(tmp_path, text, told):
    recipe = configs.load("sttran:progressive")
    with pytest.raises(UserError, match=told):
        space.check_net(read(tmp_path, recipe, text), recipe, tmp_path / "space.toml")
    fine = '"stage.predcls.optim.lr" = [0.1]\n"optim.weight_decay" = [0.1]'
    assert len(read(tmp_path, recipe, fine).axes) == 2


def test_all_mistakes_are_told_at_once(tmp_path, recipe):
    with pytest.raises(UserError) as caught:
        read(tmp_path, recipe, '"optim.lrr" = [1]\n"optim.lr" = []\n"seed" = ["a"]\n')
    assert str(caught.value).count("\n  - ") == 3


def test_a_grid_has_every_combination_once_in_an_order_of_its_seed(tmp_path, recipe):
    text = '"optim.lr" = { low = 1e-4, high = 1e-2, log = true, points = 3 }\n'
    found = read(tmp_path, recipe, text + '"net.n_layers" = { low = 1, high = 2 }\n')
    grids = [search.GridSearch(found, seed) for seed in (0, 0, 1)]
    asked = [[grid.ask(number, []) for number in range(1, 8)] for grid in grids]
    assert asked[0] == asked[1] != asked[2] and asked[0][6] is None
    expected = {(lr, n) for lr in (1e-4, 1e-3, 1e-2) for n in (1, 2)}
    assert {(one["optim.lr"], one["net.n_layers"]) for one in asked[0][:6]} == expected


def test_a_grid_of_a_range_needs_its_points(tmp_path, recipe):
    with pytest.raises(UserError, match=r"which values of optim.lr\? Add .* points = 4"):
        search.GridSearch(read(tmp_path, recipe, LR), 0)


def test_random_trials_never_repeat_and_end_with_a_small_space(tmp_path, recipe):
    from jaxsign.train.sweeps.trials import Trial

    random = search.RandomSearch(read(tmp_path, recipe, '"net.n_layers" = [1, 2, 3]\n'), 0)
    history = []
    while (values := random.ask(len(history) + 1, history)) is not None:
        history.append(Trial(len(history) + 1, values))
    assert sorted(trial.values["net.n_layers"] for trial in history) == [1, 2, 3]
