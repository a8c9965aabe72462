"""Checkpoints as Whisper_modification writes them: sizes in `config`, the loss of the epoch."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import run_files
from jaxsign.errors import UserError, listing
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.nets import whisper_sign
from jaxsign.tasks.sequences import options

# section, key -> (field, what the original takes where a file does not tell)
_CONFIG: dict[tuple[str, str], tuple[str, Any]] = {
    ("frontend", "num_joints"): ("num_joints", 42),
    ("frontend", "num_features"): ("num_features", 7),
    ("frontend", "patch_size"): ("patch_size", 4),
    ("frontend", "d_model"): ("dim", 512),
    ("frontend", "dropout"): ("frontend_dropout", 0.1),
    ("frontend", "spatial_dropout"): ("spatial_dropout", 0.15),
    ("encoder", "num_heads"): ("num_heads", 8),
    ("encoder", "num_layers"): ("num_layers", 6),
    ("encoder", "d_ff"): ("ff_dim", 2048),
    ("encoder", "dropout"): ("dropout", 0.1),
    ("decoder", "vocab_size"): ("num_gloss", 1296),
}
_PATCH = "frontend.patch_embedding.projection.0.weight"
_DECODING: dict[str, Any] = {
    "mode": str,
    "beam": int,
    "n_best": int,
    "ctc_weight": int | float,
    "length_bonus": int | float,
}
_NO_DECODER = (
    "the attention decoder of the original was never trained (its trainer feeds it no targets): "
    "decode.mode=beam leaves it out"
)


class WhisperSignForm(originals.Form):
    """Sizes in `config`, the loss of the epoch, glosses from 1."""

    metric = "loss"
    first_id = 1  # of the glosses; 0 is the blank
    variant = "parity"

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """By the file's `config`, checked against those that the shapes tell."""
        config, found, notes = file.extras.get("config"), file.found, file.notes
        numbers = _patch_width(file.weights, file.path)
        if not isinstance(config, Mapping):
            return {**found, **_assumed_patch(numbers, notes)}
        told = {}
        _check_values(config, file.path)
        for (section, key), (field, default) in _CONFIG.items():
            value = _told(config, section, key)
            if value is None:
                # Only what the shapes do not tell has to be assumed.
                value = default if field not in found else None
                if value is not None:
                    notes.append(
                        f"assumed {section}.{key}={value}: the file's config does not tell it"
                    )
            elif field == "num_gloss":
                value -= 1  # the vocabulary has the blank besides
            if value is not None:
                told[field] = value
        _check(told, found, numbers, file.path)
        _note_ignored(config, told, notes)
        return {**found, **told}

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A file that jaxsign wrote brings its own way of decoding.

        A net of other joints than the view's takes stored features as they are.
        """
        frame = (fields.get("num_joints", 42), fields.get("num_features", 7))
        extras, notes = file.extras, file.notes
        changes: dict[str, Any] = {}
        if frame != (42, 7):
            notes.append(
                f"no view makes frames of {frame[0]} x {frame[1]}: it takes stored features"
            )
            changes["view.name"] = ""
        if isinstance(extras.get("optimizer_state_dict"), Mapping):
            notes.append("left out the optimizer's state: training goes on with a fresh one")
        if "loss" in extras:
            notes.append(
                "its loss is the validation loss in best_*.pt, the training loss in other files"
            )
        own = file.section("jaxsign").get("decode")
        if isinstance(own, Mapping):
            return {**changes, **_decoding(own)}
        notes.append(_NO_DECODER)
        return {**changes, "decode.mode": "beam"}

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """The original's dictionary, without an optimizer."""
        imported = run.manifest.imported
        content = {
            "model_state_dict": dict(tensors),
            "config": (imported and imported.config)
            or model_section(originals.net_of(run, whisper_sign.WhisperSign)),
            "epoch": int(run.info.get("epoch") or 0),
            "loss": _loss(run),
        }
        own = {**originals.own_section(run), "decode": run.config.decode.to_dict()}
        if imported is not None:
            own = imported.jaxsign  # what came from the original goes out as it came
        return {**content, "jaxsign": own} if own else content

    def notes(self, run: runs.Run) -> list[str]:
        """What the reader of an exported file should know."""
        net = originals.net_of(run, whisper_sign.WhisperSign)
        found = []
        if net.padding == "masked":
            found.append(
                "trained with padding masked: the original gives these answers for clips one by "
                "one, without padding"
            )
        if (net.max_target, net.max_relative) != (200, 2000):
            found.append(
                f"max_target={net.max_target}, max_relative={net.max_relative}: the original takes "
                "200 and 2000 only and will not load this file"
            )
        if net.auxiliary_ctc:
            found.append("left out the auxiliary CTC head, which the original does not have")
        return found


