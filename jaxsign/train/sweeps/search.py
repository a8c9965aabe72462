"""How a sweep chooses what it tries next: the contract, a grid, and at random."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from jaxsign.train.sweeps.space import Space
from jaxsign.train.sweeps.trials import Trial, Value


class Search(Protocol):
    """Chooses values from those tried so far, and from nothing else.

    So a sweep that was killed and goes on asks for the same as one that never stopped.
    """

    def ask(self, number: int, history: Sequence[Trial]) -> dict[str, Value] | None:
        """The values of a trial; None where there is nothing left to try.

        Args:
          number: of the trial, from 1.
          history: all other trials that have begun, by number.
        """


class GridSearch:
    """All combinations, in an order drawn from the seed: a part of them is spread over the whole.

    Raises:
      UserError: a range of the space that does not say how many of its numbers.
    """

    def __init__(self, space: Space, seed: int):
        points = space.grid()
        order = np.random.default_rng(seed).permutation(len(points))
        self.points = [points[i] for i in order]

    def ask(self, number: int, history: Sequence[Trial]) -> dict[str, Value] | None:
        return self.points[number - 1] if number <= len(self.points) else None


class RandomSearch:
    """Each trial at random, none twice."""

    def __init__(self, space: Space, seed: int):
        self._space, self._seed = space, seed

    def ask(self, number: int, history: Sequence[Trial]) -> dict[str, Value] | None:
        rng = np.random.default_rng([self._seed, number])
        return self._space.draw_new(rng, [dict(trial.values) for trial in history])
