"""Choosing by what was seen: the tree-structured Parzen estimator of Optuna.

Bergstra et al., Algorithms for Hyper-Parameter Optimization (2011). Optuna is the extra `sweep`,
and is imported when the first values are asked for.
"""

import math
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Literal

import numpy as np

from jaxsign.errors import UserError
from jaxsign.train.sweeps import trials
from jaxsign.train.sweeps.space import Axis, Choice, Range, Space
from jaxsign.train.sweeps.trials import Trial, Value

_FIRST = 5  # trials that are drawn at random: the same ones as a random search has
_TRIES = 20  # proposals for one that no trial had


class BayesSearch:
    """Draws where good trials lie dense and bad ones do not.

    Every ask builds Optuna's study anew from the trials: nothing else is remembered.

    Args:
      space: what is searched.
      seed: of the choice.
      better: which results are better.

    Raises:
      UserError: Optuna is not installed.
    """

    def __init__(self, space: Space, seed: int, better: Literal["max", "min"]):
        self._space, self._seed, self._better = space, seed, better
        self._optuna = _optuna()
        self._axes = {axis.key: _Coded(self._optuna, axis) for axis in space.axes}

    def ask(self, number: int, history: Sequence[Trial]) -> dict[str, Value] | None:
        rng = np.random.default_rng([self._seed, number])
        taken = [dict(trial.values) for trial in history]
        if sum(trial.ended for trial in history) < _FIRST:
            return self._space.draw_new(rng, taken)
        study = self._study(history, int(rng.integers(2**31)))
        for _ in range(_TRIES):
            asked = study.ask({key: one.distribution for key, one in self._axes.items()})
            point = {key: one.value(asked.params[key]) for key, one in self._axes.items()}
            if point not in taken:
                return point
        return self._space.draw_new(rng, taken)

    def _study(self, history: Sequence[Trial], seed: int) -> Any:
        optuna = self._optuna
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of options that may change in a later version
            sampler = optuna.samplers.TPESampler(
                seed=seed,
                n_startup_trials=_FIRST,
                gamma=_good,
                multivariate=True,
                constant_liar=True,
            )
        direction = "maximize" if self._better == "max" else "minimize"
        study = optuna.create_study(sampler=sampler, direction=direction)
        for trial in history:
            study.add_trial(self._told(trial, self._worst(history)))
        return study

    def _worst(self, history: Sequence[Trial]) -> float:
        """What a trial that failed counts as: the region is to be kept away from."""
        known = [t.result for t in history if t.result is not None and math.isfinite(t.result)]
        return (min if self._better == "max" else max)(known, default=0.0)

    def _told(self, trial: Trial, worst: float) -> Any:
        """A trial as Optuna has them."""
        state = self._optuna.trial.TrialState
        kind, value, course = state.RUNNING, None, {}
        if trial.state == trials.PRUNED:
            kind, course = state.PRUNED, dict(trial.course)
        elif trial.ended:
            kind = state.COMPLETE
            value = trial.result if trial.state == trials.DONE else worst
        return self._optuna.trial.create_trial(
            params={key: one.code(trial.values[key]) for key, one in self._axes.items()},
            distributions={key: one.distribution for key, one in self._axes.items()},
            state=kind,
            value=value,
            intermediate_values=course,
        )


class _Coded:
    """An axis as Optuna has it: numbers as they are, of a list the places of its values.

    Attributes:
      distribution: Optuna's.
    """

    def __init__(self, optuna: ModuleType, axis: Axis):
        self._axis = axis
        kinds = optuna.distributions
        match axis:
            case Choice(options=options):
                self.distribution = kinds.CategoricalDistribution(list(range(len(options))))
            case Range(low=low, high=high, log=log, whole=True):
                self.distribution = kinds.IntDistribution(int(low), int(high), log=log)
            case Range(low=low, high=high, log=log):
                self.distribution = kinds.FloatDistribution(low, high, log=log)

    def code(self, value: Value) -> Any:
        """A value as Optuna has it."""
        return self._axis.options.index(value) if isinstance(self._axis, Choice) else value

    def value(self, code: Any) -> Value:
        """The value of what Optuna chose."""
        match self._axis:
            case Choice(options=options):
                return options[code]
            case Range() as axis:
                return axis.rounded(code)
        raise TypeError(f"an axis of an unknown kind: {self._axis}")


def _good(count: int) -> int:
    """How many of so many trials count as good.

    A quarter: with Optuna's tenth it is one alone for long, and what lies far from all others is
    tried, be it good or not.
    """
    return min(math.ceil(count / 4), 25)


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError as error:
        raise UserError(
            "--how bayes needs Optuna: pip install 'jaxsign[sweep]', or choose --how random"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
