"""EASG: what the wearer of a camera does, with which objects, and how these take part.

    jaxsign train --config easg --workdir runs/easg --config.data.train.path=DIR

DIR is EASG's folder (docs/scene_graphs.md); boxes' features come from files, those of verbs from
`features_verb.pt`. The settings are those of the original's repository: AdamW at 1e-5, a plateau on
R@20 (the mean of with and no constraint), ten epochs. The published net has 63.6 million parameters
with EASG's 391 objects, 198 verbs and 13 edges.

Variants: '' - edges, of verbs and objects that are given (edgecls). 'sgcls' - the net tells objects
too. 'easgcls' - and verbs. 'fc' - the baseline of plain layers: Adam at 1e-3, which a cosine takes
to 0 in ten epochs and back in ten, a hundred epochs. 'synthetic' - a small net on made-up graphs,
minutes on two cores:

    jaxsign train --config easg:synthetic --workdir runs/actions
"""

from ml_collections import ConfigDict

from configs import sttran

VARIANTS = ("", "sgcls", "easgcls", "fc", "synthetic")


def get_config(arg: str = "") -> ConfigDict:
    """arg: one of `VARIANTS`."""
    if arg not in VARIANTS:
        raise ValueError(f"easg has no variant {arg!r}; known: {', '.join(VARIANTS[1:])}")
    config = sttran.recipe(_FC if arg == "fc" else _NET, {}, "")
    sttran.paper(config)
    config.task.update(name="action_graph", monitor="recall@20")
    config.data.source = "easg"
    config.net.mode = arg if arg in ("sgcls", "easgcls") else "edgecls"
    if arg in _CHANGES:
        _CHANGES[arg](config)
    return config


def _fc(config: ConfigDict) -> None:
    config.net.mode = "easgcls"  # all three are learned in every mode
    config.loss.of_several = "bce"
    config.optim.update(name="adam", lr=1e-3, weight_decay=0.0, grad_clip=0.0, eps_corrected=True)
    config.schedule.update(name="waves", unit="epoch", cycle=10, min_lr=0.0)
    config.train.epochs = 100


def _synthetic(config: ConfigDict) -> None:
    sttran.synthetic(config)
    config.data.source = "synthetic_actions"
    config.net.mode = "easgcls"
    config.input.update(batch_size=8, buckets=((9, 5, 4),))
    config.train.epochs = 20


_CHANGES = {"fc": _fc, "synthetic": _synthetic}
# 0 and () = as the data have.
_WIDTHS = {
    "mode": "edgecls",
    "num_objects": 0,
    "predicates": (),
    "feature_dim": 0,
    "verb_dim": 0,
}
_FC = {"name": "easg_fc", **_WIDTHS}
_NET = {
    "name": "easg",
    **_WIDTHS,
    "hidden_dim": 512,
    "word_dim": 200,
    "classifier_dim": 1024,
    "map_dim": 256,
    "dropout": 0.1,
    "n_heads": 8,
    "ff_dim": 2048,
    "spatial_layers": 1,
    "temporal_layers": 3,
    "parity": False,
}
