"""Values that a recipe's numbers may have: checked before anything is computed."""

from ml_collections import ConfigDict

from jaxsign import defaults, fields, nets, tasks
from jaxsign.errors import UserError, listing


def check(config: ConfigDict, where: str = "") -> None:
    """Refuses numbers that make no run, all of them at once.

    Args:
      config: the recipe, or that of a stage.
      where: begins the message.

    Raises:
      UserError: names each key, its value and what it may be.
    """
    problems = [
        *defaults.problems(config),
        *fields.problems(nets.get(config.net.name), config.net, "net."),
        *tasks.check(config),
    ]
    if problems:
        raise UserError(f"{where}the recipe cannot be trained:\n{listing(problems)}")
