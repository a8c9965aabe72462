"""Bayes: it finds an optimum that is known, and remembers nothing but the trials."""

import builtins
import dataclasses
import math

import numpy as np
import pytest
from stubs import RECIPE, space_of, sweep_of

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train.sweeps import search, searches, space, trials
from jaxsign.train.sweeps.trials import Trial

TEXT = """
"optim.lr" = { low = 1e-5, high = 1e-1, log = true }
"net.dropout" = { low = 0.0, high = 0.6 }
"net.pooling" = ["mean", "max"]
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    path = space_of(tmp_path_factory.mktemp("space"), TEXT)
    return space.read(path, configs.load(RECIPE))


def height(values):
    """At its best, 1, where lr = 3e-3, dropout = 0.2, pooling = mean."""
    away = math.log10(values["optim.lr"] / 3e-3) ** 2 + 10 * (values["net.dropout"] - 0.2) ** 2
    return 1 - away - 0.3 * (values["net.pooling"] != "mean")


def tried(how, count, objective=height, better="max"):
    """The trials of a search that get the objective as their result."""
    history = []
    for number in range(1, count + 1):
        trial = Trial(number, how.ask(number, history))
        result = objective(trial.values)
        history.append(dataclasses.replace(trial, state=trials.DONE, result=result, epoch=1))
    return history


def needed(history, enough):
    """Trials until one was good enough."""
    reached = (t.number for t in history if t.result >= enough)
    return next(reached, len(history) + 1)


def test_it_finds_a_known_optimum_sooner_than_random(known):
    counts = {"bayes": [], "random": []}
    best = {"bayes": [], "random": []}
    for how in counts:
        for seed in range(5):
            history = tried(searches.of(how, known, seed, "max"), 40)
            counts[how].append(needed(history, 0.95))
            best[how].append(max(t.result for t in history))
    assert np.mean(counts["bayes"]) < np.mean(counts["random"]), counts
    assert np.mean(best["bayes"]) > np.mean(best["random"]), best
    assert np.mean(best["bayes"]) > 0.97


def test_it_seeks_the_lowest_where_lower_is_better(known):
    low = tried(searches.of("bayes", known, 0, "min"), 25, lambda values: -height(values))
    high = tried(searches.of("bayes", known, 0, "max"), 25)
    assert [t.values for t in low] == [t.values for t in high]


def test_the_first_trials_are_those_of_random(known):
    pair = [tried(searches.of(how, known, 3, "max"), 7) for how in ("random", "bayes")]
    random, bayes = ([t.values for t in history] for history in pair)
    assert random[:5] == bayes[:5] and random[5:] != bayes[5:]


def test_it_asks_the_same_of_a_history_from_disk(known, tmp_path):
    history = tried(searches.of("bayes", known, 0, "max"), 9)
    odd = [
        dataclasses.replace(history[1], state=trials.FAILED, result=None, reason="memory"),
        dataclasses.replace(history[2], state=trials.PRUNED, course=((1, 0.1), (2, 0.2))),
        dataclasses.replace(history[3], state=trials.RUNNING, result=None),
    ]
    history[1:4] = odd
    for trial in history:
        trial.save(tmp_path)
    again = trials.read_all(tmp_path)
    assert again == history
    asked = [searches.of("bayes", known, 0, "max").ask(10, one) for one in (history, again)]
    assert asked[0] == asked[1] not in [dict(trial.values) for trial in history]


def test_it_keeps_away_from_where_trials_fail(known):
    failing = []
    for number in range(1, 13):
        rate = 10 ** (-5 + number / 3.2)
        values = {"optim.lr": rate, "net.dropout": 0.2, "net.pooling": "mean"}
        state = trials.DONE if rate < 1e-3 else trials.FAILED
        result = 0.5 + 0.01 * number if state == trials.DONE else None
        failing.append(Trial(number, values, state, result))
    ask = searches.of("bayes", known, 0, "max").ask
    rates = [ask(number, failing)["optim.lr"] for number in range(13, 28)]
    assert np.mean(np.array(rates) < 1e-3) > 0.6


def test_a_sweep_killed_and_resumed_asks_for_the_same(tmp_path, known):
    from stubs import Launcher

    def made(folder, objective):
        found = searches.of("bayes", known, 1, "max")
        return sweep_of(folder, TEXT, objective, how="bayes", seed=1, most=12, search=found)

    whole, _ = made(tmp_path / "whole", height).run()
    for most in (3, 4, 2):
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path / "killed", Launcher(height, most=most)).run()
    found, _ = made(tmp_path / "killed", height).run()
    assert [t.values for t in found] == [t.values for t in whole]


def test_a_small_space_is_used_up(tmp_path):
    path = space_of(tmp_path, '"net.n_layers" = { low = 1, high = 8 }\n')
    found = searches.of("bayes", space.read(path, configs.load(RECIPE)), 0, "max")
    history = tried(found, 8, lambda values: values["net.n_layers"])
    assert sorted(t.values["net.n_layers"] for t in history) == list(range(1, 9))
    assert found.ask(9, history) is None


def test_without_optuna_one_error_says_what_to_install(known, monkeypatch):
    real = builtins.__import__

    def without(name, *words, **more):
        if name.partition(".")[0] == "optuna":
            raise ImportError(name)
        return real(name, *words, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"pip install 'jaxsign\[sweep\]'"):
        searches.of("bayes", known, 0, "max")
    assert isinstance(searches.of("random", known, 0, "max"), search.RandomSearch)
