"""Frames of any shape go through the batches as they are; a view can be sent to a worker."""

import pickle

import numpy as np
import pytest
from view_helpers import moving, without

from jaxsign.input import batching
from jaxsign.input.signs import views
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks.classes.examples import ClassExamples

SHAPES = {
    "asl_hybrid": (62, 2),
    "few_points": (3, 4),
    "frames": (224, 224, 3),
    "fslr156": (156,),
    "signon": (134,),
    "whisper_sign": (42, 7),
}


class Recordings:
    """A source of clips of several lengths, some of them without a hand."""

    name = "recordings"
    lengths = np.array([3, 7, 12, 5], np.int32)
    labels = {"gloss": np.arange(4, dtype=np.int32)}  # noqa: RUF012
    ids = ("a", "b", "c", "d")
    languages = None

    def __len__(self):
        return 4

    def read(self, index):
        clip = moving(int(self.lengths[index]), seed=index)
        return without(clip, left=range(index))


class Points(Recordings):
    """A source of points in pixels, for the view that takes these."""

    def read(self, index):
        return 100 * super().read(index).landmarks[:, [0, 468, 489], :2]


class Pictures(Recordings):
    """A source of pictures."""

    def read(self, index):
        shape = (int(self.lengths[index]), 6, 8, 3)
        return np.random.default_rng(index).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("name", SHAPES)
def test_batches_of_a_view(name):
    options = {"name": name, **({"rate": 0} if name == "whisper_sign" else {})}
    view = pickle.loads(pickle.dumps(views.get_view(options)))
    source = {"few_points": Points, "frames": Pictures}.get(name, Recordings)()
    examples = ClassExamples(source, Treatment(view=view, max_length=12))
    (batch,) = batching.EvalBatches(examples, batching.BatchOptions(batch_size=4, threads=1))
    assert batch["x"].shape == (4, 12, *SHAPES[name])
    assert batch["x"].dtype == (np.uint8 if name == "frames" else np.float32)
    for row, length in enumerate(source.lengths):
        np.testing.assert_array_equal(batch["x"][row, :length], view(source.read(row)))
        assert not batch["x"][row, length:].any()
        assert batch["valid"][row].sum() == length


def test_every_view_of_the_folder_is_tried():
    assert views.names() == sorted(SHAPES)
