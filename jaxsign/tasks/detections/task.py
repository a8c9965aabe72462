"""Boxes in images with their classes: losses of anchors and proposals, and average precision."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.input.boxes import examples, sources
from jaxsign.input.scenes import vocabulary
from jaxsign.nets import faster_rcnn
from jaxsign.nets.layers import class_boxes
from jaxsign.tasks import answering, following, loss_parts, measures
from jaxsign.tasks.detections import answers, losses, precision, scoring, targets

Array = jax.Array
_PARTS = ("loss/anchor_class", "loss/anchor_box", "loss/class", "loss/box")
_TOLD, _TRUE = answers.TOLD, precision.TRUE


@dataclasses.dataclass(frozen=True)
class Detections(tasks.Task):
    """Mean over images of the losses of anchors and of proposals.

    Attributes:
      net: the detector.
      names: classes of boxes, the background's first.
      anchors, proposals: which of them the loss looks at.
      anchor_sigma, proposal_sigma: of their smooth L1.
      kept: which of the net's boxes count.
    """

    net: faster_rcnn.FasterRCNN
    names: tuple[str, ...]
    anchors: targets.Sampling
    proposals: targets.Sampling
    anchor_sigma: float
    proposal_sigma: float
    kept: answers.Kept

    @classmethod
    def open(
        cls, config: ConfigDict, split: str, *, training: bool = False
    ) -> examples.BoxExamples:
        return examples.open_examples(config, split, training=training)

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "Detections":
        if not isinstance(net, faster_rcnn.FasterRCNN):
            raise TypeError(f"{type(net).__name__} finds no boxes: check the recipe first")
        asked = config.detect
        anchors = targets.Sampling(
            asked.anchors, asked.anchor_share, asked.anchor_from, asked.anchor_below
        )
        proposals = targets.Sampling(
            asked.proposals, asked.proposal_share, asked.proposal_from, asked.proposal_from,
            asked.proposal_least,
        )  # fmt: skip
        return cls(
            net, tuple(config.task.objects), anchors, proposals, asked.anchor_sigma,
            asked.proposal_sigma, answers.Kept(asked.least, asked.overlap, asked.most),
        )  # fmt: skip

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """`ap50`, `ap75` and `ap`, the mean over ten overlaps; `loss`."""
        words = {"ap50": "AP50", "ap75": "AP75", "ap": "AP"}
        found = {k: measures.Number(k, f"validation {w}", "max") for k, w in words.items()}
        return {**found, "loss": measures.Number("loss", "validation loss", "min")}

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        wrong = []
        if not issubclass(nets.get(config.net.name), faster_rcnn.FasterRCNN):
            wrong.append(
                f"net.name={config.net.name!r}: task.name=detections takes the net faster_rcnn"
            )
        if config.task.heads:
            wrong.append(f"task.heads={config.task.heads}: expected (): boxes have classes")
        if config.detect.anchor_below > config.detect.anchor_from:
            wrong.append(
                f"detect.anchor_below={config.detect.anchor_below:g}: expected at most "
                f"detect.anchor_from={config.detect.anchor_from:g}"
            )
        return wrong

    @classmethod
    def assumed(cls, config: ConfigDict) -> dict[str, dict[str, Any]]:
        """Action Genome's classes where the recipe does not tell how many."""
        names = tuple(config.task.objects) or vocabulary.ACTION_GENOME.objects
        return {"net": {"num_classes": config.net.num_classes or len(names)}}

    def imagined(self, config: ConfigDict, rng: Array) -> dict[str, Array]:
        """Images of random pixels, as small as a detector's maps allow."""
        shape = config.smoke.batch_size, 64, 64, 3
        return {
            "images": 60 * jax.random.normal(rng, shape),
            "image_sizes": jnp.full((shape[0], 2), 64),
        }

    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tasks.Learnt:
        """As in `Task`: the mean over images of each one's loss."""
        rows, sums, _, new = self._learnt(variables, batch, rng)
        return tasks.Learnt((rows * batch["share"]).sum(), sums, new)

    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> tasks.Evaluated:
        # Nothing is drawn, so that an image has one loss in whatever row and shape it stands.
        _, sums, told, _ = self._learnt(variables, batch, None)
        # Proposals stand first, the true boxes behind them.
        count = told["proposals"].shape[1]
        rows = {name: told[name][:, :count] for name in ("class_boxes", "scores")}
        rows["valid_boxes"] = told["valid_proposals"]
        rows |= {name: batch[name] for name in (*_TRUE, "weight")}
        return tasks.Evaluated(sums, rows)

    def _learnt(
        self, variables: nets.Variables, batch: Mapping[str, Array], rng: Array | None
    ) -> tuple[Array, dict[str, Array], nets.Outputs, nets.Variables]:
        """float32 [B], each image's loss; sums of the real ones; what the net told; statistics.

        rng: of training; None: nothing trains, and all anchors and proposals count.
        """
        keys = (None, None) if rng is None else _keys(rng, batch["weight"])
        true = batch["true_boxes"], batch["true_labels"], batch["valid_true"]

        def choose(found: Array, valid: Array) -> class_boxes.BoxesToLearn:
            draw = functools.partial(targets.of_proposals, asked=self.proposals)
            return jax.vmap(draw)(found, valid, *true, keys[0])

        told, new = nets.call(
            self.net,
            variables,
            {},
            train=rng is not None,
            mutable=["batch_stats"],
            method="learn",
            images=batch["images"],
            image_sizes=batch["image_sizes"],
            choose=choose,
            valid=batch["weight"] > 0,
        )
        each = self._of_anchors(told, batch, keys[1]) | self._of_proposals(told)
        return *loss_parts.sums_of(each, batch["weight"]), told, new

    def _of_anchors(
        self, told: nets.Outputs, batch: Mapping[str, Array], keys: Array | None
    ) -> dict[str, Array]:
        """Losses of what looks for boxes, float32 [B] each."""
        anchors = jnp.asarray(self.net.anchors_of(*told["maps"].shape[1:3]))
        draw = functools.partial(targets.of_anchors, anchors, asked=self.anchors)
        boxes, real = batch["true_boxes"], batch["valid_true"]
        on, counts, wanted = jax.vmap(draw)(batch["image_sizes"], boxes, real, keys)
        deltas = functools.partial(losses.deltas, sigma=self.anchor_sigma)
        return {
            "loss/anchor_class": jax.vmap(losses.classes)(
                told["anchor_logits"], on.astype(jnp.int32), counts
            ),
            "loss/anchor_box": jax.vmap(deltas)(told["anchor_deltas"], wanted, on, counts),
        }

    def _of_proposals(self, told: nets.Outputs) -> dict[str, Array]:
        """Losses of what looks at boxes, float32 [B] each."""
        labels, counts = told["labels"], told["valid_boxes"]
        own = jnp.take_along_axis(told["class_deltas"], labels[..., None, None], axis=2)[:, :, 0]
        deltas = functools.partial(losses.deltas, sigma=self.proposal_sigma)
        return {
            "loss/class": jax.vmap(losses.classes)(told["class_logits"], labels, counts),
            "loss/box": jax.vmap(deltas)(own, told["deltas"], labels > 0, counts),
        }

    def count(self, rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Hits and misses by class, overlap and score."""
        real = np.asarray(rows["weight"]) > 0
        parts = {name: np.asarray(rows[name])[real] for name in (*_TOLD, *_TRUE)}
        return precision.count(self.kept.of(parts), parts, self.net.num_classes)

    def summarise(self, sums: Mapping[str, Any]) -> dict[str, Any]:
        """`loss` and its parts; where boxes were counted `ap50`, `ap75` and `ap`."""
        found = loss_parts.means_of(sums)
        return found | precision.means(sums) if "right" in sums else found

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        """Average precisions; the parts of the losses stand last."""
        return (
            *(measures.Column(f"val_{name}", "val", name) for name in ("ap50", "ap75", "ap")),
            *map(loss_parts.column, _PARTS),
        )

    @property
    def panel(self) -> measures.Panel:
        curves = {"val_ap50": "AP50", "val_ap75": "AP75", "val_ap": "AP"}
        return measures.Panel("validation average precision", curves)

    def line(self, val: measures.Means) -> str:
        return f"val AP50 {val['ap50']:.3f}  AP {val['ap']:.3f}"

    # Answering.

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Each proposal as it would be of each class, in pixels of `images`, and its scores."""
        found = nets.call(self.net, variables, batch)
        return {name: found[name] for name in _TOLD}

    def questions(self, run: answering.Trained, path: Path, asked: answering.Asked) -> NoReturn:
        """Refused before anything is read."""
        self.answerer(run, asked)

    def answerer(self, run: answering.Trained, asked: answering.Asked) -> NoReturn:
        raise UserError(
            f"{run.workdir} is a detector, whose boxes are kept as scenes: it answers none. Use "
            f"jaxsign detect PICTURES --detector {run.workdir} --out SCENES --mode sgdet"
        )

    def standalone(self, run: answering.Trained) -> NoReturn:
        """Refused: a picture's size makes a program of its own, and boxes are not yet an answer."""
        raise UserError(
            f"net {run.config.net.name} of {run.workdir} cannot be deployed, in any format: every "
            "size of a picture is a program of its own, and which of the boxes stand for the same "
            "thing is decided outside of the net. Ask it through jaxsign: detect"
        )

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        _refuse(run, asked)
        return functools.partial(scoring.DetectionScore, run, self.names, self.kept)

    def pointed(
        self, run: answering.Trained, split: str, path: Path | None, labels: Path | None
    ) -> ConfigDict:
        data = ConfigDict(run.config.data.to_dict())
        if path is not None:
            data.source, data[split].path = sources.kind_of(path), str(path)
        if labels is not None:
            data[split].labels = str(labels)
        return data

    def follower(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> following.Follower:
        raise UserError(f"{run.workdir} finds boxes in images: it hears no stream of signs")


def _keys(rng: Array, rows: Array) -> tuple[Array, Array]:
    """A key for each row, of its proposals and of its anchors."""
    first, second = jax.random.split(rng)
    return jax.random.split(first, len(rows)), jax.random.split(second, len(rows))


def _refuse(run: answering.Trained, asked: answering.Asked) -> None:
    if given := answering.given(asked):
        raise UserError(
            f"{answering.words(given)}: not for {run.workdir}, which finds boxes. Leave that out."
        )


TASK = Detections
