"""Deployed files asked beside the run that they were made of."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.infer import asking, evaluate
from jaxsign.infer import run as runs
from jaxsign.infer.deploy import description, formats, program
from jaxsign.input.folders import progress
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.clip_examples import ClipExamples
from jaxsign.nets import fingerprint
from jaxsign.tasks import answering

# Of float32 files: what another order of sums may change in a logit.
TOLERANCE = 1e-4
_AGAIN = "Make the folder again: jaxsign deploy --workdir RUN --out DIR --format {}"
_TIMED = 20  # times that a clip is asked about


@dataclasses.dataclass
class CheckedFiles:
    """What came out.

    Attributes:
      format, weights: of the files.
      clips, alike: that were asked about, and those with the same answer.
      differences: output -> the largest difference from the run's.
      right: head -> right answers of the file and of the run; {} where they are not counted.
      passed_over: clips that no file is for.
      seconds: of one clip, by the file and in jaxsign.
      frames: of the file that was timed.
    """

    format: str
    weights: str
    clips: int = 0
    alike: int = 0
    differences: dict[str, float] = dataclasses.field(default_factory=dict)
    right: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    passed_over: int = 0
    seconds: tuple[float, float] = (0.0, 0.0)
    frames: int = 0

    @property
    def well(self) -> bool:
        """Whether float32 files say what the run says; other weights are only measured."""
        near = max(self.differences.values()) <= TOLERANCE
        return self.weights != "float32" or (near and self.alike == self.clips)

    def lines(self) -> list[str]:
        """For the screen."""
        own, inside = (1000 * seconds for seconds in self.seconds)
        apart = ", ".join(f"{name} {value:.2g}" for name, value in self.differences.items())
        counted = [
            f"  right        {head}: file {file} of {self.clips}, run {run} "
            f"({100 * (file - run) / self.clips:+.2f} points)"
            for head, (file, run) in self.right.items()
        ]
        left = f", {self.passed_over} of other lengths passed over" if self.passed_over else ""
        return [
            f"  same answer  {self.alike} of {self.clips} clips{left}",
            f"  difference   at most {apart}",
            *counted,
            f"  one clip     {own:.2f} ms, in jaxsign {inside:.2f} ms ({self.frames} frames)",
        ]


def check(
    run: runs.Run,
    out: Path,
    *,
    split: str = "val",
    data: Path | None = None,
    labels: Path | None = None,
    most: int = 0,
) -> CheckedFiles:
    """Asks the files in `out` and the run about the run's own clips.

    Args:
      run: that the files were made of.
      out: the folder.
      split: which of the run's clips.
      data, labels: another folder of clips, as for `jaxsign evaluate`.
      most: clips at most, spread over all; 0 = all.

    Raises:
      UserError: the files are damaged, or of other weights; or there are no clips.
    """
    about = _read(out)
    form = formats.get(about["format"])
    form.check()
    if about["checkpoint_sha256"] != fingerprint.fingerprint(run.variables):
        raise UserError(
            f"{out}: made of other weights than those of {run.workdir} (checkpoint {run.which!r}; "
            f"the files are of {about['checkpoint']!r}): name that run and --which, or make it "
            f"again. {_AGAIN.format(form.name)}"
        )
    made = program.of_run(run, about["takes"], about["weights"])
    opened = _opened(out, about, form)
    examples = _examples(run, split, data, labels, max(opened))
    scorer = run.task.scorer(run, made.alone.asked)
    scores = scorer(examples), scorer(examples)
    beside = _Beside(made, opened, CheckedFiles(form.name, about["weights"]))
    places = np.unique(np.linspace(0, len(examples) - 1, most or len(examples)).astype(int))
    for place in progress.over("checking", places.tolist(), len(places)):
        beside.ask(examples, place, scores)
    return beside.ended(examples, scores, whole=len(places) == len(examples))


class _Beside:
    """The files and the run, asked about the same clips."""

    def __init__(
        self, made: program.Deployed, opened: Mapping[int, formats.Opened], found: CheckedFiles
    ):
        self._made, self._opened, self._found = made, opened, found
        self._asker = asking.Asker(made.run)
        self._answer = made.run.task.answerer(made.run, made.alone.asked)
        self._timed: tuple[Any, ...] = ()

    def ask(self, examples: ClipExamples, place: int, scores: Sequence[answering.Score]) -> None:
        """One clip, whose answers are scored."""
        made, found = self._made, self._found
        row = examples.example(place)
        frames = self._frames(len(row["x"]))
        if not frames:
            found.passed_over += 1
            return
        batch = {**examples.stack([row], (frames,)), "index": np.array([place])}
        given = made.given(batch, self._landmarks(examples, place, len(row["x"])))
        said, wanted = self._opened[frames](given), self._asker.ask(batch)
        rows = {own: said[name] for name, own in made.alone.outputs.items()}
        for name, own in made.alone.outputs.items():
            apart = np.abs(said[name].astype(np.float64) - wanted[own].astype(np.float64)).max()
            found.differences[name] = max(found.differences.get(name, 0.0), float(apart))
        names = [examples.ids[place]]
        both = [self._answer(one, names)[0].said() for one in (rows, wanted)]
        found.clips += 1
        found.alike += both[0] == both[1]
        for score, one in zip(scores, (rows, wanted), strict=True):
            score.add(batch, one)
        if frames >= found.frames:
            found.frames, self._timed = frames, (given, batch)

    def _frames(self, length: int) -> int:
        """Frames of the file for a clip of this length; 0 = there is none."""
        if self._made.run.net.padding_counts:
            return length if length in self._opened else 0
        return min(frames for frames in self._opened if frames >= length)

    def _landmarks(self, examples: ClipExamples, place: int, frames: int) -> np.ndarray | None:
        """Of a clip's first frames; None where the files take features."""
        if self._made.takes == program.FEATURES:
            return None
        value = examples.source.read(place)
        if isinstance(value, Clip):
            return value.landmarks[:frames]
        raise UserError(
            f"{examples.name}: holds arrays of features, but the files take landmarks. Give "
            "recorded clips (--data DIR), or make files that take features: --input features"
        )

    def ended(
        self, examples: ClipExamples, scores: Sequence[answering.Score], *, whole: bool
    ) -> CheckedFiles:
        """All of it, with times and, where every clip was asked about, right answers."""
        found = self._found
        if not found.clips:
            raise UserError(
                f"{examples.name}: no clip of {', '.join(map(str, self._opened))} frames, which "
                "the files are for. Make files for the lengths that there are: --lengths N [N ...]"
            )
        given, batch = self._timed
        file = _seconds(lambda: self._opened[found.frames](given))
        found.seconds = file, _seconds(lambda: self._asker.ask(batch))
        if whole and not found.passed_over:
            ours, runs_own = (score.right() for score in scores)
            found.right = {head: (ours[head], runs_own[head]) for head in ours}
        return found


