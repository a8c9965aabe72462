"""STTran: the relations between a person and the objects of a video, frame by frame.

    jaxsign train --config sttran --workdir runs/ag --config.data.train.path=DIR

DIR is Action Genome's folder (docs/scene_graphs.md); boxes and features of every video come from
files. The published net has 90 arrays, 103 million parameters.

Variants: '' - PredCLS (boxes and classes are given) with the settings of the training guide.
'sgcls' - the net tells the boxes' classes and finds the person. 'sgdet' - a detector gives boxes.
'paper' - the settings of the original's repository: AdamW at 1e-5, a plateau on R@20, ten epochs,
model selection on test. 'scenes' - one's own scenes (docs/scene_graphs.md), a smaller net of their
widths. 'synthetic' - a small net on built-in moving boxes, under five minutes on two cores:

    jaxsign train --config sttran:synthetic --workdir runs/scenes

'synthetic-rare' - the same on shorter videos with rare relations, for nets that are made for these.
'progressive' - the same net in three stages: with boxes and classes given, then telling classes,
then as from a detector. 'sets' - Action Genome, then EASG, in two runs of one command:

    jaxsign train --config sttran:sets --workdir runs/sets \\
        --config.link.genome.data.train.path=DIR --config.link.easg.data.train.path=DIR

'synthetic-sets' - the same with made-up scenes of eight objects, then of five others, minutes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxsign.config import base

Change = Callable[[ConfigDict], None]  # what a variant does to a recipe


def get_config(arg: str = "") -> ConfigDict:
    """arg: "", "sgcls", "sgdet", or one of `CHANGES`."""
    return recipe(NET, CHANGES, arg)


def recipe(net: Mapping[str, Any], changes: Mapping[str, Change], arg: str) -> ConfigDict:
    """The recipe of a net of relations: the training guide's settings, changed by its variant.

    Args:
      net: its fields.
      changes: what a variant changes; 'sgcls' and 'sgdet' may go without.
      arg: '' or a variant.
    """
    variants = tuple(dict.fromkeys(("", "sgcls", "sgdet", *changes)))
    if arg not in variants:
        raise ValueError(f"{net['name']} has no variant {arg!r}; known: {', '.join(variants[1:])}")
    config = base()
    config.system = "vidsgg"
    config.task.update(name="scene_graph", heads=(), monitor="recall@20")
    config.data.source = "action_genome"
    config.view = ConfigDict({"name": ""})
    config.net = ConfigDict(dict(net))
    config.net.mode = arg if arg in ("sgcls", "sgdet") else "predcls"
    config.log.folder = "output/{data}/{net}_{mode}_{time}"
    config.input.update(batch_size=1, buckets=())
    config.optim.update(
        name="adamw", lr=1e-4, weight_decay=1e-5, grad_clip=5.0, eps_corrected=False
    )
    config.schedule.update(
        name="step",
        unit="step",
        step_size=0.3,
        factor=0.1,
        warmup_updates_before=1000,
        start_factor=0.0,
    )
    config.train.update(epochs=100, eval_every=5, early_stop=10, min_delta=0.001)
    if arg in changes:
        changes[arg](config)
    return config


def paper(config: ConfigDict) -> None:
    """The settings of the original's repository."""
    config.data.action_genome.val = "test"
    config.optim.update(lr=1e-5, weight_decay=0.01)
    config.schedule.update(
        name="plateau",
        unit="epoch",
        factor=0.5,
        patience=1,
        threshold=1e-4,
        threshold_mode="absolute",
        min_lr=1e-7,
        warmup_updates_before=0,
    )
    config.train.update(epochs=10, eval_every=1, early_stop=0, min_delta=0.0)


