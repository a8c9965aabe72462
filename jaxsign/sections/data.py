"""`data`: where the examples come from."""

import dataclasses

from jaxsign import fields

SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Place:
    """A split's files."""

    path: str = ""
    labels: str = ""


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Made-up signs; the format of that name checks how its numbers fit together."""

    signs: int = 10
    categories: int = 3
    signers: int = 6
    val_signers: int = 2
    clips_per_signer: int = 8
    frames: tuple[int, int] = (20, 60)
    noise: float = 0.004
    dropout: float = 0.05
    continuous: bool = False
    glosses: tuple[int, int] = (2, 5)
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Data:
    """Splits, and how their files are read."""

    source: str = "npz"  # a kind of input/signs/sources.py
    train: Place = fields.section(Place)
    val: Place = fields.section(Place)
    test: Place = fields.section(Place)
    key: str = "X"  # array of the npz files
    label_map: str = ""  # csv gloss_id,label,cat_id,category
    encoding: str = ""  # code page of tables that are no UTF-8, such as cp1250
    missing: str = fields.value("error", fields.among("error", "skip"))  # a row without its file
    # Of every split, drawn with seed 42; 0 = all.
    max_clips: int = fields.value(0, fields.NOT_NEGATIVE)
    # Frames a second of all clips, whatever their files say; 0 = as they say.
    source_fps: float = fields.value(0.0, fields.NOT_NEGATIVE)
    synthetic: Synthetic = fields.section(Synthetic)
