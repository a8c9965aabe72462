"""Deployed files asked beside the run that they were made of."""

import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.infer import asking, evaluate
from jaxsign.infer import run as runs
from jaxsign.infer.deploy import description, formats, program, weights
from jaxsign.input.examples import Batch
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
      cut: clips of which the longest file, and so the run beside it, sees only the first frames.
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
    cut: int = 0
    seconds: tuple[float, ...] = (0.0, 0.0)
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
        if self.cut:
            left += f", {self.cut} longer than {self.frames} frames: only their first ones"
        return [
            f"  same answer  {self.alike} of {self.clips} clips{left}",
            f"  difference   at most {apart}",
            *counted,
            f"  one clip     {own:.2f} ms, in jaxsign {inside:.2f} ms ({self.frames} frames)",
        ]


def check(run: runs.Run, out: Path, examples: ClipExamples, *, most: int = 0) -> CheckedFiles:
    """Asks the files in `out` and the run about the same clips.

    Args:
      run: that the files were made of.
      out: the folder.
      examples: the clips, as `clips` opens them.
      most: clips at most, spread over all; 0 = all.

    Raises:
      UserError: the files are damaged, or of other weights; or there are no clips for them.
    """
    told = _read(out)
    form = formats.get(told.format)
    form.check()
    if told.checkpoint_sha256 != fingerprint.fingerprint(run.variables):
        raise UserError(
            f"{out}: made of other weights than those of {run.workdir} (checkpoint {run.which!r}; "
            f"the files are of {told.checkpoint!r}): name that run and --which, or make it "
            f"again. {_AGAIN.format(form.name)}"
        )
    made = program.of_run(run, told.takes, told.weights)
    opened = {frames: form.opened(out / name) for name, frames, _ in told.files}
    scorer = run.task.scorer(run, made.alone.asked)
    scores = scorer(examples), scorer(examples)
    beside = _Beside(made, opened, CheckedFiles(form.name, told.weights))
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
        self._timed: tuple[dict[str, np.ndarray], Batch] = {}, {}

    def ask(self, examples: ClipExamples, place: int, scores: Sequence[answering.Score]) -> None:
        """One clip, whose answers are scored."""
        made, found = self._made, self._found
        row = examples.example(place)
        length = len(row["x"])
        frames = self._frames(length)
        if not frames:
            found.passed_over += 1
            return
        found.cut += length > frames
        batch = {**examples.stack([row], (frames,)), "index": np.array([place])}
        given = made.given(batch, self._landmarks(examples, place, min(length, frames)))
        said, wanted = self._opened[frames](given), self._asker.ask(batch)
        rows = {own: said[name] for name, own in made.alone.outputs.items()}
        for name, own in made.alone.outputs.items():
            apart = _apart(said[name], wanted[own])
            found.differences[name] = max(found.differences.get(name, 0.0), apart)
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
        enough = [frames for frames in self._opened if frames >= length]
        return min(enough, default=max(self._opened))

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
        found.seconds = _seconds(
            lambda: self._opened[found.frames](given), lambda: self._asker.ask(batch)
        )
        if whole and not found.passed_over:
            ours, runs_own = (score.right() for score in scores)
            found.right = {head: (ours[head], runs_own[head]) for head in ours}
        return found


def _seconds(*sides: Callable[[], object]) -> tuple[float, ...]:
    """Medians of some, the sides in turn: whatever else the machine does meets all of them."""
    taken = []
    for ask in sides * _TIMED:
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return tuple(np.median(np.reshape(taken, (_TIMED, -1)), axis=0).tolist())


def _apart(said: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference; infinite where one says NaN and the other a number."""
    one, other = said.astype(np.float64), wanted.astype(np.float64)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0, np.abs(one - other))
    return float(np.where(np.isnan(apart), np.inf, apart).max())


def clips(
    run: runs.Run, split: str = "val", data: Path | None = None, labels: Path | None = None
) -> ClipExamples:
    """The clips that a run and its files are asked about.

    Args:
      run: that the files are made of.
      split: which of the run's clips.
      data, labels: another folder of clips, as for `jaxsign evaluate`.

    Raises:
      UserError: the run goes into no file, or there are no clips.
    """
    run.task.standalone(run)
    section = evaluate.data_section(run, split, data, labels)
    try:
        examples = evaluate.open_split(run, section, split)
    except UserError as error:
        raise UserError(
            f"{error}\n--check asks about {split} clips of the run: give their place by --data DIR"
        ) from error
    assert isinstance(examples, ClipExamples)  # of what `standalone` does not refuse
    return examples


@dataclasses.dataclass(frozen=True)
class _Told:
    """What deploy.json tells of the files beside it.

    Attributes:
      format, weights, takes: as the command line has them.
      checkpoint, checkpoint_sha256: of the run's weights.
      files: name, frames, sha256 of each; at least one.
    """

    format: str
    weights: str
    takes: str
    checkpoint: str
    checkpoint_sha256: str
    files: tuple[tuple[str, int, str], ...]

    def __post_init__(self) -> None:
        for found, known in (
            (self.format, formats.names()),
            (self.weights, weights.KINDS),
            (self.takes, (program.LANDMARKS, program.FEATURES)),
        ):
            if found not in known:
                raise ValueError(f"{found!r} is none of {', '.join(known)}")
        if not self.files:
            raise ValueError("it names no file")


def _read(out: Path) -> _Told:
    """What deploy.json says, once the files are found whole."""
    path = out / description.DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{out}: holds no {path.name}, so no deployed run, or one whose writing was stopped. "
            f"{_AGAIN.format('FORMAT')}"
        )
    try:
        about = reading.read_json(path)
        told = _Told(
            format=str(about["format"]),
            weights=str(about["weights"]),
            takes=str(about["takes"]),
            checkpoint=str(about["checkpoint"]),
            checkpoint_sha256=str(about["checkpoint_sha256"]),
            files=tuple(
                (str(one["name"]), int(one["frames"]), str(one["sha256"])) for one in about["files"]
            ),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: not readable ({error!r}). {_AGAIN.format('FORMAT')}") from error
    for name, _, digest in told.files:
        file = out / name
        if wrong := reading.problem(file):
            raise UserError(f"{file}: {wrong}. {_AGAIN.format(told.format)}")
        content = file.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise UserError(
                f"{file}: damaged: {len(content):,} bytes of another digest than {path.name} "
                f"tells. {_AGAIN.format(told.format)}"
            )
    return told
