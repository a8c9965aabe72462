"""SignON's settings: sizes of its nets, clips and batches, losses, the recorded training steps."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from parity import cases, entries, settings

Arrays = dict[str, np.ndarray]
ROWS = 1000  # of a positional table
LANGUAGE = {"num_classes": None, "lang_embedding_size": 4}
POSEFORMER = {
    "feature_size": 134,
    "embed_dim": 192,
    "n_layers": 4,
    "n_heads": 8,
    "dropout": 0.2,
    **LANGUAGE,
    "l1_label_norm": False,
    "multilingual_conditioned": False,
}
ENCODER = {"num_attention_layers": 4, "num_attention_heads": 8, "d_hidden": 128, **LANGUAGE}
PTN = {
    **ENCODER,
    "d_pose": 134,
    "residual_pose_embedding": False,
    "no_pose_embedding": False,
    "pose_embedding_kind": "dense",
    "variable_length_sequences": False,
}
VTN = {**ENCODER, "backbone_name": "resnet34"}
_SMOOTH = "cross entropy, label_smoothing 0.2, mean, eval mode, targets input/targets"
_PLAIN = "cross entropy, mean, no smoothing, eval mode, targets input/targets"
_STEPS_LOSS = (
    "cross entropy label_smoothing 0.2 + the regularisers of args (regularize_pose_embedding with "
    "l1_lambda, regularize_attention with l2_lambda)"
)
_IMAGES = (
    "uint8 (T,B,3,H,W); model input = input_gain*(x/255-mean)/std with the ImageNet mean and std"
)
# What the constructor of PoseFormer calls what its trainer has another name for.
_TRAINER = {
    "embed_dim": "d_hidden",
    "n_layers": "num_attention_layers",
    "n_heads": "num_attention_heads",
    "dropout": "pf_dropout",
    "feature_size": "d_pose",
}


def poseformer(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of PoseFormer, from its own or from its trainer's."""
    own = [name for name in POSEFORMER if name in case.args]
    theirs = {ours: name for ours, name in _TRAINER.items() if name in case.args}
    sizes = POSEFORMER | case.args.given(*own, **theirs)
    case.args.one_of("dim_feedforward", 2 * sizes["embed_dim"])
    return sizes


