"""The models that come with the package, as a table or as JSON."""

import json
from collections.abc import Sequence

from rich import box
from rich.table import Table

from jaxsign.screen import Console
from jaxsign.shipped import MeasuredAccuracy, ShippedModel
from jaxsign.tasks import chance


def show(models: Sequence[ShippedModel], *, as_json: bool = False) -> None:
    """Prints what models say of themselves."""
    if as_json:
        print(json.dumps([_plain(model) for model in models], indent=2))
        return
    console = Console(highlight=False)
    for model in models:
        console.print(_table(model))


def _table(model: ShippedModel) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, title=f"{model.word}  {model.knows}", title_justify="left",
        title_style="bold",
        show_header=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    table.add_row("takes", model.takes)
    for one in model.measured:
        table.add_row("right", f"{_share(one)} {one.on}")
    size = f"{model.size / 1e6:.1f} MB, {model.parameters:,} parameters"
    table.add_row("size", f"{size}, by the recipe {model.recipe}")
    table.add_row("licence", model.licence)
    table.add_row("folder", str(model.folder))
    return table


def _share(one: MeasuredAccuracy) -> str:
    interval = chance.spelt(chance.interval(one.right, one.count))
    return f"{100 * one.right / one.count:.1f} % (95 % interval {interval}) of {one.count}"


def _plain(model: ShippedModel) -> dict[str, object]:
    return {
        "name": model.word,
        "knows": model.knows,
        "takes": model.takes,
        "recipe": model.recipe,
        "licence": model.licence,
        "parameters": model.parameters,
        "bytes": model.size,
        "folder": str(model.folder),
        "measured": [_numbers(one) for one in model.measured],
    }


def _numbers(one: MeasuredAccuracy) -> dict[str, object]:
    return {
        "on": one.on,
        "right": one.right,
        "count": one.count,
        "accuracy": one.right / one.count,
        "interval": chance.interval(one.right, one.count),
    }
