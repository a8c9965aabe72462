"""Graphs of actions: losses of edges, objects and verbs, EASG's recall, and what is told of them.

Source: EASG (CVPR 2024).
"""

import dataclasses
import functools
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.input.examples import Facts
from jaxsign.input.scenes import vocabulary
from jaxsign.input.scenes.action_examples import ActionExamples
from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.nets import action_net
from jaxsign.tasks import answering, loss_parts, measures
from jaxsign.tasks.actions import answers, graphs, scoring
from jaxsign.tasks.scenes import losses, scene_tasks, terms

Array = jax.Array
_COUNTS = {"verb": 198, "edge": 13}  # of EASG
_SHOWN = 20  # the cut that stands on the console and chooses the best epoch
_CHOICE = f"recall@{_SHOWN}"
_NAMES: dict[graphs.Constraint, str] = {"with": "recall@{}/with", "no": "recall@{}/no"}
_TOLD = ("boxes", "labels", "pairs", "valid_pairs", "verbs")  # what nets are given


@dataclasses.dataclass(frozen=True)
class ActionGraphTask(scene_tasks.SceneTask):
    """Sum of the losses of the edges, and of the objects' classes and verbs that are learned.

    Attributes:
      net: of graphs of actions.
      of_several: the loss of the edges, of `terms.OF_SEVERAL`.
    """

    net: action_net.ActionNet
    of_several: str = "margin"
    kind = ActionExamples
    told = graphs.TOLD

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "ActionGraphTask":
        if not isinstance(net, action_net.ActionNet):
            raise TypeError(f"{type(net).__name__} tells of no actions: check the recipe first")
        return cls(net, scene_tasks.words_of(config), config.loss.of_several)

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """`recall@K/with` and `/no` constraint, `recall@20`, the mean of both, and `loss`."""
        found = {_CHOICE: measures.Number(_CHOICE, f"validation R@{_SHOWN}, both means", "max")}
        for constraint, name in _NAMES.items():
            for cut in graphs.CUTS:
                key = name.format(cut)
                words = f"validation R@{cut}, {constraint} constraint"
                found[key] = measures.Number(key, words, "max")
        return {**found, "loss": measures.Number("loss", "validation loss", "min")}

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        if not issubclass(nets.get(config.net.name), action_net.ActionNet):
            return [
                f"net.name={config.net.name!r}: task.name=action_graph takes nets of graphs of "
                "actions, easg and easg_fc"
            ]
        return super().check(config)

    @classmethod
    def assumed(cls, config: ConfigDict) -> Facts:
        """As many classes as EASG has, named by number, and widths of the original's features."""
        objects = ("__background__", "person", *(f"object {i}" for i in range(391)))
        verbs, edges = (
            tuple(f"{name} {i}" for i in range(count)) for name, count in _COUNTS.items()
        )
        groups = vocabulary.Group("verb", verbs, "one"), vocabulary.Group("edge", edges, "several")
        words = vocabulary.Vocabulary(objects, groups)
        if config.task.groups:
            words = scene_tasks.words_of(config)
        sizes = {
            "num_objects": len(words.objects),
            "predicates": tuple(len(group) for group in words.groups),
            "feature_dim": 2048,
            "verb_dim": 2304,
        }
        net = {key: value for key, value in sizes.items() if not config.net[key]}
        return {"net": net, "task": vocabulary.to_rows(words)}

    def imagined(self, config: ConfigDict, rng: Array) -> dict[str, Array]:
        """Videos of `smoke.frames` frames of a wearer and two objects; features of N(0, 1)."""
        count, frames, net = config.smoke.batch_size, config.smoke.frames, self.net
        shape = count, frames
        keys = jax.random.split(rng, 3)
        corner = jax.random.uniform(keys[0], (*shape, 3, 2), maxval=100.0)
        pairs = jnp.array([[0, 1], [0, 2]])
        return {
            "boxes": jnp.concatenate([corner, corner + 50], axis=-1),
            "labels": jnp.broadcast_to(jnp.array([1, 2, 2]), (*shape, 3)),
            "distribution": jnp.full((*shape, 3, net.num_objects - 1), 1 / net.num_objects),
            "features": jax.random.normal(keys[1], (*shape, 3, net.feature_dim)),
            "verbs": jnp.zeros((*shape, 2), jnp.int32),
            "verb_features": jax.random.normal(keys[2], (*shape, 2, net.verb_dim)),
            "pairs": jnp.broadcast_to(pairs, (*shape, 2, 2)),
        }

    def _true(self, batch: Mapping[str, Array]) -> tuple[str, ...]:
        return graphs.TRUE

    def _rows(
        self, outputs: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        told = batch["valid_pairs"] & batch["labelled"]
        done, edges = self.words.parts
        logits, true = outputs["relations"], batch["relations"]
        boxes = jnp.take_along_axis(batch["labels"], batch["pairs"][..., 1], axis=-1)
        names = outputs["objects"]
        right = jax.nn.one_hot(boxes - action_net.NO_OBJECTS, names.shape[-1], dtype=bool)
        values = {
            "edge": terms.OF_SEVERAL[self.of_several](logits[..., edges], true[..., edges]),
            "objects": losses.cross_entropy(names, right),
            "verb": losses.cross_entropy(logits[..., done], true[..., done]),
        }
        each = {
            f"loss/{name}": losses.mean_of_pairs(values[name], told) for name in self.net.learned
        }
        return loss_parts.sums_of(each, batch["weight"])

    def count(self, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sums of recall, with and without constraint."""
        told, true = scene_tasks.counted(rows)
        at = graphs.rows_of(true, true["valid_pairs"] & true["labelled"])
        found = graphs.of_first_frames(graphs.told(at, told, true["verbs"], self.words), at)
        return graphs.count(found, graphs.truth(at, true, self.words), self.words, self.net.counted)

    def summarise(self, sums: measures.Sums) -> dict[str, float]:
        """`loss` and its parts; where graphs were counted recalls, and mean recalls of edges."""
        found = loss_parts.means_of(sums)
        if "graphs" in sums:
            counted = {name: np.asarray(value) for name, value in sums.items()}
            for constraint, name in _NAMES.items():
                for what, of in (("", graphs.recall), ("m", graphs.mean_recall)):
                    values = of(counted, constraint)
                    pairs = zip(graphs.CUTS, values, strict=True)
                    found |= {f"{what}{name.format(cut)}": float(v) for cut, v in pairs}
            both = [found[name.format(_SHOWN)] for name in _NAMES.values()]
            found[_CHOICE] = sum(both) / len(both)
        return found

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        """Recalls; the parts of the losses stand last."""
        names = [f"{what}{name.format(cut)}" for what in ("", "m") for name in _NAMES.values()
                 for cut in graphs.CUTS]  # fmt: skip
        return (
            *(
                measures.Column(f"val_{name.replace('/', '_')}", "val", name)
                for name in (_CHOICE, *names)
            ),
            *(loss_parts.column(f"loss/{part}") for part in self.net.learned),
        )

    @property
    def panel(self) -> measures.Panel:
        curves = {
            f"val_{_CHOICE}": f"R@{_SHOWN}, mean of both",
            f"val_recall@{_SHOWN}_with": "with constraint",
            f"val_recall@{_SHOWN}_no": "no constraint",
            f"val_mrecall@{_SHOWN}_no": f"mR@{_SHOWN}, no constraint",
        }
        return measures.Panel("validation recall of graphs", curves)

    def line(self, val: measures.Means) -> str:
        told = [f"{val[name.format(_SHOWN)]:.3f} {key}" for key, name in _NAMES.items()]
        return f"val R@{_SHOWN} {', '.join(told)}"

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """What graphs were told of, and the logits of verbs, edges and objects [B, F, Q, ...]."""
        found = nets.call(self.net, variables, batch)
        return {name: batch[name] for name in _TOLD} | {name: found[name] for name in graphs.TOLD}

    def answering_of(
        self, source: SceneSource | None, run: answering.Trained, asked: answering.Asked
    ) -> answers.GraphAnswerer:
        constraint = scene_tasks.constraint(run, asked, graphs.CONSTRAINTS, ("no",))[0]
        return answers.GraphAnswerer(self.words, self.net.counted, constraint, source)

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        constraints = scene_tasks.constraint(run, asked, graphs.CONSTRAINTS, graphs.CONSTRAINTS)
        return functools.partial(scoring.GraphScore, run, self.words, self.net.counted, constraints)


TASK = ActionGraphTask
