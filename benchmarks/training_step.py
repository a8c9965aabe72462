"""A recipe's own training step on one device, on a batch of its data, or of made-up ones."""

from pathlib import Path

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import machines, stages
from jaxsign.sections.data import MADE_UP
from jaxsign.sections.kinds import KINDS
from jaxsign.train import initial, opening, setup, traces

_CLIPS_OF_ONE = 8  # of each of 20 signs: more than a batch


class TrainingStep:
    """The first stage's.

    Attributes:
      config: the recipe as its data complete it.
      shape: of the first input of the net, [B, ...].
      text: of the compiled program; module: its name in it.

    Args:
      recipe: FILE or FILE:ARG.
      words: `--config.KEY=VALUE`.
      frames: of made-up clips and videos, which stand in where the recipe names no data.
    """

    def __init__(self, recipe: str, words: list[str], frames: int):
        config = with_data(configs.load(recipe, words), frames)
        train, val = (
            opening.open_examples(config, split, training=split == "train")
            for split in ("train", "val")
        )
        self.config = config = setup.resolve(config, train)
        run = setup.TrainingRun(
            config,
            Path(),
            train.under(config),
            val.under(config),
            stages.resolve(config),
            jax.local_devices()[:1],
            machines.here(),
        )
        session = setup.begin(run, run.stages[0], None)
        variables, _ = initial.variables(config, session.task, session.train_batches)
        self._state = session.compiled.place(session.fresh(variables, 0, None))
        batch = next(session.train_batches.iterator())
        self._batch = session.compiled.put_train(batch)
        rates = session.task.rates(session.stage.config, 0).now
        self._now = {
            "lr": jnp.float32(session.schedule.rate(0.0)),
            **rates,
            "epoch": jnp.float32(0),
        }
        self.shape = batch[session.task.net.inputs[0]].shape[1:]
        lowered = session.compiled.train.lower(self._state, self._batch, self._now)
        self._compiled = lowered.compile()
        self.text = str(self._compiled.as_text())
        self.module = traces.module(self.text)

    def run(self, steps: int) -> None:
        """Makes steps one after the other, as training does, and waits for the last."""
        for _ in range(steps):
            self._state, _ = self._compiled(self._state, self._batch, self._now)
        jax.block_until_ready(self._state)


def with_data(config: ConfigDict, frames: int) -> ConfigDict:
    """A recipe for one device, with made-up data of its kind where it names none."""
    config = ConfigDict({**config.to_dict(), "devices": 1})
    data, kind = config.data, config.task.name
    if data.source in MADE_UP or data.train.path or data.parts or kind not in KINDS:
        return config
    if KINDS[kind].input == "signs":
        data.source = "synthetic"
        data.synthetic.update(signs=20, signers=2, val_signers=1, clips_per_signer=_CLIPS_OF_ONE)
        data.synthetic.update(frames=(frames, frames), glosses=(1, 1))
        data.synthetic.continuous = kind == "ctc_attention"
    elif kind == "scene_graph":
        data.source = "synthetic_scenes"
        data.synthetic_scenes.update(
            videos=_CLIPS_OF_ONE, val_videos=1, frames=(frames, frames), boxes=(3, 3),
            objects=35, feature_dim=2048, union_dim=1024,
        )  # fmt: skip
    elif kind == "action_graph":
        data.source = "synthetic_actions"
        data.synthetic_actions.update(
            videos=_CLIPS_OF_ONE, val_videos=1, graphs=(frames, frames), boxes=(3, 3),
            objects=35, feature_dim=2048, verb_dim=2048,
        )  # fmt: skip
    return config
