"""One label a head for every clip: losses, accuracies, and what is reported of them."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.tasks import answering, baselines, clips, measures
from jaxsign.tasks.classes import (
    answers,
    examples,
    following,
    judging,
    macro,
    metrics,
    nothing,
    scoring,
    simple,
    weighting,
)
from jaxsign.tasks.classes import loss as losses

Array = jax.Array
_TELLS = """\
none = about["none"]  # when an answer means none of the signs; null = always one of them
for head, names in labels.items():
    odds = np.exp(said[head][0] - said[head][0].max())
    odds /= odds.sum()
    best = np.argsort(-odds, kind="stable")[:3]
    if none and none["head"] == head:
        if odds[best[0]] < none["threshold"] or best[0] == none["number"]:
            print(f"{head}: none of these")
    for i in best:
        print(f"{head}: {names[i]} {odds[i]:.3f}")
"""


@dataclasses.dataclass(frozen=True)
class Classify(clips.ClipTask):
    """Weighted sum of the heads' classification losses.

    Attributes:
      net: returns `logits`, a dict with an entry [B, C] for every head.
      lost: what the loss is a sum of.
      languages: that macro scores are told of; 0 = there are no such scores.
    """

    net: nets.Net
    lost: losses.HeadLosses
    languages: int = 0

    own_params = (f"^{losses.LEARNED}/",)

    @property
    def heads(self) -> tuple[str, ...]:
        """Their names."""
        return self.lost.heads

    @classmethod
    def open(
        cls, config: ConfigDict, split: str, *, training: bool = False
    ) -> examples.ClassExamples:
        return examples.open_examples(config, split, training=training)

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "Classify":
        return cls(
            net,
            losses.HeadLosses.of_config(tuple(config.task.heads), config.loss),
            languages=max(len(config.data.parts), 1) if config.task.macro else 0,
        )

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """By the head's name, its accuracy; `loss` and `loss/HEAD`."""
        heads = tuple(config.task.heads)
        found = {
            h: measures.Number(f"acc/{h}", f"validation {h} accuracy", "max", counted=True)
            for h in heads
        }
        if config.task.macro:
            found |= {
                f"f1/{h}": measures.Number(f"f1/{h}", f"validation {h} macro F1", "max")
                for h in heads
            }
        found["loss"] = measures.Number("loss", "validation loss", "min")
        return found | {
            f"loss/{h}": measures.Number(f"loss/{h}", f"validation {h} loss", "min") for h in heads
        }

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        heads, known = config.task.heads, nets.get(config.net.name).__dataclass_fields__
        named = [head for head in ("gloss", "cat") if f"num_{head}" in known]
        if not isinstance(heads, tuple) or not heads or not set(heads) <= set(named):
            return [f"task.heads={heads!r}: expected some of {named}, which the net has"]
        if config.data.sampler and config.loss.class_weights:
            return ["data.sampler and loss.class_weights both balance the classes: set one"]
        changes = [config.stage.get(name, {}) for name in configs.names(config.stages)]
        losses_of = [change.get("loss", {}) for change in changes] or [{}]
        how = [loss.get("weighting", config.loss.weighting) for loss in losses_of]
        if len({one == "uncertainty" for one in how}) == 1:
            return []
        return [
            "loss.weighting='uncertainty' must hold in all stages or in none: its weights are "
            "parameters of the whole run"
        ]

    @classmethod
    def baseliner(cls) -> baselines.Baseliner:
        return simple.baseline

    def init(self, rng: Array, batch: Mapping[str, Array | np.ndarray]) -> nets.Variables:
        return self.lost.with_learned(super().init(rng, batch))

    def shares(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        return self.lost.shares(batch)

    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tasks.Learnt:
        """As in `Task`; `now` holds `loss_weights` float32 [heads].

        A net whose regularisation changes over a run is told the epoch and the step.
        """
        output, new = nets.call(
            self.net,
            variables,
            # Rows that only fill the batch have no real frame: no statistics may see them.
            {**batch, "valid": batch["valid"] & (batch["weight"] > 0)[:, None]},
            train=True,
            rng=rng,
            now=nets.Progress(now["epoch"], now["step"]),
            mutable=["batch_stats"],
        )
        logits, weights = nets.logits_of(output), now["loss_weights"]
        rows, each = self.lost.rows(logits, variables, batch, weights, train=True)
        loss = (rows * batch["share"]).sum()
        return tasks.Learnt(loss, self._sums(rows, each, logits, batch), new)

    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> tasks.Evaluated:
        """The sums `examples`, `loss`, `loss/HEAD`, `correct/HEAD`."""
        logits = nets.logits_of(nets.call(self.net, variables, batch))
        rows, each = self.lost.rows(logits, variables, batch, now["loss_weights"])
        return tasks.Evaluated(self._sums(rows, each, logits, batch))

    def _sums(
        self,
        rows: Array,
        each: Mapping[str, Array],
        logits: Mapping[str, Array],
        batch: Mapping[str, Array],
    ) -> dict[str, Array]:
        real = batch["weight"]
        sums = {"examples": real.sum(), "loss": (rows * real).sum()}
        for head, values in each.items():
            right = logits[head].argmax(-1) == batch[head]
            sums[f"loss/{head}"] = (values * real).sum()
            sums[f"correct/{head}"] = (right * real).sum()
            sums |= self._counted(head, logits[head], batch)
        return sums

    def _counted(self, head: str, logits: Array, batch: Mapping[str, Array]) -> dict[str, Array]:
        if not self.languages:
            return {}
        found = macro.sums(
            logits.argmax(-1),
            batch[head],
            batch["weight"],
            batch.get("language"),
            logits.shape[-1],
            self.languages,
            self.net.axis_name,
        )
        return {f"macro/{head}/{name}": value for name, value in found.items()}

    def summarise(self, sums: measures.Sums) -> dict[str, float]:
        """`loss`, and of every head `loss/HEAD` and `acc/HEAD`; with macro scores these too."""

        def mean(name: str) -> float:
            count = float(sums.get("examples", 0.0))
            return float(sums[name]) / count if count else float("nan")

        result = {"loss": mean("loss")}
        for head in self.heads:
            result[f"loss/{head}"] = mean(f"loss/{head}")
            result[f"acc/{head}"] = mean(f"correct/{head}")
            if self.languages:
                start = f"macro/{head}/"
                own = {k.removeprefix(start): v for k, v in sums.items() if k.startswith(start)}
                result |= {f"{k}/{head}": v for k, v in macro.means(own, self.languages).items()}
        return result

    def rates(self, config: ConfigDict, epoch: int) -> measures.Rates:
        """The heads' weights, and where they change in `metrics.csv` too."""
        weights, phase = weighting.weights(config.loss, epoch, config.train.epochs)
        columns: measures.Row = {}
        if config.loss.curriculum or config.loss.weighting != "static":
            name = "curriculum_phase" if config.loss.curriculum else "loss_weighting_strategy"
            columns = {"alpha": weights[0], "beta": weights[-1], name: phase}
        return measures.Rates({"loss_weights": np.asarray(weights, np.float32)}, columns)

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        """Accuracies of the heads, and their macro scores; those of training stand last."""
        return (
            *(measures.Column(f"val_{h}_acc", "val", f"acc/{h}") for h in self.heads),
            # Behind the original's columns, which other programs read by place.
            *(measures.Column(f"train_{h}_acc", "train", f"acc/{h}", True) for h in self.heads),
            *(
                measures.Column(f"{side}_{h}_{name}", side, f"{name}/{h}", True)
                for side in measures.SIDES[::-1]
                for h in self.heads
                for name in macro.names(self.languages)
            ),
        )

    @property
    def panel(self) -> measures.Panel:
        return measures.Panel("validation accuracy", {f"val_{h}_acc": h for h in self.heads})

    def line(self, val: measures.Means) -> str:
        return "val acc " + "  ".join(f"{head} {val[f'acc/{head}']:.3f}" for head in self.heads)

    def train_line(self, train: measures.Means) -> str:
        return "acc " + "  ".join(f"{head} {train[f'acc/{head}']:.3f}" for head in self.heads)

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Logits float32 [B, K] by head."""
        logits = nets.logits_of(nets.call(self.net, variables, batch))
        return {head: logits[head].astype(jnp.float32) for head in self.heads}

    averages = True

    def averaged(self, outputs: Sequence[answering.Outputs]) -> answering.Outputs:
        """Logits whose probabilities are the mean of the runs' ones."""
        return {head: metrics.log_mean([rows[head] for rows in outputs]) for head in self.heads}

    def answerer(self, run: answering.Trained, asked: answering.Asked) -> answering.Answerer:
        _refuse(run, asked)
        none = nothing.read(run.workdir)

        def made(rows: answering.Outputs, names: Sequence[str]) -> list[answers.ClassAnswer]:
            return [
                answers.ClassAnswer({head: rows[head][i] for head in self.heads}, run.labels, none)
                for i in range(len(names))
            ]

        return made

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        others = {name: value for name, value in asked.items() if name != "save_predictions"}
        _refuse(run, others)
        individual = bool(asked.get("save_predictions"))
        return functools.partial(scoring.ClassScore, run, individual=individual)

    def standalone(self, run: answering.Trained) -> answering.Standalone:
        none = nothing.read(run.workdir)
        return answering.Standalone(
            blank=functools.partial(self.blank, run),
            outputs={head: head for head in self.heads},
            asked={},
            tells=_TELLS,
            about={"none": None if none is None else dataclasses.asdict(none)},
            notes=(
                "outputs are logits float32 [1, classes] by head, in the order of labels: softmax "
                "gives probabilities",
                *([] if none is None else [none.in_words()]),
            ),
        )

    def follower(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> following.Votes:
        others = "sentences; this one gives single signs"
        given = _chosen(run, asked) | answering.settings(run, asked, following.Votes, others)
        return following.Votes(run, fps=fps, **given)

    def watcher(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> judging.Judge:
        """One who signs before a camera is judged at intervals; a window is so many frames."""
        others = "sentences; this one gives single signs"
        given = _chosen(run, asked) | answering.settings(run, asked, judging.Judge, others)
        if given.get("window", 30) % 1:
            raise UserError(f"--window {given['window']}: expected a whole number of frames")
        window = int(given.pop("window", 30))
        return judging.Judge(run, window, min_frames=min(5, max(window, 1)), **given)


def _chosen(run: answering.Trained, asked: answering.Asked) -> dict[str, answering.Setting]:
    """What validation clips told of none of the signs, for the head that is asked."""
    none = nothing.read(run.workdir)
    if none is None or none.head != (asked.get("head") or run.config.task.heads[0]):
        return {}
    return {"threshold": none.threshold, "no_sign": none.no_sign}


def _refuse(run: answering.Trained, asked: answering.Asked) -> None:
    given = answering.given(asked)
    if given:
        raise UserError(
            f"{answering.words(given)}: for runs that recognise sequences of glosses, but "
            f"{run.workdir} answers with one label a clip. Leave that out."
        )


TASK = Classify
