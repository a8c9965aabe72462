"""The corpora of SignON: VGT (Flemish), NGT (Dutch), LSE (Spanish), BSL (British), ISL (Irish).

And tables of one's own beside them.
"""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs.corpora.preset import Preset

_VGT_CLEAN_UP = (
    (r"^\?+$", "<UNK>"),
    (r"\?+$", ""),
    (r"^\?+", ""),
    (r"\(AC\)", ""),
    (r"\(?LOC:[^)]*\)?", ""),
    (r"[§*]$", ""),
    (r":", "_"),
    (r"\++$", ""),
    (r"^WG-(\d).*", r"WG-\1"),
    (r"[\"']", ""),
    (r"_+", "_"),
    (r"^_|_$", ""),
)

SHIPPED = {
    "vgt": Preset(
        tiers=("GlosRH i1", "GlosRH i2"),
        medium=r"Volumes/corpusvgt/Videomateriaal/CVGT.*?(?P<film>[^/]+/[^/]*_(?P<who>i\d+)\.mp4)$",
        other_media=r"all\.mp4$",
        least_media=1,
        medium_of_tier="highest, lowest",
        films=("{film}",),
        participant="{who}",
        upper=True,
        clean_up=_VGT_CLEAN_UP,
        drops=(r"^(<UNK>|G)$", r"^(NG|G|GC|VS)_"),
        minimum=20,
    ),
    "ngt": Preset(
        tiers=("GlossR S1", "GlossR S2"),
        every_tier=True,
        medium=r"(?P<session>[^/]+)_(?P<who>S\d+)_b\.mpg$",
        other_media=".",
        least_media=2,
        medium_of_tier="participant",
        films=("{session}.mpg",),
        within="film",
        drops=(r"^(imitatie|!)$", r"^(\?|~|#|MOVE|PT:|SHAPE)"),
        minimum=20,
        columns=("Signer", "Side"),
        sides={"S1": "left", "S2": "right"},
        crop=(352, 288),
    ),
    "lse": Preset(
        tiers=("Glossa mà activa S1",),
        medium=r"(?P<film>(?:[^/-]*-){2}(?P<who>[^/.-]+)[^/]*)$",
        other_media=".",
        least_media=1,
        films=("{film}",),
        participant="{who}",
        minimum=5,
        columns=(),
    ),
    "bsl": Preset(
        tiers=("RH-IDgloss",),
        least_tiers=2,
        below=False,
        leave_out=("G16n",),
        films=("{stem}.mov", "{stem}.mp4", "{stem}.mpg"),
        participant="{stem}",
        drops=(r"FS:|INDECIPHERABLE", r"\(UNKNOWN\)$", r"^\?"),
        minimum=3,
        columns=(),
        sample="{start}_{end}_{film}.mp4",
        split="signer-common",
        val_share=0.2,
        test_share=0.2,
    ),
    "isl": Preset(
        tiers=("Lexical Gloss", "Lexical"),
        first_tier_only=True,
        below=False,
        stem=(
            r"^(?=.*Personal)[^-]*-[^-]*-(?P<who>.+)$",
            r"^[^-]*-(?P<who>.+)-[^-]*$",
            r"^(?P<who>.+)$",
        ),
        films=("{stem}.mov", "Personal Stories/{stem} (Converted).mov"),
        participant="{who}",
        within="frame",
        drops=(r"\.", r"^\?"),
        minimum=3,
        columns=(),
        sample="{start}_{end}_{film}.mov",
        split="signer-common",
        rate=0.0,
    ),
}


def find(name: str) -> Preset:
    """A shipped corpus by its name, or one's own by its file.

    Raises:
      UserError: neither, or a table that makes no sense.
    """
    if name in SHIPPED:
        return SHIPPED[name]
    if not name.endswith(".toml"):
        near = did_you_mean(name, SHIPPED)
        raise UserError(
            f"--preset {name}: no such corpus.{near} Known: {', '.join(SHIPPED)}; or a "
            "file .toml of one's own"
        )
    return read(Path(name))


def read(path: Path) -> Preset:
    """A table in TOML: fields of `Preset`, and `base`, the corpus whose fields hold otherwise.

    Raises:
      UserError: no file, no TOML, an unknown field or a value that makes no sense.
    """
    try:
        table = tomllib.loads(reading.read_bytes(path).decode())
    except ValueError as error:
        raise UserError(f"{path}: is no TOML ({error})") from error
    base = table.pop("base", None)
    if base is not None and base not in SHIPPED:
        raise UserError(f"{path}: base {base!r} is unknown; known: {', '.join(SHIPPED)}")
    known = [field.name for field in dataclasses.fields(Preset)]
    for name in table:
        if name not in known:
            raise UserError(f"{path}: has no field {name!r}.{did_you_mean(name, known)}")
    values: dict[str, Any] = {name: _tupled(value) for name, value in table.items()}
    try:
        return dataclasses.replace(SHIPPED[base], **values) if base else Preset(**values)
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from error


def _tupled(value: object) -> object:
    """Lists of TOML as a table has them."""
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
