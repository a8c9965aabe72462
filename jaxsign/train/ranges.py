"""Values that a recipe's numbers may have: checked before anything is computed."""

from ml_collections import ConfigDict

from jaxsign import chains, defaults, fields, nets, stages, tasks
from jaxsign.errors import UserError, listing
from jaxsign.train import schedule


def check(config: ConfigDict) -> None:
    """Refuses a recipe that makes no run, whatever its data are.

    Raises:
      UserError: names each key, its value and what it may be; or it is a chain of runs.
    """
    chains.refuse(config)
    _check_numbers(config, "")
    if config.train.full_epoch and config.stages:
        raise UserError(
            f"train.full_epoch={config.train.full_epoch}: expected 0 in a recipe of stages, whose "
            "epochs are their own"
        )
    rows = stages.resolve(config)
    for row in rows:
        _check_numbers(row.config, f"stage {row.name!r}: ")
    for row in rows:
        schedule.check(row.config.schedule, row.config.optim.lr, row.epochs)


def _check_numbers(config: ConfigDict, where: str) -> None:
    problems = [
        *defaults.problems(config),
        *fields.problems(nets.get(config.net.name), config.net, "net."),
    ]
    # A task looks at values of the right kind alone.
    problems = problems or tasks.check(config)
    if problems:
        raise UserError(f"{where}the recipe cannot be trained:\n{listing(problems)}")
