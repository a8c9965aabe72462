"""Frames of clips without labels are hidden, and guessed from those around them.

What a net learns of how hands and body move is a start for recognisers of few labelled clips
(`train.init_from`). After "Masked Autoencoders Are Scalable Vision Learners" (He et al. 2022),
here of frames of numbers, and by their absolute error.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.tasks import answering, clips, following, measures
from jaxsign.tasks.masked import examples, spans

Array = jax.Array
# Stands among the parameters, so that the same optimizer trains it and the checkpoint holds it.
_OWN = "reconstruction"
_NEEDS = "frames"


@dataclasses.dataclass(frozen=True)
class Masked(clips.ClipTask):
    """The mean absolute error of the numbers in hidden frames that were there: not 0.

    Attributes:
      net: returns `frames` [B, T, E] of `x` [B, T, D].
      share: of a clip's frames that are hidden.
      frames: that a hidden span has.
    """

    net: nets.Net
    share: float
    frames: int

    own_params = (f"^{_OWN}/",)

    @classmethod
    def open(
        cls, config: ConfigDict, split: str, *, training: bool = False
    ) -> examples.MaskedExamples:
        source = clips.measured(config, clips.open_source(config, split, labelled=False))
        return examples.of_source(config, source, training=training)

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "Masked":
        return cls(net, float(config.loss.masked_share), int(config.loss.masked_frames))

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """`loss`, and `missed`: the error as a part of what was hidden."""
        return {
            "loss": measures.Number("loss", "validation loss", "min"),
            "missed": measures.Number("missed", "share missed of hidden frames", "min"),
        }

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        problems = []
        if config.task.heads:
            problems.append(f"task.heads={config.task.heads}: expected (): no label is learnt")
        if _NEEDS not in nets.get(config.net.name).frame_outputs:
            problems.append(
                f"net.name={config.net.name!r} does not tell of every frame, which "
                "task.name='masked' needs: take sign_transformer, as small:masked does"
            )
        by_labels = {
            "data.folds.count": bool(config.data.folds.count),
            "data.learning_curve": config.data.learning_curve < 1,
            "data.sampler": bool(config.data.sampler),
            "loss.class_weights": bool(config.loss.class_weights),
        }
        if asked := [key for key, is_asked in by_labels.items() if is_asked]:
            problems.append(
                f"{', '.join(asked)}: goes by labels, which task.name='masked' does not read: "
                "leave it out"
            )
        return problems

    @classmethod
    def next_command(cls, workdir: str | Path) -> str:
        return (
            f"jaxsign train --config small --workdir NEW --config.train.init_from={workdir} "
            "--config.data.train.path=LABELLED --config.data.val.path=LABELLED"
        )

    @classmethod
    def baseliner(cls) -> NoReturn:
        raise UserError(
            "no sign is learnt from hidden frames (task.name='masked'): ask what simple methods "
            "reach beside the recogniser that starts there: jaxsign baseline --config small DATA"
        )

    def init(self, rng: Array, batch: Mapping[str, Array | np.ndarray]) -> nets.Variables:
        """The net's, a row in place of hidden frames, and what makes frames of its `frames`."""
        made = super().init(rng, batch)
        row = {name: values[:1] for name, values in batch.items()}
        told = jax.eval_shape(lambda: nets.call(self.net, made, row))[_NEEDS]
        width, numbers = told.shape[-1], batch["x"].shape[-1]
        own = {
            "hidden": jnp.zeros(numbers),
            "kernel": jnp.zeros((width, numbers)),
            "bias": jnp.zeros(numbers),
        }
        return {**made, "params": {**made["params"], _OWN: own}}

    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tasks.Learnt:
        """As in `Task`; spans are drawn anew in every step."""
        rows, length = batch["x"].shape[:2]
        drawing, dropping = jax.random.split(rng)
        hidden = spans.drawn(drawing, rows, length, self.share, self.frames)
        output, new = nets.call(
            self.net,
            variables,
            self._without(variables, batch, hidden),
            train=True,
            rng=dropping,
            now=nets.Progress(now["epoch"], now["step"]),
            mutable=["batch_stats"],
        )
        each, sums = _errors(variables, output, batch, hidden)
        return tasks.Learnt((each * batch["share"]).sum(), sums, new)

    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> tasks.Evaluated:
        """The sums `examples`, `loss`, `error` and `size`; the same frames are always hidden."""
        x = batch["x"]
        fixed = spans.fixed(x.shape[1], self.share, self.frames)
        hidden = jnp.broadcast_to(fixed, x.shape[:2])
        output = nets.call(self.net, variables, self._without(variables, batch, hidden))
        return tasks.Evaluated(_errors(variables, output, batch, hidden)[1])

    def _without(
        self, variables: nets.Variables, batch: Mapping[str, Array], hidden: Array
    ) -> dict[str, Array]:
        """The batch, its hidden frames replaced by the row that stands for them."""
        x, row = batch["x"], variables["params"][_OWN]["hidden"]
        real = batch["valid"] & (batch["weight"] > 0)[:, None]
        return {**batch, "x": jnp.where(hidden[..., None], row.astype(x.dtype), x), "valid": real}

    def summarise(self, sums: measures.Sums) -> dict[str, float]:
        """`loss` and `missed`."""

        def ratio(part: str, whole: str) -> float:
            count = float(sums.get(whole, 0.0))
            return float(sums[part]) / count if count else float("nan")

        return {"loss": ratio("loss", "examples"), "missed": ratio("error", "size")}

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        return (
            measures.Column("val_missed", "val", "missed"),
            measures.Column("train_missed", "train", "missed", True),
        )

    @property
    def panel(self) -> measures.Panel:
        curves = {"val_missed": "validation", "train_missed": "training"}
        return measures.Panel("share missed of hidden frames", curves, "min")

    def line(self, val: measures.Means) -> str:
        return f"val missed {100 * val['missed']:.1f} % of hidden frames"

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        return {"embedding": nets.call(self.net, variables, batch)["embedding"]}

    def answerer(self, run: answering.Trained, asked: answering.Asked) -> answering.Answerer:
        _refuse(run)

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        _refuse(run)

    def standalone(self, run: answering.Trained) -> answering.Standalone:
        _refuse(run)

    def follower(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> following.Follower:
        _refuse(run)


def _errors(
    variables: nets.Variables, output: nets.Outputs, batch: Mapping[str, Array], hidden: Array
) -> tuple[Array, dict[str, Array]]:
    """Each row's error float32 [B], and the sums; a row of which nothing is hidden has 0."""
    own, x = variables["params"][_OWN], batch["x"].astype(jnp.float32)
    guessed = output[_NEEDS].astype(jnp.float32) @ own["kernel"] + own["bias"]
    seen = (hidden & batch["valid"])[..., None] & (x != 0)
    error = jnp.where(seen, jnp.abs(guessed - x), 0).sum((1, 2))
    size = jnp.where(seen, jnp.abs(x), 0).sum((1, 2))
    each, real = error / jnp.maximum(seen.sum((1, 2)), 1), batch["weight"]
    return each, {
        "examples": real.sum(),
        "loss": (each * real).sum(),
        "error": (error * real).sum(),
        "size": (size * real).sum(),
    }


def _refuse(run: answering.Trained) -> NoReturn:
    raise UserError(
        f"{run.workdir} learnt to guess hidden frames and knows no sign: it answers nothing, and "
        "its numbers are in its metrics.csv. Start a recogniser from it: "
        f"{Masked.next_command(run.workdir)}"
    )


TASK = Masked
