"""The contract of a net: what all have, and what one says of itself where a default is not true."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.nets import state_dict
from jaxsign.nets.layers import typed

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Part:
    """A submodule that is there for some inputs only: a backbone that makes features of images.

    Attributes:
      name: of the submodule; the paths of its parameters start with it.
      takes: the input that needs it, in words.
      frame_shape: of the smallest frame that needs it.
      source: the file that holds its weights, in words.
      load: that file -> its variables, {collection: tree}; raises UserError for another one.
    """

    name: str
    takes: str
    frame_shape: tuple[int, int, int]
    source: str
    load: Callable[[str | Path], state_dict.Variables]

    def inside(self, variables: state_dict.Variables) -> bool:
        """Whether these variables of the net have the part."""
        return self.name in variables["params"]

    def joined(self, variables: state_dict.Variables, path: str | Path) -> state_dict.Variables:
        """The net's variables with the part's from a file."""
        result = {name: dict(tree) for name, tree in variables.items()}
        for collection, tree in self.load(path).items():
            result.setdefault(collection, {})[self.name] = tree
        return result

    def rows(self, table: Sequence[state_dict.KeyEntry]) -> list[state_dict.KeyEntry]:
        """The rows of a net's key table that are the part's."""
        return [entry for entry in table if entry.path[1] == self.name]


class Net(typed.Layer, kw_only=True):
    """The contract of a net: what all have, and what a net changes where the default is not true.

    `__call__(*inputs, train=False)` returns a dict of named outputs; with `uses_progress` it also
    takes `progress`. It draws from the rng stream `dropout` and keeps running statistics in the
    collection `batch_stats`.

    Attributes:
      axis_name: mapped axis over which batch statistics are shared; None = one device's own.
      still: paths of batch norms that stay as they are in training: they use their running
        statistics and do not move them.
      inputs: fields of a batch, in the order of `__call__`; one that a batch lacks is None.
      outputs: names of what it always returns. `logits`: {head: float32 [B, K]}, one label a clip;
        `ctc_log_probs` float32 [B, T', V] and `output_valid` bool [B, T']: label sequences;
        `embedding` float32 [B, E]; `frames` float [B, T, E], what is made of every frame.
      frame_outputs: those of them that are [B, T, ...], over the frames of `x`.
      takes_nan: NaN in `x` means a point that was not seen; else NaN is refused.
      uses_progress: its regularisation changes over a run; training passes it `progress`.
      parts_without_params: modules of the torch original, by name, that hold nothing to freeze and
        stand in no key of its state_dict.
      attention_part: of a net that gives `att_logits`, the submodule that these alone train; it has
        the table `tokens` and ends with the norm `final_norm`.
    """

    axis_name: str | None = None
    still: tuple[str, ...] = ()

    inputs: ClassVar[tuple[str, ...]] = ("x", "valid")
    outputs: ClassVar[tuple[str, ...]] = ("logits", "embedding")
    frame_outputs: ClassVar[tuple[str, ...]] = ()
    takes_nan: ClassVar[bool] = False
    uses_progress: ClassVar[bool] = False
    parts_without_params: ClassVar[tuple[str, ...]] = ()
    attention_part: ClassVar[str] = ""

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one frame of `x` without optional parts: `x` is [B, T, *frame_shape]."""
        raise NotImplementedError

    def check_valid(self, x: Array, valid: Array | None) -> None:
        """Refuses a `valid` that is not of the frames of `x` [B, T, ...].

        Raises:
          ValueError: it has another shape.
        """
        if valid is not None and valid.shape != x.shape[:2]:
            raise ValueError(f"valid has shape {valid.shape}, expected {x.shape[:2]}")

    @property
    def max_frames(self) -> int:
        """Longest clip in frames; 0 = any."""
        return 0

    @property
    def frames_per_output(self) -> int:
        """Frames of the input that make one of the output; 0 = one answer a clip."""
        return 0

    @property
    def longest_target(self) -> int:
        """Most tokens of a sequence in training, its start included; 0 = any."""
        return 0

    @property
    def padding_counts(self) -> bool:
        """True if frames of padding change the answer: such a net is asked at a clip's length."""
        return False

    @property
    def class_biases(self) -> Mapping[str, str]:
        """Head -> path of the bias of its classes, such as `head/bias`."""
        return {}

    @property
    def head_params(self) -> tuple[str, ...]:
        """Patterns of parameters that belong to the classes; default: the modules of their biases.

        A run that starts from one of other classes has them fresh.
        """
        modules = [path.rpartition("/")[0] for path in self.class_biases.values()]
        return tuple(f"^{re.escape(module)}/" for module in modules)

    @property
    def object_params(self) -> tuple[str, ...]:
        """Of `head_params`, those that belong to classes of boxes; default: all."""
        return self.head_params

    @property
    def language_params(self) -> tuple[str, ...]:
        """Patterns of parameters of which there is one a language; as with `head_params`."""
        return ()

    @property
    def unused_params(self) -> tuple[str, ...]:
        """Patterns of parameters that never get a gradient and must never be changed."""
        return ()

    @property
    def optional_parts(self) -> tuple[Part, ...]:
        """Submodules that are there for some inputs only."""
        return ()

    @property
    def absent_params(self) -> tuple[str, ...]:
        """Paths of the optional parts' parameters, known also where the input needs none."""
        table = self.key_table() if self.optional_parts else []
        rows = [entry for part in self.optional_parts for entry in part.rows(table)]
        return tuple("/".join(entry.path[1:]) for entry in rows if entry.path[0] == "params")

    def with_frozen(self, parts: Collection[str]) -> Self:
        """The same net; these of its optional parts get no gradient and run in eval mode."""
        return self

    def decode_tokens(
        self,
        encoder_output: Array,
        output_valid: Array | None,
        tokens: Array,
        positions: Array | None = None,
        seen: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """The attention head alone, of a net that gives `att_logits`.

        Args:
          encoder_output, output_valid: as the net gave them.
          tokens: int [B, S].
          positions: int [B, S], where tokens stand that do not follow one another.
          seen: bool [B, S, S], row = token, column = those that it sees; None = itself and those
            before.

        Returns:
          float32 [B, S, V], logits of what comes after each.
        """
        raise NotImplementedError

    @property
    def starts_from(self) -> str:
        """Another model that a net is nothing without the weights of, in words; "" = of none."""
        return ""

    def load_pretrained(
        self, path: str | Path, variables: state_dict.Variables, *, zero_branches: bool = True
    ) -> tuple[state_dict.Variables, list[str]]:
        """Another model's weights, where there is one that this net can start from.

        Args:
          path: the other model's file.
          variables: fresh ones of this net; they are not changed.
          zero_branches: set what the other model lacks to zero, so that this one starts as it.

        Returns:
          The new variables, and notes on what was loaded, skipped and left fresh.

        Raises:
          UserError: not such a file, one of other sizes, or there is no such model.
        """
        raise UserError(
            f"train.pretrained is set, but the net {name_of(type(self))} starts from no other model"
        )

    @property
    def named_classes(self) -> tuple[str, int] | None:
        """Classes that start from vectors of their names: whose, as in labels.json, and the width.

        None: there are none.
        """
        return None

    def with_words(
        self, variables: state_dict.Variables, words: np.ndarray
    ) -> state_dict.Variables:
        """Variables whose classes start from vectors of their names, where there are such.

        Args:
          variables: of this net; they are not changed.
          words: float [classes, width].

        Raises:
          ValueError: another shape.
        """
        raise NotImplementedError

    def key_table(self) -> list[state_dict.KeyEntry]:
        """The torch original's state_dict keys in its order, those of all optional parts included.

        Raises:
          UserError: there is no original.
        """
        raise UserError(f"the net {name_of(type(self))} has no torch original to export to")

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if these torch keys are the original's."""
        return False

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the original's weights tell.

        Raises:
          UserError: there is no original.
          KeyError, ValueError, IndexError: the weights are not its.
        """
        raise UserError(f"checkpoints of the net {name_of(cls)} cannot be imported")


def name_of(net: type[Net]) -> str:
    """The name of a net's class, the inverse of `get`."""
    return net.__module__.rpartition(".")[2]
