"""What tasks of scenes share: one loss a video, places of their scenes, settings of their verbs."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.input.scenes import sources, vocabulary
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks import answering, following, measures

Array = jax.Array
Name = TypeVar("Name", bound=str)


@dataclasses.dataclass(frozen=True)
class SceneTask(tasks.Task, abc.ABC):
    """A net that tells of scenes.

    Attributes:
      net: the net.
      words: classes and groups of predicates.
    """

    net: nets.Net
    words: Vocabulary

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        wrong = []
        if config.task.heads:
            wrong.append(
                f"task.heads={config.task.heads}: expected (): scenes have groups of predicates"
            )
        if bool(config.task.objects) != bool(config.task.groups):
            wrong.append("task.objects and task.groups: set both, or none to take the data's")
        return wrong

    def init(self, rng: Array, batch: Mapping[str, Array | np.ndarray]) -> dict[str, Any]:
        return nets.init(self.net, rng, batch)

    def loss(
        self,
        params: Mapping[str, Any],
        collections: Mapping[str, Any],
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """As in `Task`: the mean over videos of each one's loss."""
        # Rows that only fill the batch have no real box or pair: no statistics may see them.
        real = batch["weight"] > 0
        shown = {
            name: batch[name] & real.reshape(-1, *[1] * (batch[name].ndim - 1))
            for name in ("valid_frames", "valid_boxes", "valid_pairs")
        }
        outputs, new = nets.call(
            self.net,
            {"params": params, **collections},
            {**batch, **shown},
            train=True,
            rng=rng,
            mutable=["batch_stats"],
        )
        rows, sums = self._rows(outputs, batch)
        return (rows * batch["share"]).sum(), ({**collections, **new}, sums)

    @abc.abstractmethod
    def _rows(
        self, outputs: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """float32 [B], each video's loss, and the sums of the real ones."""

    def epoch_tags(self, val: measures.Means) -> dict[str, float]:
        """The recalls under the names of the training guide: eval/recall@K, eval/mrecall@K."""
        return {f"eval/{name}": val[name] for name in val if "recall@" in name}

    def pointed(
        self, run: answering.Trained, split: str, path: Path | None, labels: Path | None
    ) -> ConfigDict:
        if labels is not None:
            raise UserError(f"--labels {labels}: scenes hold their relations themselves")
        data = ConfigDict(run.config.data.to_dict())
        if path is not None:
            data.source, data[split].path = sources.kind_of(path), str(path)
            data.action_genome.features = ""  # those of the run's own folder
            # Of what is given no share is held back.
            data.val.path = str(path)
            if split == "train":
                data.action_genome.val = "test"
        elif not sources.has(data, split):
            raise UserError(
                f"{run.workdir} knows no {split} scenes (data.{split}.path in its config.json is "
                "empty). Give a folder with --data DIR."
            )
        return data

    def follower(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> following.Follower:
        raise UserError(
            f"{run.workdir} tells relations in videos whose boxes are known: it hears no stream. "
            "Use jaxsign predict"
        )


def words_of(config: ConfigDict) -> Vocabulary:
    """The classes and groups of a recipe whose open keys are filled in.

    Raises:
      UserError: names that make no vocabulary.
    """
    return vocabulary.of_rows(config.task.objects, config.task.groups)


def constraint(
    run: answering.Trained,
    asked: answering.Asked,
    known: Sequence[Name],
    usual: Sequence[Name],
) -> tuple[Name, ...]:
    """The constraints that are asked for, of those that are known; refuses settings of other tasks.

    Raises:
      UserError: no such constraint, or another setting.
    """
    given = answering.given(asked)
    name = given.pop("constraint", None)
    if given:
        raise UserError(
            f"{answering.words(given)}: not for {run.workdir}, which tells relations. Leave that "
            "out."
        )
    if name is None:
        return tuple(usual)
    found = tuple(one for one in known if name in (one, "all"))
    if not found:
        raise UserError(f"--constraint {name}: none of {', '.join(known)} and all")
    return found
