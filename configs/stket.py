"""STKET: relations with what is known of classes beforehand, and of how they follow one another.

    jaxsign train --config stket --workdir runs/ag --config.data.train.path=DIR

DIR is Action Genome's folder (docs/scene_graphs.md); boxes and features of every video come from
files. What is known beforehand is counted in the training videos, or comes from a file of the
original's form, as `jaxsign priors` writes it: --config.train.priors=FILE. The published net has
182 arrays, 219 million parameters.

Variants: those of sttran. '' - PredCLS with the settings of the training guide. 'sgcls', 'sgdet'.
'paper' - the settings of the original's repository: AdamW at 2e-5 as in its script, a plateau on
R@20 without patience. 'scenes' -
one's own scenes. 'synthetic' - a small net on built-in moving boxes, minutes on two cores:

    jaxsign train --config stket:synthetic --workdir runs/scenes

'synthetic-rare' - as of sttran. 'progressive' - the same net in three stages, a mode each.
"""

from ml_collections import ConfigDict

from configs import sttran


def get_config(arg: str = "") -> ConfigDict:
    """arg: "", "sgcls", "sgdet", or one of `CHANGES`."""
    return sttran.recipe(NET, CHANGES, arg)


def _paper(config: ConfigDict) -> None:
    sttran.paper(config)
    config.optim.lr = 2e-5
    config.schedule.update(patience=0, threshold=1e-3)


def _small(config: ConfigDict) -> None:
    config.net.prior_dims = (32,)


CHANGES = {
    "paper": _paper,
    **sttran.followed(_small, "scenes", "synthetic", "synthetic-rare", "progressive"),
}
NET = {
    **sttran.NET,
    "name": "stket",
    "rounds": 1,
    "window": 3,
    "contact_threshold": 0.5,
    "true_contacts": False,
    "no_contact": 0,  # as the data have
    "spatial_prior": True,
    "temporal_prior": True,
    "spatial_prior_loss": False,
    "temporal_prior_loss": False,
    "prior_dims": (128, 256, 512),
}
