"""Checks of WhisperSign's processed data: arrays [T, 42, 7], their labels, and whole folders."""

import dataclasses
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import hand_joints, sequence_labels
from jaxsign.input.signs.formats import SPLITS, _files, _npy, whispersign
from jaxsign.input.signs.views import whisper_sign

Array = np.ndarray
FEWEST = 4  # frames
_FAR = 5.0  # hand lengths; nothing of a hand is further from its wrist


@dataclasses.dataclass
class SplitPart:
    """The samples of a split.

    Attributes:
      lengths: frames of each.
      shape: of the first.
      glosses: how often each id occurs.
    """

    lengths: list[int] = dataclasses.field(default_factory=list)
    shape: tuple[int, ...] = ()
    glosses: dict[int, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class JointReport:
    """What was checked, what is wrong with it, and what is odd about it.

    Attributes:
      parts: by split.
      names: glosses by id, without the blank.
      fps: frames a second.
      issues, warnings: messages by file.
    """

    parts: dict[str, SplitPart]
    names: dict[int, str]
    fps: float
    issues: dict[Path, list[str]]
    warnings: dict[Path, list[str]]

    @property
    def files(self) -> int:
        """Samples that were checked."""
        return sum(len(part.lengths) for part in self.parts.values())

    @property
    def exit_code(self) -> int:
        """0: all is well; 2: some file has an issue."""
        return 2 if self.issues else 0

    def text(self, limit: int = 20) -> str:
        """The report as lines to print: all issues, and the first `limit` files with a warning."""
        lines = [
            f"Checked {self.files} samples; {len(self.issues)} with issues, "
            f"{len(self.warnings)} with warnings."
        ]
        for path, messages in self.issues.items():
            lines += [f"- {path}", *(f"  * {message}" for message in messages)]
        for path, messages in list(self.warnings.items())[:limit]:
            lines += [f"- {path}", *(f"  * warning: {message}" for message in messages)]
        if len(self.warnings) > limit:
            lines.append(f"... and {len(self.warnings) - limit} more with warnings")
        return "\n".join(lines)


def problems(x: Array) -> list[str]:
    """Why an array cannot be trained on; [] if it can."""
    shape = list(np.shape(x))
    if shape[1:] != [hand_joints.JOINTS, hand_joints.NUMBERS] or x.dtype.kind not in "fiu":
        return [f"{shape} {x.dtype}, expected numbers [T, 42, 7]"]
    found = []
    if len(x) < FEWEST:
        found.append(f"{len(x)} frames, expected at least {FEWEST}")
    bad = ~np.isfinite(x).all(axis=(1, 2))
    if bad.any():
        found.append(
            f"{int(bad.sum())} of {len(x)} frames hold NaN or infinite values (first: frame "
            f"{int(bad.argmax())}); a hand that is not seen must be 0"
        )
    return found


def warnings(x: Array) -> list[str]:
    """What is odd about an array without problems."""
    found = []
    empty = (x == 0).all(axis=(1, 2))
    if 2 * empty.sum() > len(x):
        found.append(f"no hand in {int(empty.sum())} of {len(x)} frames")
    largest = float(np.abs(x[..., hand_joints.XYZ]).max())
    if largest > _FAR:
        found.append(f"positions up to {largest:.0f}, expected fractions of the image: raw pixels?")
    # Normalised by the hand's own length, pixels look like fractions.
    far = float(np.abs(whisper_sign.WhisperSignView()(x)[..., hand_joints.XYZ]).max())
    if far > _FAR:
        found.append(f"a joint lies {far:.3g} hand lengths from its wrist: not a hand?")
    return found


def check_folder(folder: str | Path, *, patch_size: int = 4) -> JointReport:
    """Checks every sample of a folder and its label.

    Args:
      folder: train, val, test and label_map.json.
      patch_size: frames of an output frame of the recogniser.

    Raises:
      UserError: no label_map.json, or one that cannot be read.
    """
    folder = Path(folder)
    names = whispersign.read_map(folder / whispersign.MAP)
    names.pop(0, None)
    report = JointReport({}, names, whispersign.rate(folder), {}, {})
    for split in SPLITS:
        files = _files.below(folder / split / "features", whispersign.SUFFIX)
        labels = _files.below(folder / split / "labels", whispersign.SUFFIX)
        for stem, path in files.items():
            _check_sample(path, labels.pop(stem, None), split, report, patch_size)
        for path in labels.values():
            report.issues[path] = ["a label without features"]
    if not report.files and not report.issues:
        raise UserError(f"{folder}: holds no samples (train/features/*.npy and so on)")
    return report


def _check_sample(
    path: Path, label: Path | None, split: str, report: JointReport, patch_size: int
) -> None:
    part = report.parts.setdefault(split, SplitPart())
    part.lengths.append(0)
    try:
        x = _npy.load(path, mmap=False)
    except UserError as error:
        report.issues[path] = [str(error).removeprefix(f"{path}: ")]
        return
    found = problems(x)
    part.lengths[-1] = len(x) if x.ndim else 0
    part.shape = part.shape or x.shape
    try:
        ids = [] if label is None else _npy.read(label, (None,), "iu").tolist()
    except UserError as error:
        ids = []
        found.append(str(error))
    for number in ids:
        part.glosses[number] = part.glosses.get(number, 0) + 1
    unknown = [number for number in ids if number not in report.names]
    if unknown:
        found.append(
            f"label ids {unknown[:5]} are not in {whispersign.MAP} (ids 1 to "
            f"{max(report.names, default=0)})"
        )
    outputs = -(-part.lengths[-1] // patch_size)
    needed = sequence_labels.frames_needed(ids)
    if needed > outputs:
        found.append(
            f"its {len(ids)} glosses need {needed} output frames, but "
            f"{part.lengths[-1]} frames give {outputs} ({patch_size} each)"
        )
    if found:
        report.issues[path] = found
        return
    odd = warnings(x) + ([] if ids else ["has no label"])
    if odd:
        report.warnings[path] = odd
