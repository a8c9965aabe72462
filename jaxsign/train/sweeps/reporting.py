"""What a sweep leaves and tells: the table, the picture, the recipe of the best trial."""

import time
from collections.abc import Sequence
from pathlib import Path

from jaxsign.tasks import measures
from jaxsign.train import log
from jaxsign.train.sweeps import pictures, plan, tables, trials
from jaxsign.train.sweeps.trials import Trial
from jaxsign.whole import write_text

BEST = "best.py"
_PICTURE_EVERY = 30  # seconds


class Report:
    """The files beside the trials of a sweep, and the last words on the console."""

    def __init__(
        self,
        folder: Path,
        made: plan.SweepPlan,
        number: measures.Number,
        display: log.TrainingDisplay,
    ):
        self._folder, self._plan, self._number = folder, made, number
        self._display = display
        self._drawn = 0.0

    def update(self, known: Sequence[Trial], *, last: bool = False) -> None:
        """Writes the files; the picture now and then, and when it is the `last` time."""
        tables.write(self._folder, known)
        if best := trials.ranked(list(known), self._number.better)[:1]:
            text = self._plan.recipe_text(best[0].values, plan.about(best[0], self._folder))
            write_text(self._folder / BEST, text)
        due = time.monotonic() - self._drawn >= _PICTURE_EVERY
        if (last or due) and any(trial.ended for trial in known):
            pictures.draw(self._folder / pictures.FILE, known, self._number)
            self._drawn = time.monotonic()

    def tell(self, known: Sequence[Trial]) -> int:
        """Prints the table and what to do next; the exit status: 1 where no trial ended well."""
        say, folder = self._display.say, self._folder
        self._display.console.print(tables.shown(known, self._number))
        best = trials.ranked(list(known), self._number.better)
        files = f"table    {folder / tables.FILE}\npicture  {folder / pictures.FILE}"
        if not best:
            say(f"no trial ended well\n{files}")
            return 1
        first = best[0]
        say(
            f"best     {first.name}: {self._number.words} {self._number.shown(first.result or 0)} "
            f"(epoch {first.epoch})\n{files}\n"
            f"again    jaxsign train --config {folder / BEST} --workdir RUN\n"
            f"next     jaxsign evaluate --workdir {folder / first.name}"
        )
        return 0
