"""The driver of a sweep: trials begin, are looked at, and end; what lies on disk is all it knows.

A sweep that was killed and goes on reads the trials that have ended, lets those that had begun go
on, and asks for the next.
"""

import collections
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from jaxsign import locking, run_files
from jaxsign.errors import UserError
from jaxsign.input.folders.progress import duration
from jaxsign.tasks import manifests, measures
from jaxsign.train import courses, signals
from jaxsign.train.sweeps import launching, plan, pruning, trials
from jaxsign.train.sweeps.search import Search
from jaxsign.train.sweeps.trials import Trial
from jaxsign.whole import write_text

STOPPED = 130  # exit status of a training that was asked to stop


@dataclasses.dataclass
class _Running:
    """A trial at work: `before` seconds are from earlier processes."""

    trial: Trial
    job: launching.Job
    device: str
    begun: float
    before: float
    given_up: str = ""

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.begun


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Trials of one plan in one folder.

    Attributes:
      folder: of the sweep.
      plan: what its trials share.
      search: chooses their values.
      most: trials in all.
      number: the monitor.
      pruner: ends trials that are behind.
      launch: starts a training.
      devices: one for every training at a time.
      say: prints a line.
      shown: is called with all trials whenever one has ended.
      look_every: seconds from one look at the trainings to the next.
    """

    folder: Path
    plan: plan.SweepPlan
    search: Search
    most: int
    number: measures.Number
    pruner: pruning.MedianPruner
    launch: launching.Launch
    devices: Sequence[str]
    say: Callable[[str], None]
    shown: Callable[[list[Trial]], None]
    look_every: float = 0.2

    def run(self) -> tuple[list[Trial], bool]:
        """Does what is left of the sweep.

        Returns:
          All trials by number, and whether it was stopped before its end.
        """
        known = {trial.number: trial for trial in trials.read_all(self.folder)}
        waiting = collections.deque(n for n, trial in known.items() if not trial.ended)
        waiting.extend(n for n in range(1, self.most + 1) if n not in known)
        if ended := sum(trial.ended for trial in known.values()):
            self.say(f"{ended} trials have ended already")
        running: list[_Running] = []
        told: set[int] = set()
        with signals.StopRequest() as stop:
            try:
                while running or (waiting and not stop.requested):
                    free = [d for d in self.devices]
                    for one in running:
                        free.remove(one.device)
                    while free and waiting and not stop.requested:
                        if self._is_held(known.get(waiting[0]), told):
                            break
                        begun = self._begin(waiting.popleft(), known, free.pop(0))
                        if begun is None:
                            waiting.clear()
                        else:
                            running.append(begun)
                    if stop.requested:
                        for one in running:
                            one.job.stop()
                    running = [one for one in running if not self._has_ended(one, known)]
                    time.sleep(self.look_every if running or waiting else 0)
            finally:
                for one in running:
                    one.job.stop()
        found = [known[n] for n in sorted(known)]
        return found, any(not trial.ended for trial in found) or bool(waiting)

    def _is_held(self, trial: Trial | None, told: set[int]) -> bool:
        """Whether a trial's training still goes on, from a sweep that was killed."""
        if trial is None or not locking.held(self.folder / trial.name, run_files.LOCK):
            return False
        if trial.number not in told:
            told.add(trial.number)
            self.say(f"{trial.name} is still being trained by another process: waiting for it")
        return True

    def _begin(self, number: int, known: dict[int, Trial], device: str) -> _Running | None:
        """Starts a trial, or lets one go on; None where there is nothing left to try."""
        trial = known.get(number)
        if trial is None:
            values = self.search.ask(number, [known[n] for n in sorted(known)])
            if values is None:
                self.say("every combination of the space has been tried")
                return None
            trial = Trial(number, values)
        else:
            self.say(f"{trial.name} goes on")
        known[number] = trial
        trial.save(self.folder)
        text = self.plan.recipe_text(trial.values, plan.about(trial, self.folder))
        write_text(self.folder / trial.name / launching.RECIPE, text)
        job = self.launch(self.folder / trial.name, device)
        return _Running(trial, job, device, time.monotonic(), trial.seconds)

    def _has_ended(self, one: _Running, known: dict[int, Trial]) -> bool:
        """Looks at a training: keeps what became of it, or ends it where it is behind."""
        status = one.job.status()
        if status is None:
            if not one.given_up:
                one.given_up = self._behind(one.trial, known)
                if one.given_up:
                    one.job.stop()
            return False
        trial = self._outcome(one, status)
        known[trial.number] = trial
        trial.save(self.folder)
        if trial.ended:
            everything = [known[n] for n in sorted(known)]
            self.say(self._line(trial, everything))
            self.shown(everything)
        return True

    def _behind(self, trial: Trial, known: dict[int, Trial]) -> str:
        others = [other for other in known.values() if other.state == trials.DONE]
        if not self.pruner.judges(others):
            return ""
        try:
            course = self._so_far(trial).course
        except (UserError, OSError):  # being written: the next look sees it
            return ""
        return self.pruner.reason(course, others)

    def _so_far(self, trial: Trial) -> courses.RunSoFar:
        folder = self.folder / trial.name
        return courses.so_far(folder, manifests.read(folder))

    def _outcome(self, one: _Running, status: int) -> Trial:
        """The trial, once its process has ended with a status."""
        try:
            found = self._so_far(one.trial)
        except (UserError, OSError) as error:
            return self._failed(one, f"its files cannot be read: {error}")
        trial = dataclasses.replace(
            one.trial, result=found.best, epoch=found.epoch, course=found.course,
            seconds=round(one.seconds, 1),
        )  # fmt: skip
        if status == 0 and found.best is None:
            return self._failed(one, f"no validation gave a finite {self.number.words}")
        if status == 0:
            return dataclasses.replace(trial, state=trials.DONE)
        if one.given_up:
            return dataclasses.replace(trial, state=trials.PRUNED, reason=one.given_up)
        if status == STOPPED or status == -15:  # asked to stop: it goes on another time
            return trial
        return self._failed(one, launching.last_words(self.folder / one.trial.name, status))

    def _failed(self, one: _Running, reason: str) -> Trial:
        seconds = round(one.seconds, 1)
        return dataclasses.replace(one.trial, state=trials.FAILED, seconds=seconds, reason=reason)

    def _line(self, trial: Trial, known: list[Trial]) -> str:
        ended = sum(other.ended for other in known)
        values = "  ".join(f"{key}={value}" for key, value in trial.values.items())
        head = f"[{ended}/{self.most}] {trial.name}"
        if trial.state == trials.FAILED:
            return f"{head}  failed: {trial.reason}  {values}"
        result = "" if trial.result is None else self.number.shown(trial.result)
        first = trials.ranked(known, self.number.better)[:1] == [trial]
        note = f"pruned: {trial.reason}" if trial.state == trials.PRUNED else "*" * first
        took = duration(trial.seconds)
        parts = (head, f"{self.number.words} {result}", f"{took} {note}".rstrip(), values)
        return "  ".join(parts)
