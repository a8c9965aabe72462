"""What shapes the clips of a folder, and the record of it that lies beside them."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.whole import write_text

RECORD = "extract.json"
# Settings that came after the first records.
_LATER = ("source_fps", "equalize_histogram", "sharpen")


@dataclasses.dataclass(frozen=True)
class ExtractionSettings:
    """How frames are chosen and shown to the landmarkers.

    Attributes:
      static: every frame by itself, without tracking from one to the next.
      bgr: hand the channels over in the order blue, green, red, as pipelines do that forget to
        convert OpenCV's images.
      every_nth: keep each n-th frame.
      target_fps: keep about so many frames a second; 0 = all.
      max_side: pixels; frames with a longer side are scaled down to it before detection; 0 = never.
      source_fps: frames a second of the films, whatever they say themselves; 0 = by their times.
      confidence: least detection, presence and tracking confidence, 0 to 1.
      equalize_histogram: spread each frame's intensities over the whole range.
      sharpen: standard deviation in pixels of the blur that frames are sharpened by; 0 = by their
        nearest pixels, None = not at all.

    Raises:
      UserError: values that make no sense.
    """

    static: bool = False
    bgr: bool = False
    every_nth: int = 1
    target_fps: float = 0.0
    max_side: int = 1280
    confidence: float = 0.5
    source_fps: float = 0.0
    equalize_histogram: bool = False
    sharpen: float | None = None

    def __post_init__(self) -> None:
        checks = {
            f"--every-nth {self.every_nth}: expected 1 or more": self.every_nth >= 1,
            f"--target-fps {self.target_fps:g}: expected more than 0, at most 1000 (leave it out "
            "to keep every frame)": 0 <= self.target_fps <= 1000,
            f"--max-side {self.max_side}: expected 64 or more, or 0 for no limit": (
                self.max_side == 0 or self.max_side >= 64
            ),
            f"--confidence {self.confidence:g}: expected 0 to 1": 0 <= self.confidence <= 1,
            f"--sharpen {self.sharpen}: expected 0 to 100 pixels": (
                self.sharpen is None or 0 <= self.sharpen <= 100
            ),
            "--every-nth and --target-fps: give one of them": (
                self.every_nth == 1 or self.target_fps == 0
            ),
        }
        wrong = [text for text, fine in checks.items() if not fine]
        if wrong:
            raise UserError("\n".join(wrong))

    @property
    def thins(self) -> bool:
        """Whether frames may be left out."""
        return self.every_nth > 1 or self.target_fps > 0

    def as_dict(self) -> dict[str, Any]:
        """For the record; without what is not asked for of `_LATER`, as older ones have none."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return {
            key: value
            for key, value in dataclasses.asdict(self).items()
            if key not in _LATER or value != defaults[key]
        }


def agree(
    out: Path,
    wanted: Mapping[str, Any],
    overwrite: bool = False,
    *,
    name: str = RECORD,
    what: str = "clips",
) -> None:
    """Checks that the clips of `out` were made with the settings that `write` would record.

    Args:
      out: folder of clips.
      wanted: settings and models of the clips to be made.
      overwrite: the clips of these videos are made anew, but `out` holds others too.
      name: of the record's file.
      what: lies in `out`, for messages.

    Raises:
      UserError: they were not; names each difference.
    """
    path = out / name
    mend = "choose another --out" + ("" if overwrite else ", or give --overwrite to make them anew")
    try:
        found = reading.read_json(path)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    except (UserError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). It tells how the {what} beside it were made: "
            f"{mend}."
        ) from error
    differences = [
        f"  --{key.replace('_', '-')}: was {_text(found.get(key))}, now {_text(wanted.get(key))}"
        for key in sorted({*found, *wanted})
        if found.get(key) != wanted.get(key)
    ]
    if differences:
        whose = f"{what} of other videos" if overwrite else what
        raise UserError(
            f"{out} holds {whose} made with other options, and mixing them is refused:\n"
            + "\n".join(differences)
            + f"\nGive the same options again, {mend}."
        )


def _text(value: Any) -> str:
    if isinstance(value, dict) and "file" in value:
        return f"{value['file']} (sha256 {str(value.get('sha256', ''))[:12]}...)"
    return "not set" if value is None else json.dumps(value)


def write(out: Path, wanted: Mapping[str, Any], name: str = RECORD) -> None:
    """Writes the record, whole or not at all."""
    write_text(out / name, json.dumps(dict(wanted), indent=1, sort_keys=True) + "\n")
