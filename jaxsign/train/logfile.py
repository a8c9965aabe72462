"""`logfile.txt`: a run's history as lines of text, in the form of the training guide.

Made anew from what the run remembers, so that one which was killed and went on has it whole.
"""

from collections.abc import Mapping

from ml_collections import ConfigDict

from jaxsign.tasks import measures
from jaxsign.train import keys, records


def text(
    config: ConfigDict,
    numbers: Mapping[str, measures.Number],
    columns: tuple[measures.Column, ...],
    at: records.Records,
    *,
    started: str,
    epochs: int,
) -> str:
    """The whole file.

    Args:
      config: the recipe, resolved.
      numbers: of the task, by the names that recipes use.
      columns: of metrics.csv.
      at: where the run stands.
      started: when it began, ISO.
      epochs: of all stages.
    """
    head = _head(config, started)
    validated = [
        (name, number, column.name)
        for column in columns
        if column.side == "val"
        for name, number in numbers.items()
        if number.key == column.key and name != "loss"
    ]
    lines = []
    known = [float("nan")] * (len(at.rows) - len(at.rates)) + at.rates  # older runs kept none
    for row, rate in zip(at.rows, known, strict=True):
        epoch = f"Epoch {row['epoch']}/{epochs}"
        took = _seconds(measures.number_in(row, "epoch_time"))
        lines.append(f"{epoch} - Loss: {row['train_loss']:.4g} - LR: {_rate(rate)} - Time: {took}")
        if row["val_loss"] != "":
            found = [
                f"{_label(name)}: {_shown(number, measures.number_in(row, column))}"
                for name, number, column in validated
                if column in row
            ]
            lines.append(" - ".join([epoch, "Eval", *found, f"Loss: {row['val_loss']:.4g}"]))
    return "\n".join([*head, "", *lines, *_foot(config, numbers, at)]) + "\n"


def _head(config: ConfigDict, started: str) -> list[str]:
    mode = config.net.get("mode") or config.task.name
    title = f"Training Log - {config.net.name} {mode}"
    place = config.data.train.path
    changed = [row for row in keys.of_recipe(config) if row.used and _differs(row)]
    return [
        title,
        "=" * len(title),
        f"Date: {started[:10]}",
        f"Model: {config.net.name}",
        f"Dataset: {config.data.source}{f' ({place})' if place else ''}",
        f"Mode: {mode}",
        "",
        "Hyperparameters:",
        *(f"- {row.name}: {row.value!r}" for row in changed),
    ]


def _differs(row: keys.Key) -> bool:
    values = [tuple(v) if isinstance(v, list) else v for v in (row.value, row.meaning.default)]
    return values[0] != values[1]


def _foot(
    config: ConfigDict, numbers: Mapping[str, measures.Number], at: records.Records
) -> list[str]:
    if not at.rows:
        return []
    lines = ["", "Results:"]
    for name, best in ((config.task.monitor, at.best), *at.also_best.items()):
        if (value := best.value(numbers[name])) is not None:
            shown = _shown(numbers[name], value, sign="%")
            lines.append(f"- Best {_label(name)}: {shown} (epoch {best.epoch})")
    took = sum(measures.number_in(row, "epoch_time") for row in at.rows)
    return [
        *lines,
        f"- Training Time: {_time(took)}",
        f"- Final Loss: {at.rows[-1]['train_loss']:.4g}",
    ]


def _label(name: str) -> str:
    return name[:1].upper() + name[1:]


def _shown(number: measures.Number, value: float, sign: str = "") -> str:
    """Shares in percent: what is better when it is higher, and what people read so."""
    if number.better == "max" or number.percent:
        return f"{100 * value:.1f}{sign}"
    return f"{value:.4g}"


def _rate(rate: float) -> str:
    """1e-4, 2.5e-5."""
    if not rate > 0:
        return "0" if rate == 0 else "-"
    digits, _, power = f"{rate:.3e}".partition("e")
    return f"{float(digits):g}e{int(power)}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds >= 10 or not seconds else f"{seconds:.1f}s"


def _time(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
