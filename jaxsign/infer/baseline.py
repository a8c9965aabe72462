"""What simple methods reach on a recipe's data, or on those of a run, to be told beside it."""

from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import run_files, screen, shipped, tasks
from jaxsign.errors import UserError
from jaxsign.input.signs import sources
from jaxsign.screen import Console
from jaxsign.tasks import baselines, chance
from jaxsign.train import opening, setup

_SHOWN = 3  # of clips that two splits hold


def of_recipe(config: ConfigDict) -> baselines.Baseline:
    """What simple methods that learn from a recipe's training clips reach on its other splits.

    They see what the recipe's view gives, unaugmented, of all clips of val and of test.

    Raises:
      UserError: what is wrong with the recipe or its data; neither val nor test; films, or
        sentences.
    """
    kind = tasks.kind(config)
    told = kind.baseliner()
    whole = ConfigDict(config.to_dict())
    whole.data.max_clips = 0
    splits = [name for name in ("val", "test") if sources.has(config.data, name)]
    if not splits:
        raise UserError(
            "there are neither clips of val nor of test, which a baseline is told on. Give some: "
            "--config.data.val.path=PATH, or share them out: jaxsign split ... --val-share 0.15"
        )
    train = opening.open_examples(config, "train")
    facts = setup.filled(config, train.facts(config))
    others = {name: opening.open_examples(whole, name).under(facts) for name in splits}
    return told(facts, train.under(facts), others)


def of_run(workdir: str | Path) -> baselines.Baseline:
    """The same of a run's recipe and data; it is left in the run folder, where evaluate finds it.

    Raises:
      UserError: as `of_recipe`; not a run folder.
    """
    shipped.refuse_writing(workdir, "Give its recipe and your clips: --config RECIPE DATA")
    found = of_recipe(configs.load_run_config(workdir))
    found.write(Path(workdir) / run_files.BASELINE)
    return found


def beside(workdir: Path, split: str, count: int, heads: Sequence[str]) -> baselines.Simple | None:
    """What the run folder tells of simple methods on a split; None if nothing.

    Args:
      workdir: the run folder.
      split: its name.
      count, heads: of examples and of the run; numbers of others are not the run's.

    Raises:
      UserError: a damaged file.
    """
    path = workdir / run_files.BASELINE
    found = baselines.read(path).splits.get(split) if path.is_file() else None
    fits = found is not None and found.count == count and set(found.right) <= set(heads)
    return found if fits else None


def show(found: baselines.Baseline, console: Console | None = None) -> None:
    """Prints the accuracies of every split and head, and which clips several splits hold."""
    console = console or Console(highlight=False)
    seen = f", seen through {found.about['view']}" if found.about.get("view") else ""
    title = f"Baselines (%), of {found.about['train_clips']:,} training clips{seen}"
    table = screen.table(title)
    for name in ("split", "clips", "head", "method", "accuracy", "95 % interval"):
        left = name in ("split", "head", "method")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for name, split in found.splits.items():
        for head, methods in split.right.items():
            for method, right in methods.items():
                accuracy = f"{100 * split.accuracy(head, method):.1f}"
                spelt = chance.spelt(chance.interval(right, split.count))
                table.add_row(name, str(split.count), head, method, accuracy, spelt)
    console.print(table)
    for name, split in found.splits.items():
        for pairs, how in ((split.same, "the same as"), (split.near, "nearly the same as")):
            if pairs:
                console.print(
                    f"{len(pairs)} of {split.count} {name} clips are {how} clips of an earlier "
                    f"split ({_some(pairs)}): what is told of them says little of new ones",
                    markup=False,
                )


def _some(pairs: Sequence[tuple[str, str]]) -> str:
    more = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return ", ".join(f"{a} = {b}" for a, b in pairs[:_SHOWN]) + more
