"""What differs between corpora, as one table each."""

import dataclasses
import re
from collections.abc import Mapping

from jaxsign.errors import UserError

MEDIA = ("first", "highest, lowest", "participant")
SPLITS = ("signer-stratified", "signer-common")
WITHIN = ("", "film", "frame")


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

    tiers: tuple[str, ...]
    first_tier_only: bool = False
    every_tier: bool = False
    least_tiers: int = 1
    below: bool = True
    leave_out: tuple[str, ...] = ()
    stem: tuple[str, ...] = ()
    medium: str = ""
    other_media: str = ""
    least_media: int = 0
    medium_of_tier: str = "first"
    films: tuple[str, ...] = ("{stem}.mp4",)
    participant: str = ""
    within: str = ""
    upper: bool = False
    clean_up: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    minimum: int = 1
    columns: tuple[str, ...] = ("Signer",)
    sides: Mapping[str, str] = dataclasses.field(default_factory=dict)
    crop: tuple[int, ...] = ()
    sample: str = "{eaf}_{id}.mp4"
    split: str = "signer-stratified"
    val_share: float = 0.1
    test_share: float = 0.1
    rate: float = 25.0

    def __post_init__(self) -> None:
        patterns = (*self.stem, self.medium, self.other_media, *self.drops)
        if any(len(rule) != 2 for rule in self.clean_up):
            raise UserError(f"clean_up={self.clean_up!r}: expected pairs of a pattern and a text")
        for pattern, to in (*((one, "") for one in patterns), *self.clean_up):
            try:
                re.sub(pattern, to, "")
            except (re.error, IndexError) as error:
                told = f", with {to!r} in its place," if to else ""
                raise UserError(f"pattern {pattern!r}{told} is none: {error}") from error
        shares = (self.val_share, self.test_share)
        wrong = {
            f"minimum={self.minimum}: expected 1 or more": self.minimum < 1,
            f"val_share={shares[0]:g}, test_share={shares[1]:g}: expected shares of 0 or more that "
            "leave some for training": not (min(shares) >= 0 and sum(shares) < 1),
            f"tiers={list(self.tiers)}: expected at least one name": not self.tiers,
            f"medium_of_tier={self.medium_of_tier!r}: expected one of {', '.join(MEDIA)}": (
                self.medium_of_tier not in MEDIA
            ),
            f"split={self.split!r}: expected one of {', '.join(SPLITS)}": self.split not in SPLITS,
            f"within={self.within!r}: expected '', 'film' or 'frame'": self.within not in WITHIN,
            f"crop={list(self.crop)}: expected width and height of a side": (
                bool(self.sides) != (len(self.crop) == 2)
            ),
            f"sides={dict(self.sides)}: expected left or right": not (
                {*self.sides.values()} <= {"left", "right"}
            ),
            f"rate={self.rate:g}: expected 0 to 1000": not 0 <= self.rate <= 1000,
        }
        if problems := [text for text, is_wrong in wrong.items() if is_wrong]:
            raise UserError(problems[0])
