"""The search of a sweep by its name."""

from typing import Literal

from jaxsign.train.sweeps import bayes, search
from jaxsign.train.sweeps.space import Space


def of(how: str, space: Space, seed: int, better: Literal["max", "min"]) -> search.Search:
    """The search that is called `how`.

    Args:
      how: 'grid', 'random' or 'bayes'.
      space: what is searched.
      seed: of the choice.
      better: which results are better.

    Raises:
      UserError: a grid without numbers of points, or Optuna is not installed.
    """
    if how == "grid":
        return search.GridSearch(space, seed)
    if how == "bayes":
        return bayes.BayesSearch(space, seed, better)
    return search.RandomSearch(space, seed)
