"""A tiny run that tells relations, of random weights, and frames with made-up answers."""

import jax
import numpy as np
import recipes

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.infer.graphs.seen import SeenFrame
from jaxsign.input.scenes import examples, synthetic
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, to_rows
from jaxsign.tasks.detections import looking
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
    """A run folder with random weights, which has learnt `scene()`'s classes."""
    config = config_of(mode)
    found = examples.open_examples(config, "train", training=True)
    _save(folder, setup.filled(config, found.facts(config)))


def save_film_run(folder, detector, objects, words=ACTION_GENOME, mode="sgdet"):
    """A run folder with random weights for what a detector (net, variables) sees."""
    made = looking.FrameDetector(*detector, objects)
    config = config_of(mode)
    net = {
        "num_objects": len(words.objects),
        "predicates": tuple(map(len, words.groups)),
        "feature_dim": made.feature_dim,
        "union_dim": made.union_dim,
    }
    _save(folder, setup.filled(config, {"net": net, "task": to_rows(words)}))


def _save(folder, config):
    net = nets.build(**config.net.to_dict())
    shapes = jax.eval_shape(lambda: nets.init(net, jax.random.key(0), _batch(config)))
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda a: 0.3 * rng.standard_normal(a.shape, np.float32), shapes)
    variables["batch_stats"] = jax.tree.map(np.abs, variables["batch_stats"])  # of variances
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save_variables(folder, variables, epoch=1, metric=0.5)
    configs.save_run_config(config, folder)


def _batch(config):
    task = tasks.build(config, nets.build(**config.net.to_dict()))
    return task.imagined(config, jax.random.key(0))


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
