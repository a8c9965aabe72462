"""Which code page a text that is no UTF-8 was saved in, by the letters that it would hold."""

import contextlib
import re
from collections.abc import Callable

# The letters of a page's languages, beyond ASCII: first the frequent ones, then those that occur.
_LANGUAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "cp1252": (
        ("éèàêç’", "âîôûùëïœüæÿ«»–“”…"),  # French
        ("äöüß", "é„“–"),  # German
        ("áéíóúñ", "ü¿¡ç"),  # Spanish
        ("ãçáéêó", "íõúâôà"),  # Portuguese
        ("åäöæø", "éü"),  # Nordic
        ("’“”", "‘–…—"),  # typographic signs
    ),
    "cp1250": (
        ("ąćęłńóśźż", "„”–"),  # Polish
        ("áčéěířšýžůú", "ďňťó"),  # Czech
        ("áčéíšžýúľ", "ďňťôäĺŕó"),  # Slovak
        ("áéíóöőúüű", ""),  # Hungarian
        ("čšžćđ", ""),  # Croatian, Slovene
        ("ăâîşţ", ""),  # Romanian
    ),
    "cp1254": (("çğıöşü", "âîû’"),),
    "cp1257": (("āčēģīķļņšūž", "õäöü"), ("ąčęėįšųūž", "")),
}
# Pages of other scripts, of which no letter stands beside one of ASCII.
_SCRIPTS: dict[str, tuple[str, str]] = {
    "cp1251": ("оеаинтсрвлкмдпуяы", "бгжзйфхцчшщъьэюёіїєґўђјљњћџ"),
    "cp1253": ("αοιετσνηυρπκμλςάέήίόύώ", "βγδζθξφχψωϊϋ"),
    "cp1255": ("יוהלאתרבמשנ", "גדזחטךכםןסעףפץצק"),
    "cp1256": ("اليمنرتبوهةدعكشس", "ثجحخذزصضطظغفقىأإآءئؤپچژگ،؟"),
}


def _kana(letter: str) -> float:
    return 1.0 if "\u3040" <= letter <= "\u30ff" else 0.7 if _is_han(letter) else 0.0


def _hangul(letter: str) -> float:
    return 1.0 if "\uac00" <= letter <= "\ud7a3" else 0.1 * _is_han(letter)


def _frequent(encoding: str, last: int) -> Callable[[str], float]:
    """Chinese letters: both standards put the frequent ones first."""

    def weight(letter: str) -> float:
        try:
            return float(_is_han(letter) and letter.encode(encoding)[0] <= last)
        except UnicodeEncodeError:
            return 0.0

    return weight


def _is_han(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"


# Pages whose letters are several bytes long.
_EASTERN: dict[str, Callable[[str], float]] = {
    "cp932": _kana,
    "cp949": _hangul,
    "gb18030": _frequent("gb2312", 0xD7),
    "big5": _frequent("big5", 0xC6),
}


# Without a byte order mark.
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")


def likely(raw: bytes) -> list[tuple[str, str]]:
    """The pages that a text may be saved in, likeliest first, and how its first odd word reads.

    Args:
      raw: bytes that are no UTF-8.
    """
    if b"\0" in raw or raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _wide(raw)
    scored = []
    for page in (*_LANGUAGES, *_SCRIPTS, *_EASTERN):
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(page)
            scored.append((_score(page, text), page, _word(text)))
    scored.sort(key=lambda one: -one[0])  # pages of one score stay in their order
    return [(page, word) for score, page, word in scored if score >= 0.5 and word][:3]


def _wide(raw: bytes) -> list[tuple[str, str]]:
    """Of the pages of two and four bytes a letter the one that reads most of ASCII, if any."""
    marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff") or raw[:4] == b"\0\0\xfe\xff"
    if not marked and raw.count(0) * 10 < len(raw):
        return []  # a stray zero in other text
    found = []
    for page in ("utf-32", "utf-16") if marked else _WIDE:
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(page).lstrip("\ufeff")
            plain = sum(letter.isascii() for letter in text)
            if plain and "\0" not in text:
                found.append((plain, page, _word(text) or _words(text)[0][:40]))
    return [(page, word) for _, page, word in sorted(found)[-1:]]


def _score(page: str, text: str) -> float:
    """From 0 to 1: how well the letters beyond ASCII fit the languages of a page."""
    odd = re.sub(r"[\x00-\x7f]", "", text).lower()
    if page in _LANGUAGES:
        return max(_share(odd, often, rest, 0.3) for often, rest in _LANGUAGES[page])
    mixed = re.findall(r"[a-z](?=[^\x00-\x7f])|(?<=[^\x00-\x7f])[a-z]", text, re.IGNORECASE)
    if page in _SCRIPTS:
        share = _share(odd, *_SCRIPTS[page], 0.5)
    else:
        share = sum(map(_EASTERN[page], odd)) / max(1, len(odd))
    return share - len(mixed) / max(1, len(odd))


def _share(odd: str, often: str, rest: str, weight: float) -> float:
    return sum((c in often) + weight * (c in rest) for c in odd) / max(1, len(odd))


def _word(text: str) -> str:
    """The first word with a letter beyond ASCII, without what stands around it in a table."""
    return next((word for word in _words(text) if not word.isascii()), "")[:40]


def _words(text: str) -> list[str]:
    return re.split(r"[\s,;|\"']+", text.strip())
