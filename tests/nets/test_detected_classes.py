"""Classes that a net tells of a detector's boxes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsign.input.scenes import detected
from jaxsign.nets.layers import object_classifier


@pytest.mark.parametrize("seed", range(5))
def test_boxes_take_the_nets_classes_and_the_worse_of_two_of_a_class_goes(seed):
    rng = np.random.default_rng(seed)
    frames, count, classes = 3, 7, 5
    corner = rng.integers(0, 6, (frames, count, 2))
    boxes = np.concatenate([corner, corner + rng.integers(16, 20, (frames, count, 2))], -1)
    logits = rng.normal(size=(frames, count, classes)).astype(np.float32)
    valid = rng.random((frames, count)) < 0.9
    labels = rng.integers(2, classes, (frames, count))
    labels[:, 2] = object_classifier.PERSON
    given = (a[None] for a in (logits, labels, boxes.astype(np.float32), valid))
    found, kept = object_classifier.renamed(*map(jnp.asarray, given))
    shares = np.asarray(jax.nn.softmax(jnp.asarray(logits[..., 1:]), axis=-1))
    told = shares[..., 1:].argmax(-1) + 2
    scores = shares[..., 1:].max(-1)
    told[:, 2], scores[:, 2] = object_classifier.PERSON, shares[:, 2, 0]
    np.testing.assert_array_equal(found["labels"][0], told)
    np.testing.assert_array_equal(found["scores"][0], scores)
    groups = np.nonzero(valid)[0] * classes + told[valid]
    wanted = np.zeros_like(valid)
    wanted[valid] = detected.suppress(
        boxes[valid].astype(np.float64), scores[valid], groups, object_classifier.OVERLAP
    )
    np.testing.assert_array_equal(kept[0], wanted)
    assert 0 < wanted.sum() < valid.sum()
