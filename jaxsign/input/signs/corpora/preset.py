"""What differs between corpora, as one table each."""

import dataclasses
import re

from jaxsign import fields
from jaxsign.errors import UserError

MEDIA = ("first", "highest, lowest", "participant")
SPLITS = ("signer-stratified", "signer-common")
WITHIN = ("", "film", "frame")
_NAMES = fields.Rule(lambda v: len(v) > 0, "at least one name")
_SIDES = fields.Rule(lambda v: {*v.values()} <= {"left", "right"}, "left or right for each")


@dataclasses.dataclass(frozen=True)
class Preset:
    """How a corpus is annotated, which signs of it are taken, and how they are shared and cut.

    Patterns are regular expressions. Templates have {stem} and {eaf}, the annotation's name without
    and with its ending, and the named groups of `medium` and `stem`.

    Attributes:
      tiers: names of the tiers with glosses.
      first_tier_only: the first of `tiers` that there is counts, not all.
      every_tier: an annotation that lacks one of them is a mistake; else one that lacks all.
      least_tiers: an annotation has at least so many tiers, whatever they are called.
      below: annotations in folders of the folder are taken too.
      leave_out: names (without ending) of annotations that are not taken.
      stem: pattern of an annotation's name, for its groups; several are tried in turn.
      medium: pattern that is searched in the names of an annotation's films; "" = they are ignored.
      other_media: pattern of films that need not fit `medium`.
      least_media: so many films fit it.
      medium_of_tier: which film a tier belongs to: the 'first'; 'highest, lowest' participant for
        the first and the second tier; or that whose participant is the tier's own.
      films: templates of the film below the folder of films; the first that there is counts.
      participant: template of who signs; "" = the tier's own attribute.
      within: what is checked by the film: '' nothing, 'film' that a sign lies in it, 'frame' that
        a frame lies in the sign, too.
      upper: glosses become capital letters, before the clean-up.
      clean_up: pairs of a pattern and what takes its place, in order.
      drops: patterns; a gloss in which one is found is left out, as is an empty one.
      minimum: glosses of fewer signs are left out.
      columns: of the table, beside those that all have: 'Signer' (the tier's last word), 'Side'.
      sides: part of the picture by a tier's last word: 'left' or 'right'; {} = all of it.
      crop: width and height of a side.
      sample: template of a clip's name, with {id}, {start}, {end} and {film} besides.
      split: 'signer-stratified' (nothing is drawn), or 'signer-common' (the best of many draws).
      val_share, test_share: of the split.
      rate: frames a second of the clips; 0 = those of the film.
    """

    tiers: tuple[str, ...] = dataclasses.field(metadata={"rule": _NAMES})
    first_tier_only: bool = False
    every_tier: bool = False
    least_tiers: int = 1
    below: bool = True
    leave_out: tuple[str, ...] = ()
    stem: tuple[str, ...] = ()
    medium: str = ""
    other_media: str = ""
    least_media: int = 0
    medium_of_tier: str = fields.value("first", fields.among(*MEDIA))
    films: tuple[str, ...] = ("{stem}.mp4",)
    participant: str = ""
    within: str = fields.value("", fields.among(*WITHIN))
    upper: bool = False
    clean_up: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    minimum: int = fields.value(1, fields.COUNT)
    columns: tuple[str, ...] = ("Signer",)
    sides: dict[str, str] = dataclasses.field(default_factory=dict, metadata={"rule": _SIDES})
    crop: tuple[int, ...] = ()
    sample: str = "{eaf}_{id}.mp4"
    split: str = fields.value("signer-stratified", fields.among(*SPLITS))
    val_share: float = fields.value(0.1, fields.RATE)
    test_share: float = fields.value(0.1, fields.RATE)
    rate: float = fields.value(25.0, fields.between(0, 1000))

    def __post_init__(self) -> None:
        if wrong := fields.problems(Preset, vars(self)):
            raise UserError("; ".join(wrong))
        patterns = (*self.stem, self.medium, self.other_media, *self.drops)
        for pattern, to in (*((one, "") for one in patterns), *self.clean_up):
            try:
                re.sub(pattern, to, "")
            except (re.error, IndexError) as error:
                told = f", with {to!r} in its place," if to else ""
                raise UserError(f"pattern {pattern!r}{told} is none: {error}") from error
        if self.val_share + self.test_share >= 1:
            raise UserError(
                f"val_share={self.val_share:g}, test_share={self.test_share:g}: expected shares "
                "that leave some for training"
            )
        if bool(self.sides) != (len(self.crop) == 2):
            raise UserError(
                f"crop={list(self.crop)}, sides={self.sides}: expected width and height of a side, "
                "or neither of the two"
            )
