"""What a stage leaves as it is: parameters, by pattern or the original's parts, and statistics."""

import re
from collections.abc import Iterable

from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.errors import UserError, did_you_mean
from jaxsign.train import by_path


def patterns(settings: ConfigDict, net: nets.Net) -> tuple[str, ...]:
    """Regular expressions over parameter paths: what `train.frozen` and `freeze_parts` mean.

    Raises:
      UserError: a part that the net's original does not have.
    """
    return (*settings.frozen, *(f"^{re.escape(path)}$" for path in _of_parts(settings, net)))


def _of_parts(settings: ConfigDict, net: nets.Net) -> list[str]:
    """Paths of the parameters under the names that the original has for its modules."""
    asked = [name for name in re.split(r"[,\s]+", settings.freeze_parts) if name]
    if not asked:
        return []
    table = net.key_table()
    words = [entry.key.split(".") for entry in table]
    known = {".".join(key[:end]) for key in words for end in range(1, len(key) + 1)}
    for name in asked:
        if name not in known and name not in net.parts_without_params:
            tops = ", ".join(dict.fromkeys(key[0] for key in words))
            raise UserError(
                f"train.freeze_parts: the original of {nets.name_of(type(net))} has no part "
                f"{name!r}.{did_you_mean(name, known)} Its parts: {tops}, and those inside them, "
                "such as part.0"
            )
    return [
        "/".join(entry.path[1:])
        for entry in table
        if entry.path[0] == "params" and any(f"{entry.key}.".startswith(f"{n}.") for n in asked)
    ]


def still(
    variables: nets.Variables, trainable: Iterable[str], unused: Iterable[str]
) -> tuple[str, ...]:
    """Modules with statistics of batches whose parameters are all frozen.

    Args:
      variables: of the net, or their shapes.
      trainable: paths of parameters.
      unused: patterns of parameters that no stage trains.
    """
    moving = set(trainable)
    for path in by_path.flat(variables["params"]):
        if any(re.search(pattern, path) for pattern in unused):
            moving.add(path)
    trained = {path.rpartition("/")[0] for path in moving}
    statistics = by_path.flat(variables.get("batch_stats", {}))
    modules = dict.fromkeys(path.rpartition("/")[0] for path in statistics)
    return tuple(module for module in modules if module not in trained)
