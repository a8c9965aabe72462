"""Gradient checkpointing: inner values are made again for the gradient, not kept."""

from typing import Any

from flax import linen as nn


def call(module: nn.Module, *inputs: Any, train: bool, remat: bool) -> Any:
    """module(*inputs, train=train); with `remat` only the inputs are kept for the gradient."""

    def run(module: Any, *inputs: Any) -> Any:
        return module(*inputs, train=train)

    # While the variables are made nothing is differentiated.
    if remat and not module.is_initializing():
        return nn.checkpoint(run)(module, *inputs)
    return run(module, *inputs)