def scenes(config: ConfigDict) -> None:
    """One's own scenes: a smaller net, which learns from eight videos a step."""
    config.data.source = "scenes"
    config.net.update(
        hidden_dim=64, word_dim=32, map_dim=32, classifier_dim=64, ff_dim=256, temporal_layers=2
    )
    config.input.batch_size = 8
    config.optim.update(lr=1e-3, weight_decay=1e-2)
    config.schedule.update(
        name="warmup_cosine",
        unit="epoch",
        warmup=2,
        warmup_updates_before=0,
        start_factor=0.1,
        final_factor=0.01,
    )
    config.loss.of_several = "bce"
    config.train.update(epochs=40, eval_every=1, early_stop=0, min_delta=0.0)


def synthetic(config: ConfigDict) -> None:
    """Built-in moving boxes."""
    scenes(config)
    config.data.source = "synthetic_scenes"
    config.data.synthetic_scenes.videos = 240
    config.input.buckets = ((12, 5, 4),)  # one program: compiling takes longer than learning
    config.optim.lr = 2e-3
    config.train.epochs = 10


def synthetic_rare(config: ConfigDict) -> None:
    """Shorter videos, in which some relations are rare and features are noisy."""
    synthetic(config)
    config.data.synthetic_scenes.update(
        tail=1.25, noise=3.0, frames=(4, 6), boxes=(1, 3), val_videos=240
    )
    config.input.buckets = ((6, 4, 3),)
    config.train.epochs = 15


def progressive(config: ConfigDict) -> None:
    """The same in three stages, a mode each."""
    synthetic(config)
    modes = ("predcls", "sgcls", "sgdet")
    config.net.mode = modes[-1]
    config.stages = ",".join(modes)
    rates = {"predcls": 2e-3, "sgcls": 1e-3, "sgdet": 5e-4}
    # Recalls of several modes do not compare: each stage looks for its own best.
    config.stage = ConfigDict(
        {
            mode: {
                "net": {"mode": mode},
                "optim": {"lr": rates[mode]},
                "train": {"epochs": 6},
                "schedule": {"warmup": 1},
                "reset_best": True,
            }
            for mode in modes
        }
    )


def sets(config: ConfigDict) -> None:
    _chain(
        config,
        genome={"source": "action_genome", "train": {"path": ""}},
        easg={"source": "easg", "train": {"path": ""}},
    )
    # One that is asked for looks at Action Genome's frames: EASG has boxes and features in files.
    config.link.easg.net = {"detector": ""}


def synthetic_sets(config: ConfigDict) -> None:
    synthetic(config)
    config.train.epochs = 6
    _chain(
        config,
        eight={"synthetic_scenes": {"objects": 8}},
        five={"synthetic_scenes": {"objects": 5, "seed": 1}},
    )


def _chain(config: ConfigDict, **data: dict[str, Any]) -> None:
    """Runs that differ in their data."""
    config.chain = ",".join(data)
    config.link = ConfigDict({name: {"data": changes} for name, changes in data.items()})


CHANGES = {
    "paper": paper,
    "scenes": scenes,
    "synthetic": synthetic,
    "synthetic-rare": synthetic_rare,
    "progressive": progressive,
    "sets": sets,
    "synthetic-sets": synthetic_sets,
}


def followed(own: Change, *names: str) -> dict[str, Change]:
    """Variants of these names, each followed by what another net changes besides."""

    def both(change: Change) -> Change:
        def changed(config: ConfigDict) -> None:
            change(config)
            own(config)

        return changed

    return {name: both(CHANGES[name]) for name in names}


NET = {
    "name": "sttran",
    "mode": "predcls",
    # 0 and () = as the data have.
    "num_objects": 0,
    "predicates": (),
    "feature_dim": 0,
    "union_dim": 0,
    "detector": "",
    "hidden_dim": 512,
    "word_dim": 200,
    "map_dim": 256,
    "classifier_dim": 1024,
    "dropout": 0.1,
    "masks": "fractional",
    "remat": False,
    "n_heads": 8,
    "ff_dim": 2048,
    "spatial_layers": 1,
    "temporal_layers": 3,
    "parity": False,
}
