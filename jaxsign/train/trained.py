"""A trained net with what its run folder says of it."""

from collections.abc import Sequence
from pathlib import Path

import jax
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import defaults, run_files
from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import labels
from jaxsign.tasks import answering
from jaxsign.train import fitting, weights


def load(workdir: str | Path, which: str = "best", advice: str = "") -> answering.Trained:
    """Reads a run folder.

    Args:
      workdir, which, advice: as of `checkpoint.load_variables`.

    Raises:
      UserError: not a run folder, no checkpoint yet, or a recipe of another version.
    """
    workdir = Path(workdir)
    config = configs.load_run_config(workdir)
    _check_recipe(config, workdir / run_files.CONFIG)
    net = fitting.build_net(config, workdir / run_files.CONFIG)
    names = load_labels(workdir, config.task.heads)
    fitting.check_names(config, names, workdir / run_files.LABELS)
    variables, info = weights.load_variables(workdir, which, advice)
    fitting.check_weights(config, net, variables, workdir / run_files.CONFIG)
    return answering.Trained(workdir, which, config, names, net, jax.device_put(variables), info)


def load_labels(workdir: str | Path, heads: Sequence[str]) -> answering.Names:
    """head -> label names by id from `labels.json`; None for a head without names.

    Raises:
      UserError: an unreadable file, or names that are none.
    """
    path = Path(workdir) / run_files.LABELS
    found = labels.read_names(path, heads) if path.is_file() else {}
    return {head: found.get(head) or None for head in heads}


def _check_recipe(config: ConfigDict, path: Path) -> None:
    """Refuses a stored recipe that this version cannot read."""
    known = configs.flatten(configs.base())
    unknown = [
        f"{key}.{did_you_mean(key, known)}"
        for key in configs.flatten(config)
        if key not in known and key.partition(".")[0] not in defaults.FREE
    ]
    if unknown:
        raise UserError(
            f"{path} has keys that this version of jaxsign does not know:\n{listing(unknown)}\n"
            "The run was made by another version (see its manifest.json), or the file was edited."
        )
    net = config.get("net")
    if not isinstance(net, ConfigDict) or not net.get("name"):
        raise UserError(f"{path} names no net (net.name). Expected the recipe of a trained run.")
