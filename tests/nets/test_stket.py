"""What is STKET's own: the true contacts are known in training alone."""

import jax
import numpy as np
import pytest
import scenes

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.train import ranges


def test_the_originals_sign_for_the_true_contacts_is_refused_with_what_stands_for_it():
    config = configs.load("stket", ["--config.net.contact_threshold=1.0"])
    with pytest.raises(UserError, match="contact_threshold=1.0.*net.true_contacts=True"):
        ranges.check(config)


def test_true_contacts_are_looked_at_in_training_and_never_in_an_answer():
    given = scenes.batch(scenes.some_videos([(2, 3)], 0)[0], *scenes.SIZES)
    given["relations"] = np.ones((*given["valid_pairs"].shape, 6), bool)

    def traced(true_contacts, train):
        net = scenes.net_of("stket", "predcls", true_contacts=true_contacts)
        variables = scenes.variables_of("stket")
        kept = [name for name in variables if name != "params"]

        def call(batch):
            mutable = {"mutable": kept} if train else {}
            return nets.call(net, variables, batch, train=train, **mutable)

        return str(jax.make_jaxpr(call)(given))

    assert traced(True, train=False) == traced(False, train=False)
    assert traced(True, train=True) != traced(False, train=True)
