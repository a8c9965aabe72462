"""Relations of a video's pairs: losses by group, recall, and what is reported of them."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.input.examples import Examples
from jaxsign.input.scenes import priors, vocabulary
from jaxsign.input.scenes.examples import SceneExamples
from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.nets import relation_net, scene_net
from jaxsign.tasks import answering, loss_parts, measures
from jaxsign.tasks.scenes import answers, padded, recall, scene_tasks, scoring, terms

Array = jax.Array
_SHOWN = 20  # the cut that stands on the console and chooses the best epoch
_TOLD = ("boxes", "valid_boxes", *padded.TOLD)


@dataclasses.dataclass(frozen=True)
class SceneGraph(scene_tasks.SceneTask):
    """Sum of the groups' losses, and of the boxes' classes where these are learned.

    Attributes:
      net: of relations.
      words: classes and groups of predicates.
      lost: what the loss is a sum of.
    """

    net: scene_net.SceneNet
    lost: terms.Terms = terms.Terms()
    told = padded.TOLD

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "SceneGraph":
        if not isinstance(net, scene_net.SceneNet):
            raise TypeError(f"{type(net).__name__} is no net of relations: check the recipe first")
        made = terms.Terms.of_config(config.loss)
        made.check(net)
        return cls(net, scene_tasks.words_of(config), made)

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """`recall@K` and `mrecall@K` with constraint, `loss`."""
        found = {}
        for cut in recall.CUTS:
            found[f"recall@{cut}"] = measures.Number(f"recall@{cut}", f"validation R@{cut}", "max")
            found[f"mrecall@{cut}"] = measures.Number(
                f"mrecall@{cut}", f"validation mR@{cut}", "max"
            )
        return {**found, "loss": measures.Number("loss", "validation loss", "min")}

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        if not issubclass(nets.get(config.net.name), scene_net.SceneNet):
            return [f"net.name={config.net.name!r}: task.name=scene_graph takes nets of relations"]
        return super().check(config)

    @classmethod
    def assumed(cls, config: ConfigDict) -> dict[str, dict[str, Any]]:
        """Action Genome's classes, and widths of a detector's features."""
        words = scene_tasks.words_of(config) if config.task.groups else vocabulary.ACTION_GENOME
        sizes = {
            "num_objects": len(words.objects),
            "predicates": tuple(len(group) for group in words.groups),
            "feature_dim": 2048,
            "union_dim": 1024,
            **words.kinds,
        }
        net = {k: v for k, v in sizes.items() if k in config.net and not config.net[k]}
        return {"net": net, "task": vocabulary.to_rows(words)}

    @classmethod
    def check_start(cls, config: ConfigDict) -> None:
        """The file of what is known of classes beforehand."""
        if config.train.priors:
            priors.read(Path(config.train.priors), scene_tasks.words_of(config))

    def imagined(self, config: ConfigDict, rng: Array) -> dict[str, Array]:
        """Videos of `smoke.frames` frames of a person and two objects, with features of N(0, 1)."""
        count, frames = config.smoke.batch_size, config.smoke.frames
        corner = jax.random.uniform(rng, (count, frames, 3, 2), maxval=100.0)
        pairs = jnp.broadcast_to(jnp.array([[0, 1], [0, 2]]), (count, frames, 2, 2))
        shape = (count, frames, 3)
        return {
            "boxes": jnp.concatenate([corner, corner + 50], axis=-1),
            "image_sizes": jnp.full((count, frames, 2), 150.0),
            "labels": jnp.broadcast_to(jnp.array([1, 2, 2]), shape),
            "scores": jnp.ones(shape),
            "distribution": jnp.full((*shape, self.net.num_objects - 1), 1 / self.net.num_objects),
            "features": jax.random.normal(rng, (*shape, self.net.feature_dim)),
            "pairs": pairs,
            "union_features": jax.random.normal(rng, (count, frames, 2, 7, 7, self.net.union_dim)),
        }

    def _true(self, batch: Mapping[str, Array]) -> tuple[str, ...]:
        return padded.true_of(batch)

    def look(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        return self.net.look(variables, batch)

    @property
    def renews(self) -> bool:
        return self.net.renews

    def renew(
        self, variables: nets.Variables, rows: Iterable[Mapping[str, np.ndarray]]
    ) -> nets.Variables | None:
        """With what the net makes of all training examples."""
        real = ({name: a[row["index"] >= 0] for name, a in row.items()} for row in rows)
        return self.net.renewed(variables, real)

    def informed(
        self, variables: nets.Variables, config: ConfigDict, examples: Examples
    ) -> tuple[nets.Variables, list[str]]:
        """With what is known of classes beforehand, where the net takes it: see `priors`."""
        if not self.net.takes_priors:
            return variables, []
        assert isinstance(examples, SceneExamples)  # which `open` gave
        if given := config.train.priors:
            found, of = priors.read(Path(given), self.words), given
        else:
            found, of = priors.of_scenes(examples.source.scenes(), self.words), examples.name
        note = f"priors   relations of {found.classes} classes, known from {of}"
        return self.net.with_priors(variables, found.initial, found.specific), [note]

    def _rows(
        self, outputs: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """float32 [B], each video's loss, and the sums of the real ones."""
        # Pairs that a net chose itself may lack some of the true ones.
        told = batch["valid_pairs"] & batch["labelled"] & outputs["valid_pairs"]
        each: dict[str, Array] = {}
        for branch in self.net.branches:
            each |= self._of_groups(branch, outputs, batch["relations"], told)
        labels, real = batch["labels"], batch["valid_boxes"]
        if self.net.learns_classes and "object_logits" in outputs:
            each[terms.OBJECTS] = self.lost.of_boxes(outputs, labels, real)
        each |= self.lost.others(outputs, labels, real, told)
        each |= {name: outputs[name] for name in self.net.own_losses if name in outputs}
        return loss_parts.sums_of(each, batch["weight"])

    def _of_groups(
        self, branch: str, outputs: Mapping[str, Array], truth: Array, told: Array
    ) -> dict[str, Array]:
        """Each group's loss of a branch, float32 [B], by the name it is shown under."""
        unsure = relation_net.uncertainties(outputs) if branch == relation_net.TOLD else {}
        return {
            _loss_name(branch, group.name): self.lost.of_group(
                group.kind,
                outputs[branch][..., part],
                truth[..., part],
                told,
                {name: values[..., part] for name, values in unsure.items()},
            )
            for group, part in zip(self.words.groups, self.words.parts, strict=True)
        }

    def count(self, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Sums of recall with constraint."""
        outputs, batch = scene_tasks.counted(rows)
        told = padded.answers(batch["boxes"], outputs, self.words)
        truth = padded.truth(batch)
        return recall.count(recall.ranks(told, truth, self.words, "with"), truth, self.words)

    def summarise(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        """`loss` and its parts; where relations were counted recall@K and mrecall@K."""
        found = loss_parts.means_of(sums)
        if "hits" in sums:
            for what, values in (
                ("recall", recall.recall(sums)),
                ("mrecall", recall.mean_recall(sums)),
            ):
                pairs = zip(recall.CUTS, values, strict=True)
                found |= {f"{what}@{cut}": float(value) for cut, value in pairs}
        return found

    @property
    def _parts(self) -> tuple[str, ...]:
        """What the loss is a sum of."""
        groups = [
            _loss_name(branch, group.name)
            for branch in self.net.branches
            for group in self.words.groups
        ]
        return (*groups, *self.lost.names(self.net), *self.net.own_losses)

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        """Recalls and mean recalls; the parts of the losses stand last."""
        names = [f"{what}@{cut}" for what in ("recall", "mrecall") for cut in recall.CUTS]
        return (
            *(measures.Column(f"val_{name}", "val", name) for name in names),
            *map(loss_parts.column, self._parts),
        )

    @property
    def panel(self) -> measures.Panel:
        curves = {
            f"val_recall@{_SHOWN}": f"R@{_SHOWN}",
            f"val_mrecall@{_SHOWN}": f"mR@{_SHOWN}",
        }
        return measures.Panel("validation recall, with constraint", curves)

    def line(self, val: measures.Means) -> str:
        return f"val R@{_SHOWN} {val[f'recall@{_SHOWN}']:.3f}  mR {val[f'mrecall@{_SHOWN}']:.3f}"

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """What relations were told of, [B, F, ...]; logits [B, F, Q, R], of each branch too."""
        found = {**batch, **nets.call(self.net, variables, batch)}
        return {name: found[name] for name in {*_TOLD, *self.net.compared.values()}}

    def as_asked(self, run: answering.SomeTrained, asked: answering.Asked) -> answering.SomeTrained:
        """The run in another mode: with the setting `mode`, boxes or classes are given or told.

        Raises:
          UserError: it has not learnt to tell classes.
        """
        mode = asked.get("mode")
        if mode not in relation_net.MODES or mode == self.net.mode:
            return run
        if not self.net.learns_classes:
            raise UserError(
                f"--mode {mode}: {run.workdir} learnt with net.mode={self.net.mode}, in which "
                "classes of boxes are given, and cannot tell them. Leave it out, or train with "
                f"--config.net.mode={mode}"
            )
        config = ConfigDict(run.config.to_dict())
        config.net.mode = mode
        return dataclasses.replace(run, config=config, net=self.net.clone(mode=mode))

    def answering_of(
        self, source: SceneSource | None, run: answering.Trained, asked: answering.Asked
    ) -> answers.Answerer:
        constraint = scene_tasks.constraint(run, asked, recall.CONSTRAINTS, ("with",))[0]
        return answers.Answerer(self.words, source, constraint)

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        others = {k: v for k, v in asked.items() if (k, v) != ("mode", self.net.mode)}
        constraints = scene_tasks.constraint(run, others, recall.CONSTRAINTS, recall.CONSTRAINTS)
        return functools.partial(
            scoring.SceneScore, run, self.words, constraints, self.net.compared
        )


def _loss_name(branch: str, group: str) -> str:
    return f"loss/{group}" if branch == relation_net.TOLD else f"loss/{branch}/{group}"


TASK = SceneGraph
