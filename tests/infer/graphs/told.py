"""A tiny run that tells relations, of random weights, and frames with made-up answers."""

import jax
import numpy as np
import recipes

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.infer.graphs.seen import SeenFrame
from jaxsign.input.scenes import examples, synthetic
from jaxsign.tasks.scenes.answers import FrameAnswer, Relation
from jaxsign.train import checkpoint, setup


def config_of(mode="predcls"):
    config = recipes.small("sttran:synthetic", None)
    config.data.synthetic_scenes.frames = (5, 5)
    config.net.mode = mode
    return config


def scene(number=0):
    return synthetic.scenes(config_of().data.synthetic_scenes, "test")[number]


def save_run(folder, mode="predcls"):
    """A run folder with random weights."""
    config = config_of(mode)
    found = examples.open_examples(config, "train", training=True)
    config = setup.filled(config, found.facts(config))
    net, blank = nets.build(**config.net.to_dict()), found.blank((2, 3, 3), 1)
    shapes = jax.eval_shape(lambda: nets.init(net, jax.random.key(0), blank))
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape, np.float32), shapes)
    variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])  # of variances
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save_variables(folder, variables, epoch=1, metric=0.5)
    configs.save_run_config(config, folder)


def frame(number, *relations, classes=("person", "cup", "cup"), scores=(1.0, 0.6, 0.2), time=True):
    """A person, two cups, the second doubtful, and relations (object, name, score)."""
    boxes = np.array([[10, 10, 40, 90], [30, 30, 50, 50], [60, 60, 79, 79.5]], np.float32)
    told = [
        Relation(
            0, name, other, "spatial" if name == "behind" else "contact", name == "behind", score
        )
        for other, name, score in relations
    ]
    told.sort(key=lambda one: -one.score)
    answer = FrameAnswer(
        f"{number:06d}", number / 10 if time else None, boxes[: len(classes)], classes,
        np.array(scores, np.float32), tuple(told),
    )  # fmt: skip
    return SeenFrame(number, number / 10 if time else float(number), answer, (100, 100))