FORM = WhisperSignForm()


def _told(config: Mapping[str, Any], section: str, key: str) -> Any:
    part = config.get(section)
    return part.get(key) if isinstance(part, Mapping) else None


def _check_values(config: Mapping[str, Any], path: Path) -> None:
    """Refuses sizes that are no whole numbers, and rates that are none."""
    wrong = []
    for (section, key), (field, _) in _CONFIG.items():
        value = _told(config, section, key)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None:
            continue
        if field.endswith("dropout"):
            if not (number and 0 <= value <= 1):
                wrong.append(f"{section}.{key}={value!r}: expected a rate, 0 to 1")
        elif not isinstance(value, int) or isinstance(value, bool) or value < 1:
            wrong.append(f"{section}.{key}={value!r}: expected a whole number above 0")
    if wrong:
        raise UserError(f"{path}: its config makes no sense:\n{listing(wrong)}")


def _patch_width(weights: Mapping[str, np.ndarray], path: Path) -> int:
    """Numbers of a patch, by the weights."""
    array = weights.get(_PATCH)
    if array is None or array.ndim != 2:
        found = "missing" if array is None else f"of shape {list(array.shape)}"
        raise UserError(f"{path}: {_PATCH} is {found}, expected [width, numbers of a patch]")
    return int(array.shape[1])


def _assumed_patch(numbers: int, notes: list[str]) -> dict[str, int]:
    """A frame of 42 joints of 7 numbers, where that divides a patch; else the recipe's."""
    notes.append(f"no config in the file: how its {numbers} numbers a patch lie is assumed")
    return (
        {} if numbers % 294 else {"num_joints": 42, "num_features": 7, "patch_size": numbers // 294}
    )


def _check(told: Mapping[str, Any], found: Mapping[str, Any], numbers: int, path: Path) -> None:
    """Raises UserError: the config contradicts the weights, which have `numbers` a patch."""
    wrong = [
        f"{field}: {told[field]} in the config, {value} by the weights"
        for field, value in found.items()
        if field in told and told[field] != value
    ]
    patch = told["num_joints"] * told["num_features"] * told["patch_size"]
    if patch != numbers:
        wrong.append(
            f"a patch: {told['patch_size']} frames of {told['num_joints']} joints of "
            f"{told['num_features']} numbers in the config, {numbers} numbers by the weights"
        )
    if wrong:
        raise UserError(f"{path}: its config contradicts its weights:\n{listing(wrong)}")


def _note_ignored(config: Mapping[str, Any], told: Mapping[str, Any], notes: list[str]) -> None:
    for section, key, meant in (
        ("encoder", "d_model", told.get("dim")),
        ("decoder", "blank_id", 0),
    ):
        value = _told(config, section, key)
        if None not in (meant, value) and repr(value) != repr(meant):
            notes.append(f"config.{section}.{key}={value} is not used, as in the original: {meant}")


def _decoding(stored: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in stored.items() if key in _DECODING}
    wrong = [
        f"decode.{key}={value!r}"
        for key, value in known.items()
        if not isinstance(value, _DECODING[key]) or isinstance(value, bool)
    ]
    if wrong:
        raise UserError(f"the file's own way of decoding makes no sense:\n{listing(wrong)}")
    weight = known.get("ctc_weight", 0)
    options.DecodingOptions(
        **{**known, "ctc_weight": max(weight, 0)}
    )  # below 0 = the stage's alpha
    return {f"decode.{key}": value for key, value in known.items()}


def model_section(net: whisper_sign.WhisperSign) -> dict[str, dict[str, Any]]:
    """The `model` section of the original's configuration."""
    values = {field: vars(net)[field] for field, _ in _CONFIG.values()}
    values["num_gloss"] += 1
    sections: dict[str, dict[str, Any]] = {}
    for (section, key), (field, _) in _CONFIG.items():
        sections.setdefault(section, {})[key] = values[field]
    sections["encoder"]["d_model"] = net.dim
    sections["decoder"]["blank_id"] = 0
    return sections


def _loss(run: runs.Run) -> float:
    """The validation loss of the checkpoint's epoch; NaN where nothing tells it."""
    if run.manifest.imported is not None:
        metric = run.info.get("metric")
        return float(metric) if isinstance(metric, int | float) else math.nan
    from jaxsign.train import records

    path = run.workdir / run_files.METRICS
    rows = records.read_csv(path) if path.is_file() else []
    epoch = int(run.info.get("epoch") or 0)
    found = [row["val_loss"] for row in rows if row.get("epoch") == str(epoch)]
    return float(found[-1]) if found and found[-1] else math.nan
