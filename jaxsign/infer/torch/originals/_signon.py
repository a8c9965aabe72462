"""Lightning's checkpoints as both generations of SignON's recogniser write them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError, listing
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import TorchFile
from jaxsign.input.signs import signon_kinds

VERSION = "pytorch-lightning_version"
PREFIX = "model."
_LIGHTNING = "1.7.7"
_ARGUMENTS = "hyper_parameters"
# Frames of a clip where lengths are not variable.
_FIXED = 16
# Lists of them with an entry a language.
_EACH = ("num_classes", "data_dir", "source_aspect_ratio")
# The kind of data that have no points.
_FILMS = "RGB_Full"
# In hyper_parameters: what a field of the net is called.
_SIZES = {
    "n_heads": "num_attention_heads",
    "emb_dim": "d_hidden",
    "n_layers": "num_attention_layers",
}
_BACKBONE = "backbone_name"


class SignonForm(originals.Form):
    """A form of one net, with all arguments of the training in `hyper_parameters`.

    Args:
      net, model: its name here and there.
      recipe: that has it.
      older: generation A has it too.
    """

    metric = "val_accuracy"

    def __init__(self, net: str, model: str, recipe: str, *, older: bool, films: bool = False):
        self._net, self._model, self.recipe, self._older = net, model, recipe, older
        self.with_backbone = True if films else None

    def n_heads(self, file: TorchFile) -> int | None:
        """Attention heads, where the file tells them."""
        found = file.section(_ARGUMENTS).get("num_attention_heads")
        return found if type(found) is int else None

    def fields(self, file: TorchFile) -> dict[str, Any]:
        """By `hyper_parameters`, checked against those that the shapes tell."""
        told = file.section(_ARGUMENTS)
        more: dict[str, Any] = {}
        if not told:
            file.notes.append(
                "no hyper_parameters in the file: what its shapes do not tell is assumed"
            )
        else:
            _check(told, file.found, self._model, self._older, file.path)
        if self._net == "poseformer" and isinstance(told.get("pf_dropout"), int | float):
            more["dropout"] = float(told["pf_dropout"])
        if self._net == "ptn" and told:
            more["generation"] = "A" if _is_first(told) else "B"
        fields = {**file.found, **more}
        if fields.get("generation") == "B":
            del fields["input_dim"]  # the net makes these numbers of points
        return fields

    def settings(self, file: TorchFile, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Data and training as the file tells them."""
        told = file.section(_ARGUMENTS)
        if not told:
            return {}
        kind = told.get("data_kind")
        points = not self.with_backbone
        aspects = told.get("source_aspect_ratio") if points else None
        changes: dict[str, Any] = {
            "data.kind": str(kind or "Mediapipe") if points else _FILMS,
            "optim.lr": told.get("learning_rate"),
            "optim.weight_decay": told.get("weight_decay") or 0.0,
            "input.batch_size": told.get("batch_size"),
        }
        if points and not told.get("variable_length_sequences", True):
            changes["input.fixed_length"] = _FIXED
        if isinstance(aspects, list) and all(isinstance(a, int | float) for a in aspects):
            changes["data.aspect"] = tuple(map(float, aspects))
            changes["data.portrait"] = any(aspect > 1 for aspect in aspects)
        if _is_first(told):
            changes |= {"loss.name": "ce", "loss.label_smoothing": 0.0}
        if _is_first(told) and points:
            changes |= {
                "view.output": "features",
                "data.dims": 2 if told.get("mediapipe_2d") else 3,
            }
            changes |= {f"input.augment.signon.{name}": 0.0 for name in _NEWER}
        classes = _counts(told)
        if len(classes) > 1:
            folders = ",".join(f"DIR{number}" for number in range(1, len(classes) + 1))
            file.notes.append(
                f"it knows {len(classes)} languages of {', '.join(map(str, classes))} signs: give "
                f"their folders in this order, --config.data.parts={folders}"
            )
        return {name: value for name, value in changes.items() if value is not None}

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Lightning's dictionary, without an optimizer."""
        epoch, imported = int(run.info.get("epoch") or 0), run.manifest.imported
        return {
            "epoch": max(epoch, 1) - 1,
            "global_step": 0,
            VERSION: _LIGHTNING,
            "state_dict": {PREFIX + key: value for key, value in tensors.items()},
            "loops": {},
            "callbacks": {},
            "optimizer_states": [],
            "lr_schedulers": [],
            "hparams_name": "kwargs",
            "hyper_parameters": (imported and imported.hyper_parameters)
            or self._hyper_parameters(run),
        }

    def notes(self, run: runs.Run) -> list[str]:
        """What the reader of an exported file should know."""
        return ["without an optimizer: the original tests and predicts with it, and starts afresh"]

    def _hyper_parameters(self, run: runs.Run) -> dict[str, Any]:
        """The original's arguments that this run's recipe tells."""
        config = run.config
        net, first = config.net, config.net.get("generation") == "A"
        own: dict[str, Any] = {
            "model_name": self._model,
            "batch_size": int(config.input.batch_size),
            "learning_rate": config.optim.lr,
            "weight_decay": config.optim.weight_decay or None,
            **{theirs: int(net[ours]) for ours, theirs in _SIZES.items()},
            **({_BACKBONE: str(net[_BACKBONE])} if _BACKBONE in net else {}),
            "num_classes": int(net.num_gloss) if first else [int(net.num_gloss)],
            "d_pose": int(net.get("input_dim", 134)),
            "data_kind": config.data.kind,
            "data_dir": "" if first else list(config.data.parts) or [config.data.train.path],
            "variable_length_sequences": not config.input.fixed_length,
            "residual_pose_embedding": bool(net.get("residual", False)),
            "no_pose_embedding": net.get("embedding") == "none",
            "pose_embedding_kind": "attn" if net.get("embedding") == "attn" else "dense",
            "seed": int(config.seed),
        }
        if first:
            return own | {"mediapipe_2d": int(config.data.dims) == 2}
        return own | {
            "source_aspect_ratio": list(config.data.aspect) or [1.0],
            "l1_label_norm": bool(net.get("label_norm", False)),
            "pf_dropout": float(net.dropout) if self._net == "poseformer" else 0.2,
            "multilingual_conditioned": self._net == "poseformer" and net.languages > 0,
            "lang_embedding_size": int(net.get("language_dim", 4)),
        }


