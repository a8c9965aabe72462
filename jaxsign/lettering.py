"""Labels in any script in pictures: the fonts of this machine that have their letters, or escapes.

Whatever draws names that a person gave, of classes, signers, files or runs, asks here.
"""

import contextlib
import functools
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

_LOG = logging.getLogger("jaxsign")
# Fonts for where the first one has no letters, by words of a character's Unicode name.
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH")
_ADVICE = {
    True: "Noto Sans CJK (Debian and Ubuntu: apt-get install fonts-noto-cjk)",
    False: "the Noto fonts (Debian and Ubuntu: apt-get install fonts-noto-core)",
}
_LAST = "lastresort"  # matplotlib's: it has a box for every character


class Lettering:
    """Fonts for labels.

    Args:
      files: fonts that are looked through for letters that matplotlib's own does not have; None =
        those of this machine.
    """

    def __init__(self, files: Sequence[str | Path] | None = None):
        self._given = files
        self._told: set[bool] = set()
        self._by_letter: dict[str, str | None] = {}

    @functools.cached_property
    def _first(self) -> str:
        """matplotlib's own: it has the letters of many languages, unlike Pillow's."""
        import matplotlib

        return str(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))

    @functools.cached_property
    def _files(self) -> list[str]:
        from matplotlib import font_manager

        # Asked anew: matplotlib's own list may be older than a font that was installed since.
        found = font_manager.findSystemFonts() if self._given is None else self._given
        files = (str(path) for path in found if _LAST not in str(path).lower())
        # Upright and of usual weight before others, that a label is not bold by chance.
        return sorted(files, key=lambda path: ("regular" not in path.lower(), path))

    def _look_for(self, text: str) -> None:
        """Finds the fonts of all letters of a text that were not asked for yet, in one pass."""
        lacking = {letter for letter in text if letter.isprintable()} - self._by_letter.keys()
        self._by_letter |= dict.fromkeys(lacking & _letters(self._first), self._first)
        lacking -= _letters(self._first)
        if not lacking:
            return
        for path in self._files:
            found = lacking & _letters(path)
            self._by_letter |= dict.fromkeys(found, path)
            lacking -= found
            if not lacking:
                return
        self._by_letter |= dict.fromkeys(lacking)

    def _with(self, letter: str) -> str | None:
        """The first font that has a letter; None = there is none, or it is no printable one."""
        return self._by_letter.get(letter)

    def label(self, text: str, limit: int = 1000) -> str:
        r"""A name as it can be drawn: at most `limit` letters, those that no font has as \u4f60."""
        self._tell([text])
        spaced = (" " if c.isspace() else c for c in text)
        made = "".join(c if c.isprintable() and self._with(c) else _escaped(c) for c in spaced)
        return made if len(made) <= limit else made[: limit - 1] + "…"

    def font(self, text: str, size: int) -> "ImageFont.FreeTypeFont":
        """The font for a `label` in a picture of Pillow, which takes one for all letters."""
        wanted = [c for c in text if c not in _letters(self._first)]
        self._look_for(text)
        path = self._with(wanted[0]) if wanted else None
        return _font(path or self._first, size)

    @contextlib.contextmanager
    def drawn(self, texts: Iterable[str]) -> Iterator[None]:
        """matplotlib draws these texts, by their `label`, inside; as they are: $ is a dollar."""
        import matplotlib
        from matplotlib import font_manager

        texts = list(texts)
        self._tell(texts)
        files = {self._with(letter) for letter in set("".join(texts))} - {None, self._first}
        known = {font.fname: font.name for font in font_manager.fontManager.ttflist}
        names = ["DejaVu Sans"]
        for path in sorted(filter(None, files)):
            if path not in known:
                font_manager.fontManager.addfont(path)
            names.append(font_manager.FontProperties(fname=path).get_name())
        with matplotlib.rc_context({"font.family": names, "text.parse_math": False}):
            yield

    def _tell(self, texts: Sequence[str]) -> None:
        """Warns once of letters that no font has, with what would have them."""
        self._look_for("".join(texts))
        lacking = [t for t in texts if any(c.isprintable() and not self._with(c) for c in t)]
        letters = [c for c in "".join(lacking) if not self._with(c)]
        kinds = {unicodedata.name(c, "").startswith(_EAST_ASIAN) for c in letters} - self._told
        if not kinds:
            return
        self._told |= kinds
        _LOG.warning(
            "pictures: no font of this machine has the letters of %r%s: they are drawn as %s. "
            "Install %s.",
            lacking[0], f" and {len(lacking) - 1} more" * (len(lacking) > 1),
            _escaped(letters[0]), " and ".join(_ADVICE[kind] for kind in sorted(kinds)),
        )  # fmt: skip


@functools.cache
def usual() -> Lettering:
    """With the fonts of this machine."""
    return Lettering()


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


@functools.lru_cache(maxsize=64)
def _letters(path: str) -> frozenset[str]:
    """What a font has; nothing where it cannot be read."""
    from matplotlib import font_manager

    try:
        return frozenset(map(chr, font_manager.get_font(path).get_charmap()))
    except (OSError, RuntimeError, ValueError):  # fonts of bitmaps, damaged ones
        return frozenset()


@functools.lru_cache(maxsize=64)
def _font(path: str, size: int) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.truetype(path, size)
