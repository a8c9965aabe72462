"""EASG-STTran and the baseline of plain layers: padding, what is looked at, files."""

import fresh
import jax
import numpy as np
import pytest
import scenes

from jaxsign import nets
from jaxsign.nets import easg, state_dict
from parity.reference import vidsgg_easg

NET = scenes.easg_of("easgcls")


@pytest.fixture(scope="module")
def known():
    """The variables, and what the net tells of two videos alone and together."""
    rng = np.random.default_rng(0)
    videos = [scenes.video(rng, 3, 3), scenes.video(rng, 2, 2)]
    both = scenes.batch(videos, 3, 3, 2, rng)
    # Alone with other noise in the padding.
    alone = [scenes.batch([one], 3, 3, 2, rng) for one in videos]
    variables = fresh.variables(NET, *(both.get(name) for name in NET.inputs))
    call = jax.jit(lambda batch: nets.call(NET, variables, batch))
    outputs = []
    for one in alone:
        # Twice, so that all calls have one shape; what is to be told is not looked at.
        twice = {name: np.concatenate([value, value]) for name, value in one.items()}
        outputs.append(call({**twice, "labels": 0 * twice["labels"], "verbs": 0 * twice["verbs"]}))
    return variables, both, call(both), outputs


def test_neither_padding_nor_company_nor_what_is_true_changes_an_answer(known):
    _, batch, together, alone = known
    for row, one in enumerate(alone):
        real = batch["valid_pairs"][row]
        for name in ("relations", "objects"):
            np.testing.assert_allclose(
                together[name][row][real], one[name][0][real], rtol=1e-5, atol=1e-6
            )
        np.testing.assert_allclose(
            together["embedding"][row], one["embedding"][0], rtol=1e-5, atol=1e-6
        )
    assert not np.asarray(together["relations"])[~batch["valid_pairs"]].any()


def test_a_table_is_the_references_keys():
    module = vidsgg_easg.EASG("easgcls", 4, 3, 2, 1, 1, features=5, verb_features=3)
    theirs = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    weights = {key: np.asarray(v) for key, v in module.state_dict().items()}
    found = easg.EASG(**easg.EASG.fields_from_state_dict(weights))
    table = found.key_table()
    assert {row.key: row.shape for row in table} == theirs and easg.EASG.matches(weights)
    assert [row.key for row in table] == list(theirs)
    variables = state_dict.to_variables(table, weights, where="here")
    back = state_dict.to_state_dict(table, variables)
    assert all(np.array_equal(back[key], weights[key]) for key in weights)