def _seconds(ask: Callable[[], object]) -> float:
    """Median of some."""
    taken = []
    for _ in range(_TIMED):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def _examples(
    run: runs.Run, split: str, data: Path | None, labels: Path | None, longest: int
) -> ClipExamples:
    section = evaluate.data_section(run, split, data, labels)
    try:
        examples = evaluate.open_split(run, section, split)
    except UserError as error:
        raise UserError(
            f"{error}\n--check asks about {split} clips of the run: give their place by --data DIR"
        ) from error
    assert isinstance(examples, ClipExamples)  # of what `standalone` does not refuse
    examples.max_length = min(examples.max_length, longest)
    return examples


def _read(out: Path) -> dict[str, Any]:
    """What deploy.json says, once the files are found whole."""
    path = out / description.DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{out}: holds no {path.name}, so no deployed run, or one whose writing was stopped. "
            f"{_AGAIN.format('FORMAT')}"
        )
    try:
        about: dict[str, Any] = dict(reading.read_json(path))
        digests = {one["name"]: one["sha256"] for one in about["files"]}
        formats.get(about["format"])
    except (ValueError, TypeError, KeyError, ImportError) as error:
        raise UserError(f"{path}: not readable ({error!r}). {_AGAIN.format('FORMAT')}") from error
    for name, digest in digests.items():
        file = out / name
        if wrong := reading.problem(file):
            raise UserError(f"{file}: {wrong}. {_AGAIN.format(about['format'])}")
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise UserError(
                f"{file}: damaged: {len(content):,} bytes of another digest than {path.name} "
                f"tells. {_AGAIN.format(about['format'])}"
            )
    return about


def _opened(
    out: Path, about: Mapping[str, Any], form: formats.FileFormat
) -> dict[int, formats.Opened]:
    return {one["frames"]: form.opened(out / one["name"]) for one in about["files"]}
