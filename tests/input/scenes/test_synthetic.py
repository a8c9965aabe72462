"""Made-up scenes: which relations one frame tells, and which two frames together."""

import functools

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.scenes import synthetic


@functools.cache
def _loaded():
    return configs.load("fslr_transformer").data.synthetic_scenes


def options(**changes):
    found = _loaded().copy_and_resolve_references()
    found.update(changes)
    return found


def test_equal_options_make_equal_scenes_and_splits_differ():
    given = options(videos=3, val_videos=3)
    one, again = synthetic.scenes(given, "train"), synthetic.scenes(given, "train")
    other = synthetic.scenes(given, "val")
    for a, b, c in zip(one, again, other, strict=True):
        assert all(np.array_equal(v, b.arrays()[k]) for k, v in a.arrays().items())
        assert not np.array_equal(a.boxes[:1], c.boxes[:1])
    reseeded = synthetic.scenes(options(videos=1, seed=5), "train")[0]
    assert not np.array_equal(one[0].boxes[:1], reseeded.boxes[:1])


def test_widths_and_counts_are_those_asked_for():
    given = options(videos=40, frames=(3, 5), boxes=(1, 2), feature_dim=6, union_dim=2, objects=4)
    made = synthetic.scenes(given, "train")
    assert {len(one) for one in made} == {3, 4, 5}
    assert {one.size[2] for one in made} == {1, 3}  # a person and two objects are three pairs
    assert all(one.features.shape[1] == 6 for one in made)
    assert all(one.union_features.shape[1:] == (7, 7, 2) for one in made)
    assert max(one.labels.max() for one in made) == 5
    assert len({tuple(one.pairs_of_frames.tolist()) for one in made}) > 4  # some objects go


def test_every_two_boxes_are_a_pair_and_a_detector_is_mostly_right():
    made = synthetic.scenes(options(videos=40), "train")
    for one in made:
        counts = one.boxes_of_frames
        assert np.array_equal(one.pairs_of_frames, counts * (counts - 1) // 2)
        assert np.allclose(one.distribution.sum(axis=1), 1)
    right = [one.distribution.argmax(axis=1) + 1 == one.labels for one in made]
    assert 0.8 < np.concatenate(right).mean() < 1


def test_spatial_predicates_are_long_tailed():
    made = synthetic.scenes(options(videos=150), "train")
    counts = np.sum([one.relations.sum(axis=0) for one in made], axis=0)
    spatial = counts[made[0].vocabulary.parts[1]]
    assert counts.min() > 0 and spatial.max() > 15 * spatial.min()


def test_relations_follow_from_the_boxes():
    for one in synthetic.scenes(options(videos=10), "train"):
        words = one.vocabulary.predicates
        middle = (one.boxes[:, :2] + one.boxes[:, 2:]) / 2
        kept = one.labelled
        pairs, frames = one.pairs[kept], one.pair_frames[kept]
        assert (one.labels[pairs[:, 0]] == 1).all() and len(pairs) == (one.labels > 1).sum()
        offset = middle[pairs[:, 1]] - middle[pairs[:, 0]]
        told = {name: one.relations[kept, i] for i, name in enumerate(words)}
        assert np.array_equal(told["above"], offset[:, 1] < -60)
        assert np.array_equal(told["beneath"], offset[:, 1] > 60)
        touches = told["touching"] | told["holding"]
        assert (np.abs(offset[touches, 0]) < 60).all()
        labels = one.labels[pairs[:, 1]]
        far = np.abs(offset[:, 0])
        after = frames[:, None] + 1 == frames
        same = after & (labels[:, None] == labels)
        for now, later in np.argwhere(same):
            change = far[later] - far[now]
            wanted = "leaving" if change > 1 else "approaching" if change < -1 else None
            moves = [name for name in ("leaving", "approaching") if told[name][later]]
            assert moves == ([wanted] if wanted else [])


def _moving(made):
    """Of moving objects: what a frame shows, the change to the next, who leaves, odd frames."""
    shown, changes, leaves, odd = [], [], [], []
    for one in made:
        way = [one.vocabulary.predicates.index(name) for name in ("approaching", "leaving")]
        objects = one.pairs[one.labelled, 1]
        box = (one.boxes[objects] - one.boxes[one.pairs[one.labelled, 0]]) / 100
        union = one.union_features[one.labelled].reshape(len(box), -1)
        relations = one.relations[one.labelled]
        frame = np.concatenate([one.features[objects], box, box**2, union], axis=1)
        for label in np.unique(one.labels[objects]):
            rows = np.flatnonzero((one.labels[objects] == label) & relations[:, way].any(axis=1))
            shown.append(frame[rows[:-1]])
            changes.append(np.diff(one.features[objects][rows], axis=0))
            leaves.append(relations[rows[:-1], way[1]])
            odd.append(one.pair_frames[one.labelled][rows[:-1]] % 2 == 1)
    return tuple(map(np.concatenate, (shown, changes, leaves, odd)))


def _told(train, val):
    """Share of held-out rows that a linear rule tells."""
    x, y = (np.concatenate([a, np.ones((len(a), 1))], axis=1) for a in (train[0], val[0]))
    weights = np.linalg.lstsq(x, train[1] * 2.0 - 1, rcond=1e-3)[0]
    return ((y @ weights > 0) == val[1]).mean()


def test_motion_shows_in_every_second_frame_and_in_the_change_between_two():
    given = options(videos=150, val_videos=60, union_dim=2)
    train, val = (_moving(synthetic.scenes(given, split)) for split in ("train", "val"))
    assert _told((train[1], train[2]), (val[1], val[2])) > 0.97
    odd, even = (
        [(shown[rows], leaves[rows]) for shown, _, leaves, which in (train, val)
         for rows in [which == wanted]] for wanted in (True, False)
    )  # fmt: skip
    assert _told(*odd) < 0.65
    assert _told(*even) > 0.97


def test_a_tail_makes_rare_relations_rarer():
    def shares(tail):
        made = synthetic.scenes(options(videos=150, union_dim=1, tail=tail), "train")
        held = np.concatenate([one.relations[one.labelled] for one in made]).mean(axis=0)
        return dict(zip(made[0].vocabulary.predicates, held, strict=True))

    flat, usual, long = map(shares, (0.0, 1.0, 2.0))
    for rare in ("behind", "above", "unsure"):
        assert flat[rare] > 1.5 * usual[rare] > 3 * long[rare]
    for frequent in ("on_the_side_of", "not_contacting"):
        assert flat[frequent] < usual[frequent] < long[frequent]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"frames": (1, 4)}, r"frames=\(1, 4\).*2 or more"),
        ({"boxes": (3, 2)}, r"boxes=\(3, 2\)"),
        ({"boxes": (2, 4), "objects": 3}, "of different classes, and there are 3"),
    ],
)
def test_settings_that_make_no_scenes_are_refused(changes, told):
    with pytest.raises(UserError, match=told):
        synthetic.scenes(options(**changes), "train")
