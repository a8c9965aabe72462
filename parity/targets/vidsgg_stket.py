"""STKET through its golden cases."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.nets import relation_net, stket
from parity import cases
from parity.settings import vidsgg as settings
from parity.targets import vidsgg_sttran

Arrays = dict[str, np.ndarray]


def original(case: cases.Case) -> stket.STKET:
    """jaxsign's net for the original's arguments, with the original's behaviour."""
    return stket.STKET(
        **settings.stket(case),
        spatial_prior_loss=True,
        temporal_prior_loss=True,
        dropout=0.0,
        parity=True,
    )


def branches(net: stket.STKET) -> dict[str, str]:
    """The net's outputs -> how the original's names of them begin."""
    first = "temporal_" if net.temporal_layers else "spatial_"
    return {name: first if name == relation_net.TOLD else f"{name}_" for name in net.branches}


def forward(case: cases.Case) -> Arrays:
    """A case whose pairs are given."""
    net = original(case)
    return vidsgg_sttran.given_pairs(case, net, branches(net), inner_values)


def inner_values(found: Mapping[str, Any], video: settings.Video) -> Arrays:
    """What the net sows, as the original's modules give it."""
    at = (0, video.pair_frames, video.pair_places)
    names = {"within": "spatial", "between": "temporal", "over": "ensemble"}
    produced = {
        f"output/inter/{theirs}_features": np.asarray(found[ours][0])[at]
        for ours, theirs in names.items()
        if ours in found
    }
    return produced | vidsgg_sttran.distributions(np.asarray(found["base"][0])[at])
