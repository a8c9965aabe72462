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


def likely(raw: bytes) -> list[tuple[str, str]]:
    """The pages that a text may be saved in, likeliest first, and how its first odd word reads.

    Args:
      raw: bytes that are no UTF-8.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or raw.count(0) > len(raw) // 4:
        return [("utf-16", _word(raw.decode("utf-16", errors="replace").lstrip("\ufeff")))]
    scored = []
    for page in (*_LANGUAGES, *_SCRIPTS, *_EASTERN):
        with contextlib.suppress(UnicodeDecodeError):
            text = raw.decode(page)
            scored.append((_score(page, text), page, _word(text)))
    scored.sort(key=lambda one: -one[0])  # pages of one score stay in their order
    return [(page, word) for score, page, word in scored if score >= 0.5 and word][:3]


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
    words = re.split(r"[\s,;|\"']+", text)
    return next((word for word in words if not word.isascii()), "")[:40]
