"""Trainings of a sweep that take no time: they write what a run folder tells."""

import json
import runpy

from jaxsign import config as configs
from jaxsign.tasks import measures
from jaxsign.train import records
from jaxsign.train.sweeps import driver, launching, plan, pruning, search, space

RECIPE = "fslr_transformer:synthetic"
NUMBER = measures.Number("acc/gloss", "validation gloss accuracy", "max")
COLUMN = "val_gloss_acc"


def space_of(folder, text):
    """The file with a space."""
    path = folder / "space.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_run(folder, course):
    """What a run folder tells after these (epoch, value)."""
    rows = [{"epoch": epoch, "val_loss": 0.5, COLUMN: value} for epoch, value in course]
    records.write_csv(folder / "metrics.csv", rows)
    best = max(course, key=lambda row: row[1], default=(0, None))
    told = {"best_metric": best[1], "best_epoch": best[0], "monitor_column": COLUMN}
    (folder / "manifest.json").write_text(json.dumps(told))


class Stub:
    """A training that ends at once, or stands still until it is stopped."""

    def __init__(self, status=0, *, still=False):
        self._status, self._still = status, still

    def status(self):
        return None if self._still else self._status

    def stop(self):
        if self._still:
            self._status, self._still = driver.STOPPED, False


class Launcher:
    """Trains by a function: the flat recipe of a trial -> its value, or its (epoch, value)s.

    Args:
      objective: the function; an exception is a training that fails.
      most: of so many trainings this one is like a kill of the sweep: KeyboardInterrupt.
    """

    def __init__(self, objective, most=10**9):
        self.objective, self.most, self.seen = objective, most, []

    def __call__(self, folder, device):
        config = runpy.run_path(str(folder / launching.RECIPE))["get_config"]()
        flat = configs.flatten(config)
        self.seen.append((folder.name, device))
        if len(self.seen) > self.most:
            raise KeyboardInterrupt
        try:
            found = self.objective(flat)
        except ArithmeticError as error:
            (folder / launching.CONSOLE).write_text(f"device cpu\nerror: {error}\n  and more\n")
            return Stub(1)
        still = isinstance(found, list)
        write_run(folder, found if still else [(1, found / 2), (2, found)])
        return Stub(still=still and len(found) < 3)


def sweep_of(folder, text, objective, *, how="random", most=6, seed=0, after=0, say=None, **more):
    """A sweep over the text of a space with stubbed trainings."""
    path = space_of(folder.parent, text)
    recipe = configs.load(RECIPE)
    found = space.read(path, recipe)
    made = plan.SweepPlan(RECIPE, (), text, how, seed, recipe)
    folder.mkdir(exist_ok=True)
    made.claim(folder)
    launch = objective if isinstance(objective, Launcher) else Launcher(objective)
    given = more.pop("search", None) or search.RandomSearch(found, seed)
    return driver.Sweep(
        folder, made, given, most, NUMBER, pruning.MedianPruner("max", after), launch,
        more.pop("devices", [""]), say or (lambda line: None), lambda known: None,
        look_every=0.0,
    )  # fmt: skip
