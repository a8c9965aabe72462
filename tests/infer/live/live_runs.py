"""Runs for the tests of live recognition, whose scores tell what a window held."""

import numpy as np

from jaxsign import config as configs
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.tasks.classes.judging import Judge
from jaxsign.tasks.classes.loss import HeadLosses
from jaxsign.tasks.classes.task import Classify

NAMES = ("hello", "bye", "-")


class FakeRun:
    """Scores that tell what the window held: its frames and its mean x."""

    heads = ("gloss",)
    labels = {"gloss": NAMES}
    workdir = "run"
    takes_nan = True
    frame_shape = (543, 3)
    config = configs.base()
    config.update(view={"name": ""}, net={}, task={"heads": ("gloss",)})
    task = Classify(None, HeadLosses(("gloss",), "ce"))
    view = staticmethod(lambda clip: clip.landmarks)

    def __init__(self, scores=None):
        self.scores = scores
        self.seen = []

    def features(self, clip):
        return clip.landmarks

    def cut(self, x):
        return x

    def bucket(self, frames):
        return -(-frames // 16) * 16

    def one(self, x, length=None):
        self.seen.append(x)
        row = self.scores(len(self.seen)) if self.scores else [2.0, 0.0, 0.0]
        return {"gloss": np.asarray([row], np.float32)}


def face(x=0.5):
    points = np.full((543, 3), np.nan, np.float32)
    points[:468] = x
    return points


def recogniser(run, **settings):
    """Of one who signs before a camera."""
    return Recogniser(run, Judge(run, **settings), asker=run)
