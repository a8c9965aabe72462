"""What tasks of scenes share: one loss a video, places of their scenes, settings of their verbs."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NoReturn, TypeVar

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.input.scenes import examples, sources, vocabulary
from jaxsign.input.scenes.examples import SceneExamples
from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.nets import action_net, scene_net
from jaxsign.tasks import answering, following, measures
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import unstored

Array = jax.Array
Rows = dict[str, np.ndarray]
Name = TypeVar("Name", bound=str)
_TOLD, _TRUE = "told/", "true/"  # before the names of rows


@dataclasses.dataclass(frozen=True)
class SceneTask(tasks.Task, abc.ABC):
    """A net that tells of scenes.

    Attributes:
      net: the net.
      words: classes and groups of predicates.
      kind: of the examples.
      told: the names of what it counts of a net's outputs.
    """

    net: scene_net.SceneNet | action_net.ActionNet
    words: Vocabulary
    kind: ClassVar[type[SceneExamples]] = SceneExamples
    told: ClassVar[tuple[str, ...]]

    @classmethod
    def open(cls, config: ConfigDict, split: str, *, training: bool = False) -> SceneExamples:
        if cls.looks_with(config):
            raise ValueError("net.detector: these examples are opened by open_with")
        return examples.open_examples(config, split, training=training, kind=cls.kind)

    @classmethod
    def looks_with(cls, config: ConfigDict) -> str:
        of_frames = config.data.source == sources.ACTION_GENOME
        return str(config.net.get("detector", "")) if of_frames else ""

    @classmethod
    def open_with(
        cls,
        other: answering.Trained,
        config: ConfigDict,
        split: str,
        *,
        training: bool = False,
        trial: bool = False,
    ) -> SceneExamples:
        looker = looking.of_run(other, f"net.detector={other.workdir}")
        source = unstored.of_genome(config, split, looker, training=training, trial=trial)
        return examples.of_source(source, config.net.mode, training=training, kind=cls.kind)

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        wrong = _of_detector(config)
        if config.task.heads:
            wrong.append(
                f"task.heads={config.task.heads}: expected (): scenes have groups of predicates"
            )
        if bool(config.task.objects) != bool(config.task.groups):
            wrong.append("task.objects and task.groups: set both, or none to take the data's")
        elif config.task.groups:
            wrong += _misfits(config)
        return wrong

    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tasks.Learnt:
        """As in `Task`: the mean over videos of each one's loss."""
        # Rows that only fill the batch have no real box or pair: no statistics may see them.
        real = batch["weight"] > 0
        shown = {
            name: batch[name] & real.reshape(-1, *[1] * (batch[name].ndim - 1))
            for name in ("valid_frames", "valid_boxes", "valid_pairs")
        }
        outputs, new = nets.call(
            self.net,
            variables,
            {**batch, **shown},
            train=True,
            rng=rng,
            mutable=["batch_stats"],
        )
        rows, sums = self._rows(outputs, batch)
        return tasks.Learnt((rows * batch["share"]).sum(), sums, new)

    @abc.abstractmethod
    def _rows(
        self, outputs: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """float32 [B], each video's loss, and the sums of the real ones."""

    @abc.abstractmethod
    def _true(self, batch: Mapping[str, Array]) -> tuple[str, ...]:
        """The names of what answers to a batch are compared with."""

    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> tasks.Evaluated:
        outputs = nets.call(self.net, variables, batch)
        told = {f"{_TOLD}{name}": outputs[name] for name in self.told}
        true = {f"{_TRUE}{name}": batch[name] for name in self._true(batch)}
        rows = {**told, **true, "weight": batch["weight"]}
        return tasks.Evaluated(self._rows(outputs, batch)[1], rows)

    def epoch_tags(self, val: measures.Means) -> dict[str, float]:
        """The recalls under the names of the training guide: eval/recall@K, eval/mrecall@K."""
        return {f"eval/{name}": val[name] for name in val if "recall@" in name}

    def questions(
        self, run: answering.Trained, path: Path, asked: answering.Asked
    ) -> answering.Questions:
        left_out: list[str] = []
        found = examples.of_place(path, self.net.mode, left_out, self.kind)
        found.check(self.words)
        found.facts(run.config)  # refuses features of another width
        made = self.answering_of(found.source, run, asked)
        return answering.Questions(found, made, tuple(left_out))

    def standalone(self, run: answering.Trained) -> NoReturn:
        """Refused: what the net takes is made by a detector, and its shapes are a frame's own."""
        raise UserError(
            f"net {run.config.net.name} of {run.workdir} cannot be deployed, in any format: it "
            "takes what jaxsign's detector finds in pictures, boxes and pairs in numbers that "
            "change from frame to frame. Ask it through jaxsign: predict, scene, serve or detect"
        )

    def answerer(self, run: answering.Trained, asked: answering.Asked) -> answering.Answerer:
        return self.answering_of(None, run, asked)

    @abc.abstractmethod
    def answering_of(
        self, source: SceneSource | None, run: answering.Trained, asked: answering.Asked
    ) -> answering.Answerer:
        """As `answerer`, of the scenes of a source, by whose names and times it tells of frames."""

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


def counted(rows: Mapping[str, np.ndarray]) -> tuple[Rows, Rows]:
    """The real rows of what `SceneTask.evaluate` gave: what the net told, and what is true."""
    kept = np.asarray(rows["weight"]) > 0
    told, true = (
        {
            name.removeprefix(start): np.asarray(values)[kept]
            for name, values in rows.items()
            if name.startswith(start)
        }
        for start in (_TOLD, _TRUE)
    )
    return told, true


def words_of(config: ConfigDict) -> Vocabulary:
    """The classes and groups of a recipe whose open keys are filled in.

    Raises:
      UserError: names that make no vocabulary.
    """
    return vocabulary.of_rows(config.task.objects, config.task.groups)


def _of_detector(config: ConfigDict) -> list[str]:
    """What a recipe with `net.detector` cannot have beside it."""
    wrong, asked = list[str](), config.net.get("detector", "")
    if asked and config.data.source != sources.ACTION_GENOME:
        wrong.append(
            f"net.detector={asked}: looks at the frames of data.source={sources.ACTION_GENOME} "
            f"alone, not of {config.data.source}. Make scenes of others with jaxsign detect"
        )
    if asked and config.data.action_genome.features:
        wrong.append(
            f"net.detector={asked} and data.action_genome.features="
            f"{config.data.action_genome.features}: both give features. Leave one out"
        )
    if asked and config.input.workers:
        wrong.append(
            f"net.detector={asked} and input.workers={config.input.workers}: each of these "
            "processes would hold all features. Set it to 0"
        )
    return wrong


def _misfits(config: ConfigDict) -> list[str]:
    """Names of classes that make no vocabulary, or are not as many as the net's where it says."""
    try:
        words = words_of(config)
    except UserError as error:
        return [str(error)]
    groups = tuple(len(group) for group in words.groups)
    found: dict[str, object] = {"num_objects": len(words.objects), "predicates": groups}
    return [
        f"net.{key}={config.net[key]}: task.objects and task.groups name {value}"
        for key, value in found.items()
        if config.net[key] and config.net[key] != value
    ]


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