# Augmentations that the older generation does not have.
_NEWER = ("shift_frames", "flip", "rotate_hands", "jitter", "crop", "drop_frames")


def _is_first(told: Mapping[str, Any]) -> bool:
    """Generation A: one language, whose data are normalised on disk."""
    return "source_aspect_ratio" not in told


def _counts(told: Mapping[str, Any]) -> list[Any]:
    """Classes of each language."""
    found = told.get("num_classes")
    return found if isinstance(found, list) else [found]


def _check(
    told: Mapping[str, Any], found: Mapping[str, Any], model: str, older: bool, path: Path
) -> None:
    """Raises UserError where arguments contradict the weights or each other."""
    wrong = [*_sizes(told, found), *_languages(told, found), *_kind(told, found)]
    if told.get("model_name") not in (None, model):
        wrong.append(f"model_name: {told['model_name']!r}, expected {model!r} by the weights")
    if _is_first(told) and not older:
        wrong.append(f"no source_aspect_ratio, as in generation A, which has no {model}")
    if wrong:
        raise UserError(
            f"{path}: its hyper_parameters contradict its weights:\n{listing(wrong)}\n"
            "Take the file as the training wrote it, or its weights alone, saved by "
            "torch.save(file['state_dict'], 'weights.pt')"
        )


def _sizes(told: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    counts = _counts(told)
    rows = [(ours, told.get(theirs)) for ours, theirs in _SIZES.items()]
    # Nets of points have no backbone, whatever the arguments' default says.
    rows += [(_BACKBONE, told.get(_BACKBONE))] if _BACKBONE in found else []
    wrong = [
        f"{ours}: {value!r} in hyper_parameters, {found[ours]} by the weights"
        for ours, value in rows
        if value is not None and value != found.get(ours) and ours != "n_heads"
    ]
    known = [count for count in counts if type(count) is int]
    if len(known) == len(counts) and sum(known) != found["num_gloss"]:
        wrong.append(
            f"num_classes: {counts} in hyper_parameters, {found['num_gloss']} by the weights"
        )
    return wrong


def _languages(told: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What is listed of each language is listed of all."""
    counts = {name: len(told[name]) for name in _EACH if isinstance(told.get(name), list)}
    if found.get("languages"):
        counts["languages by the weights"] = found["languages"]
    if len(set(counts.values())) < 2:
        return []
    text = ", ".join(f"{name} {count}" for name, count in counts.items())
    return [f"of another number of languages each: {text}"]


def _kind(told: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    kind, films = told.get("data_kind"), _BACKBONE in found
    if kind is None:
        return []
    try:
        newer = signon_kinds.get(str(kind)).generation == "B"
    except UserError as error:
        return [f"data_kind: {error}"]
    if films != (kind == _FILMS):
        return [f"data_kind: {kind!r}, but the net takes {'films' if films else 'points'}"]
    if films:
        return []  # both generations have them
    if newer != _is_first(told):
        return []
    return [
        f"data_kind: {kind!r} is of generation {'B' if newer else 'A'}, and "
        f"source_aspect_ratio is {'absent' if newer else 'there'}"
    ]