def ptn(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of PTN, with `generation`."""
    sizes = PTN | case.args.given(*(name for name in PTN if name in case.args))
    return {**sizes, "generation": case.call.one_of("generation", "B", "A")}


def vtn(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of VTN."""
    return VTN | case.args.given(*(name for name in VTN if name in case.args))


def classes(sizes: Mapping[str, Any]) -> list[int]:
    """Classes of each language; generation A has one, and gives its number."""
    found = sizes["num_classes"]
    return [found] if isinstance(found, int) else list(found)


def is_norm(key: str) -> bool:
    """Whether a state_dict key of a net of points belongs to a normalisation."""
    layer = key.rpartition(".")[0]
    kind, _, number = layer.rpartition(".")
    if kind in ("frame_embed.proj", "pose_embedding.embedding"):
        return int(number) % 4 == 1
    return layer.rpartition(".")[2] in ("norm1", "norm2", "norm", "logit_norm")


def is_image_norm(case: cases.Case) -> Callable[[str], bool]:
    """As `is_norm`, of a case of VTN."""
    norms = r"backbone\.1|.*\.(bn\d|downsample\.1)"
    if case.args["backbone_name"] == "efficientnet_b0":
        norms = r"backbone\.0\.features\.(\d|\d\.\d\.block\.\d)\.1"
    return lambda key: is_norm(key) or bool(re.fullmatch(norms, key.rpartition(".")[0]))


def smoothing(call: entries.Entries) -> float:
    """Label smoothing of a forward's loss."""
    return 0.2 if call.one_of("loss", _SMOOTH, _PLAIN) == _SMOOTH else 0.0


@dataclasses.dataclass(frozen=True)
class Clips:
    """A batch as the originals take it, time first.

    Attributes:
      x: keypoints [T, B, 75, 3], flat vectors [T, B, F] or normalised images [T, B, 3, H, W].
      lengths: int [B].
      targets, languages: int [B].
    """

    x: np.ndarray
    lengths: np.ndarray
    targets: np.ndarray
    languages: np.ndarray

    @property
    def padding(self) -> np.ndarray:
        """bool [B, T], True = padding."""
        return np.arange(len(self.x)) >= self.lengths[:, None]


def clips(case: cases.Case) -> Clips:
    """The clips of a case of points, which are what it says of them."""
    call, inputs = case.call, case.inputs
    if call.one_of("generation", "B", "A") == "A":
        fixed = not case.args["variable_length_sequences"]
        call.one_of("batch_class", "FixedLengthBatch" if fixed else "VariableLengthBatch")
        x, lengths = inputs["inputs"], inputs["lengths"]
        return Clips(x, lengths, inputs["targets"], np.zeros_like(lengths))
    x = inputs["keypoints"]
    lengths = np.array(call.get("lengths", [len(x)] * x.shape[1]))
    found = Clips(x, lengths, inputs["targets"], inputs["language_ids"])
    _check_padding(case, found)
    return found


def _check_padding(case: cases.Case, found: Clips) -> None:
    """Refuses a batch that is not what its case says of padding, hands and first frames."""
    call, x = case.call, found.x
    right = True
    if "lengths" in call:
        filler = float(call["pad_value"])
        right = np.array_equal(x[found.padding.T], np.full_like(x[found.padding.T], filler), True)
    if hand := call.section("never_seen_hand"):
        first = hand["first_point"]
        own = x[: found.lengths[hand["clip"]], hand["clip"], first : first + hand["points"]]
        right &= bool((own == hand["value"])[hand_frames(case, hand["clip"]) :].all())
    if front := call.section("leading_nan"):
        right &= bool(np.isnan(x[: front["frames"], front["clip"]]).all())
    if not right:
        raise UserError(f"{case.path}: input/keypoints is not what call says of it")


def hand_frames(case: cases.Case, clip: int) -> int:
    """Frames of NaN alone at the start of a clip."""
    front = case.call.section("leading_nan")
    return front["frames"] if front and front["clip"] == clip else 0


def images(case: cases.Case) -> Clips:
    """The clips of a case of images, normalised, times the case's gain."""
    case.call.one_of("images", _IMAGES)
    mean, std = (
        np.array(a, np.float32)[:, None, None]
        for a in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    raw = case.inputs["images_uint8"]
    x = np.float32(case.call["input_gain"]) * ((raw / np.float32(255) - mean) / std)
    lengths = np.full(x.shape[1], len(x))
    return Clips(x, lengths, case.inputs["targets"], case.inputs["language_ids"])


def check_shapes(case: cases.Case, shapes: Mapping[str, tuple[int, ...]], count: int) -> None:
    """Refuses a net whose state_dict has not the shapes that the case lists, or another size."""
    listed = case.call.whole("state_dict_shapes")
    if [(key, list(shape)) for key, shape in shapes.items()] != list(listed.items()):
        raise UserError(f"{case.path}: call.state_dict_shapes is not what the net has")
    case.call.one_of("param_count", count)


@dataclasses.dataclass(frozen=True)
class Steps:
    """Adam on one batch; names of the original, `l1` and `l2` 0 where there is no penalty.

    `l1`: times the sum of |p| of the first dense layer; `l2`: times the sum of the norms of every
    feed-forward weight (its largest singular value) and bias (its length) of the encoder.
    """

    count: int
    learning_rate: float
    weight_decay: float
    betas: tuple[float, float]
    eps: float
    l1: float
    l2: float
    smoothing: float = 0.2


def steps(case: cases.Case) -> Steps:
    """The settings of recorded steps."""
    call, args = case.call, case.args
    call.one_of("optimizer", "Adam")
    call.one_of("weight_decay_kind", "L2, added to the gradient (null = none)")
    call.one_of("dropout", "all dropout and drop-path off (the modules run in eval mode)")
    call.one_of("loss", _STEPS_LOSS)
    for name in ("weighted_loss", "use_bias_init", "disable_lr_scheduler", "retrain_on_all"):
        args.one_of(name, False)
    for name in ("backbone_name", "lr_steps"):
        args.one_of(name, None)
    # What only the other net's constructor reads.
    args.given(*(name for name in (*POSEFORMER, *PTN, *_TRAINER.values()) if name in args))
    args.one_of("variable_length_sequences", True)
    args.one_of("model_name", case.target)
    args.one_of("batch_size", len(case.inputs["targets"]))
    for name in ("learning_rate", "weight_decay"):
        args.one_of(name, call[name])
    l1, l2 = args["l1_lambda"], args["l2_lambda"]
    return Steps(
        call["steps"],
        call["learning_rate"],
        call["weight_decay"] or 0.0,
        **settings.adam(call),
        l1=l1 if args["regularize_pose_embedding"] else 0.0,
        l2=l2 if args["regularize_attention"] else 0.0,
    )
