"""The torch side of a comparison: a model that learns as a recipe's section `optim` says."""

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

import torch
from ml_collections import ConfigDict
from torch import nn

from benchmarks.workload import Batch
from jaxsign.errors import UserError

Model = TypeVar("Model", bound=nn.Module)
Given = TypeVar("Given")  # what a step takes
Scored = TypeVar("Scored")
Row = TypeVar("Row")
_OPTIMIZERS: dict[str, type[torch.optim.Adam]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def known(key: str, name: str, table: Mapping[str, Row]) -> Row:
    """The row of a recipe's word.

    Raises:
      UserError: there is none.
    """
    if name not in table:
        raise UserError(f"{key}={name!r}: the torch side has {', '.join(table)}")
    return table[name]


class TorchSide(abc.ABC, Generic[Model, Given, Scored]):
    """Forward, loss, backward, clipping and optimizer; the methods are those of `sides`.

    Args:
      config: a recipe whose net tells all its sizes.
      make: its model with fresh weights.

    Raises:
      UserError: torch's side has no such optimizer.
    """

    def __init__(self, config: ConfigDict, make: Callable[[], Model]):
        torch.manual_seed(config.seed)
        self.model = make()
        own = config.optim
        self._clip = float(own.grad_clip)
        self._optimizer = known("optim.name", own.name, _OPTIMIZERS)(
            self.model.parameters(),
            lr=own.lr,
            betas=(own.b1, own.b2),
            eps=own.eps,
            weight_decay=own.weight_decay,
        )

    @abc.abstractmethod
    def prepare(self, batch: Batch) -> Given:
        """What a step takes of a batch."""

    @abc.abstractmethod
    def to_score(self, batch: Batch) -> Scored:
        """What `score` takes of a batch without filler rows."""

    @abc.abstractmethod
    def backward(self, given: Given) -> None:
        """Adds the gradients of a step's loss."""

    @abc.abstractmethod
    def score(self, batches: Iterable[Scored]) -> float:
        """The number that the best epoch is chosen by."""

    def set_rate(self, rate: float) -> None:
        """The learning rate of the steps to come."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def train(self, batches: Iterable[Given]) -> None:
        """A step a batch."""
        self.model.train()
        for batch in batches:
            self._optimizer.zero_grad()
            self.backward(batch)
            if self._clip:
                nn.utils.clip_grad_norm_(self.model.parameters(), self._clip)
            self._optimizer.step()
