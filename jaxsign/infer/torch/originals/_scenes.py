"""Checkpoints of nets of relations: the originals', those of the training guide's system, m3sgg's.

A system of these has `FORM = SceneForm(...)` in a file of its net's name.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.input.scenes import vocabulary
from jaxsign.nets import relation_net

_HEADS = 8  # of all of them


class SceneForm(originals.Form):
    """`state_dict` alone; five entries with `model_state_dict`; `state_dict` and metadata.

    Attributes:
      model: the system, as `config` and `model_metadata` of files call it.
      names: further ones that files call it.
      modes: of its net.
    """

    modes: ClassVar[tuple[str, ...]] = relation_net.MODES

    def __init__(self, model: str, *names: str) -> None:
        self.model, self.names = model, (model, *names)

    def n_heads(self, file: TorchFile) -> int | None:
        """Attention heads."""
        return _HEADS

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """With the mode, and m3sgg's kind of masks, where the file tells them.

        Raises:
          UserError: it is another system's, or of a mode that there is not.
        """
        metadata, config = (file.section(name) for name in ("model_metadata", "config"))
        kind = str(metadata.get("model_type", self.model)).lower()
        if kind not in self.names:
            raise UserError(
                f"{file.path}: says that it is a {kind!r}, but its keys are a {self.model}'s"
            )
        told = {str(part["mode"]) for part in (metadata, config) if "mode" in part}
        if len(told) > 1 or not told <= set(self.modes):
            raise UserError(
                f"{file.path}: mode {' and '.join(map(repr, sorted(told)))}, expected one of "
                f"{', '.join(self.modes)}"
            )
        fields = dict(file.found)
        if told:
            (fields["mode"],) = told
        else:
            file.notes.append(f"assumed mode={self.modes[0]!r}: the file does not tell it")
        if metadata:
            fields |= self._of_m3sgg(file.notes)
        return fields

    def _of_m3sgg(self, notes: list[str]) -> dict[str, Any]:
        """Fields that m3sgg's files ask for."""
        notes.append("m3sgg's file: masks='hard', as it draws them")
        return {"masks": "hard"}

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The classes, which no file names: Action Genome's where there are as many.

        And what nets ask of them.
        """
        count, sizes = fields["num_objects"], tuple(fields["predicates"])
        words = self._words(count, sizes, file.notes)
        told = {f"task.{key}": value for key, value in vocabulary.to_rows(words).items()}
        return told | {f"net.{key}": value for key, value in words.kinds.items()}

    def _words(self, count: int, sizes: tuple[int, ...], notes: list[str]) -> vocabulary.Vocabulary:
        """Names of `count` classes, and of predicates in groups of `sizes`."""
        words = vocabulary.ACTION_GENOME
        if (len(words.objects), tuple(map(len, words.groups))) == (count, sizes):
            return words
        notes.append(
            f"named {count} classes and {sum(sizes)} predicates by number: they are not as "
            "many as Action Genome's. Name them: --config.task.objects, --config.task.groups"
        )
        return numbered(count, sizes, words.groups)

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The training guide's five entries, and `state_dict`, which the original looks for."""
        return {
            "epoch": int(run.info.get("epoch") or 0),
            "model_state_dict": dict(tensors),
            "optimizer_state_dict": {"state": {}, "param_groups": []},
            "loss": originals.metric(run),
            "config": {"model": self.model, "mode": run.config.net.mode},
            "state_dict": dict(tensors),
        }


def numbered(
    count: int, sizes: tuple[int, ...], like: Sequence[vocabulary.Group]
) -> vocabulary.Vocabulary:
    """`count` classes without names, and predicates in groups like others of other `sizes`."""
    groups = [
        dataclasses.replace(group, predicates=tuple(f"{group.name} {i}" for i in range(size)))
        for group, size in zip(like, sizes, strict=True)
    ]
    first = vocabulary.BACKGROUND, vocabulary.PERSON
    return vocabulary.Vocabulary(
        (*first, *(f"object {i}" for i in range(2, count)))[:count], tuple(groups)
    )
