"""Whether what lies in a run folder belongs together: recipe, names and weights."""

import contextlib
from pathlib import Path

import jax
from flax import traverse_util
from ml_collections import ConfigDict

from jaxsign import fields, nets, tasks
from jaxsign.errors import UserError, listing
from jaxsign.input.signs import views
from jaxsign.nets import state_dict
from jaxsign.tasks import answering

_Shapes = dict[tuple[str, ...], tuple[int, ...]]


def build_net(config: ConfigDict, path: Path) -> nets.Net:
    """The net of a stored recipe.

    Args:
      config: the recipe.
      path: its file, for messages.

    Raises:
      UserError: numbers or names that make no net, all of them.
    """
    try:
        wrong = problems(config)
        if not wrong:
            net = nets.build(**config.net.to_dict())
            with contextlib.suppress(UserError):  # there is no original
                net.key_table()
            views.of_recipe(config)
    except UserError as error:
        wrong = [str(error)]
    except Exception as error:  # values of a kind that no net is written for
        wrong = [f"net: {type(error).__name__}: {error}"]
    if wrong:
        raise UserError(
            f"{path}: this recipe makes no net; the file was edited or damaged:\n{listing(wrong)}"
        )
    return net


def problems(config: ConfigDict) -> list[str]:
    """What is wrong with the numbers of a recipe's net and task.

    Raises:
      UserError: there is no such net or task.
    """
    return [
        *fields.problems(nets.get(config.net.name), config.net, "net."),
        *tasks.check(config),
    ]


def check_names(config: ConfigDict, labels: answering.Names, path: Path) -> None:
    """Refuses names that are not as many as the net's classes.

    Args:
      config: the recipe.
      labels: head -> names.
      path: their file, for messages.

    Raises:
      UserError: names each head.
    """
    counts = {head: config.net.get(f"num_{head}") for head in labels}
    wrong = [
        f"{head}: {len(names)} names, {counts[head]} classes in config.json"
        for head, names in labels.items()
        if names is not None and counts[head] not in (None, len(names))
    ]
    if wrong:
        raise UserError(f"{path}: the names are not those of this net:\n{listing(wrong)}")


def check_weights(config: ConfigDict, net: nets.Net, variables: nets.Variables, path: Path) -> None:
    """Refuses weights of another net than the recipe's.

    Args:
      config: the recipe.
      net: made of it.
      variables: the weights.
      path: the recipe's file, for messages.

    Raises:
      UserError: names each array that is missing, of another shape, or too many.
    """
    found = {key: tuple(a.shape) for key, a in traverse_util.flatten_dict(dict(variables)).items()}
    wanted = _table(net, variables)
    if wanted is None or set(found) - set(wanted):  # a task's own parameters are in no table
        wanted = _imagined(config, net)
    if wanted is None:
        return
    wrong = [
        f"{'/'.join(key)}: stored {_shown(found, key)}, by the recipe {_shown(wanted, key)}"
        for key in sorted({*found, *wanted})
        if found.get(key) != wanted.get(key)
    ]
    if wrong:
        raise UserError(
            f"{path}: the weights in checkpoints/ are of another net than this recipe's. Put the "
            f"file back as the run wrote it:\n{listing(wrong, 8)}"
        )


def _shown(shapes: _Shapes, key: tuple[str, ...]) -> str:
    return str(list(shapes[key])) if key in shapes else "none"


def _table(net: nets.Net, variables: nets.Variables) -> _Shapes | None:
    """Shapes by the net's own table; None where it has none."""
    try:
        table = net.key_table()
    except UserError:
        return None
    absent = [part for part in net.optional_parts if not part.inside(variables)]
    left_out = [row for part in absent for row in part.rows(table)]
    return state_dict.shapes(row for row in table if row not in left_out)


def _imagined(config: ConfigDict, net: nets.Net) -> _Shapes | None:
    """Shapes by tracing the net on an input that the task imagines; None where it cannot."""
    task, key = tasks.build(config, net), jax.random.key(0)
    try:
        shapes = jax.eval_shape(lambda: task.init(key, task.imagined(config, key)))
    except UserError:
        return None
    return {path: tuple(a.shape) for path, a in traverse_util.flatten_dict(shapes).items()}
