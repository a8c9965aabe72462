"""Search with a decoder's cache against scores of whole sequences."""

import itertools

import jax
import numpy as np
import pytest
from decoders import memory, net, next_label, score

from jaxsign.tasks.sequences.decoding import autoregressive


def search(encoded, valid, max_labels=3, **options):
    module, variables = net()

    @jax.jit
    def run(variables, encoded, valid):
        cache = module.apply(variables, encoded, valid, max_labels + 1, method="start")

        def step(cache, token, position):
            return module.apply(variables, cache, token, position, method="step")

        return autoregressive.search(step, cache, len(encoded), max_labels=max_labels, **options)

    return jax.tree.map(np.asarray, run(variables, encoded, valid))


@pytest.mark.parametrize("power", [0.0, 1.5])
def test_a_wide_beam_finds_every_sequence_in_its_order(power):
    encoded, valid = memory()
    found = search(encoded, valid, max_labels=2, beam=13, length_power=power)
    everything = [y for n in range(3) for y in itertools.product((1, 2, 3), repeat=n)]
    for row in range(2):
        exact = {y: score(encoded[row], valid[row], y) for y in everything}
        # At the last position only the end is asked for, so no sequence is left without one.
        best = sorted(exact, key=lambda y: -exact[y] / (len(y) + 1) ** power)
        pairs = zip(found.labels[row].tolist(), found.lengths[row], strict=True)
        assert [tuple(labels[:length]) for labels, length in pairs] == best
        np.testing.assert_allclose(found.log_probs[row], [exact[y] for y in best], atol=1e-4)


def test_greedy_takes_the_best_label_every_time():
    encoded, valid = memory(4)
    found = search(encoded, valid, max_labels=7)
    for row, labels in enumerate(autoregressive.sequences(found)):
        expected: tuple[int, ...] = ()
        while len(expected) < 7:
            label = int(next_label(encoded[row], valid[row], expected).argmax())
            if not label:
                break
            expected += (label,)
        assert tuple(labels) == expected
        exact = score(encoded[row], valid[row], expected)
        assert found.log_probs[row, 0] == pytest.approx(exact, abs=1e-4)


def test_a_clip_is_searched_as_if_alone():
    encoded, valid = memory(3)
    together = search(encoded, valid, max_labels=5, beam=3)
    for row in range(3):
        alone = search(encoded[row : row + 1], valid[row : row + 1], max_labels=5, beam=3)
        np.testing.assert_array_equal(alone.labels[0], together.labels[row])
        np.testing.assert_allclose(alone.log_probs[0], together.log_probs[row], atol=1e-4)
