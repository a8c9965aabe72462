"""The video scene graphs' settings: sizes of nets, and videos as the originals take them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.tables import read_json
from parity import cases

Arrays = dict[str, np.ndarray]
GROUPS = ("attention", "spatial", "contacting")
_NORMS = (
    "pos_embed.0",
    "intermediate.1",
    "decoder_lin.1",
    "conv.2",
    "conv.6",
    "norm1",
    "norm2",
    "norm3",
)
_CLASSES = "the 37 Action Genome names, __background__ first"
_OPTIMIZER = "the AdamW variant of vidsgg_data_eval section 6"
PREDICATES = (3, 6, 17)
# Of detected boxes: classes that are taken twice, and the overlap from which the worse one goes.
DOUBLED, OVERLAP = (5, 8, 17), 0.6
_BESIDE = "are not part of output/loss"
EASG_LOSSES = "edge_loss", "obj_loss", "verb_loss"
_OF_GROUPS = tuple(f"{name}_relation_loss" for name in ("attention", "spatial", "contact"))
# STKET's branches, the base's own losses among none.
BRANCHES = ("spatial", "temporal", "ensemble", "spatial_prior", "temporal_prior")
_WHOLE = (
    "object_loss",
    *_OF_GROUPS,
    "contacting_relation_loss",  # TEMPURA's name of the last
    *(f"{branch}_{name}" for branch in BRANCHES for name in _OF_GROUPS),
)
_ENDINGS = ("", "_bce", "_mlm")  # of a loss that is told in two ways the other one
LOSSES = tuple(f"{name}{ending}" for name in _WHOLE for ending in _ENDINGS)
CODE_LOSSES = "vq_loss", "recon_loss", "embedding_loss", "commitment_loss"
TRUE_CONTACTS = 1.0  # STKET's threshold that stands for the true contacts
TRACK_ROWS = {"sgcls": 400, "sgdet": 600}  # of TEMPURA's table of places; predcls as sgcls
_OTHER_NAMES = {"contacting": "contact"}  # m3sgg's of a group


def sttran(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of STTran."""
    args = case.args
    args.one_of("obj_classes", _CLASSES)
    case.call.one_of("dropout", "all dropout off (p = 0)")
    names = [f"{group}_class_num" for group in ("attention", "spatial", "contact")]
    return {
        "mode": args["mode"],
        "predicates": tuple(args[name] for name in names),
        "spatial_layers": args["enc_layer_num"],
        "temporal_layers": args["dec_layer_num"],
    }


def easg(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of EASG-STTran, classes without a background."""
    args = case.args
    case.call.one_of("dropout", "all dropout off (p = 0)")
    case.call.one_of("optimizer_steps", 0)
    return {
        "mode": args["mode"],
        "classes": _named(case, "obj_classes", " names after __background__"),
        "verbs": _named(case, "verb_classes", " names"),
        "edges": args["edge_class_num"],
        "spatial_layers": args["enc_layer_num"],
        "temporal_layers": args["dec_layer_num"],
    }


def _named(case: cases.Case, name: str, ending: str) -> int:
    """How many classes an argument such as '12 names' tells of."""
    said = str(case.args[name])
    if not (said.endswith(ending) and said.removesuffix(ending).isdecimal()):
        raise UserError(f"{case.path}: args.{name} is {said!r}, expected a number and{ending!r}")
    return int(said.removesuffix(ending))


def easg_terms(case: cases.Case) -> tuple[str, ...]:
    """The losses of EASG whose sum a case's loss is."""
    terms = tuple(case.call.get("loss_terms", ()))
    if unknown := [term for term in terms if term not in EASG_LOSSES]:
        raise UserError(f"{case.path}: call.loss_terms has {unknown}; known: {EASG_LOSSES}")
    return terms


def edges(case: cases.Case, count: int) -> np.ndarray:
    """bool [N, count], of the lists of a case of EASG."""
    found: np.ndarray = (case.inputs["edge"][..., None] == np.arange(count)).any(1)
    return found


def stket(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of STKET."""
    args = case.args
    args.one_of("trainPrior", "replaced: initialPrior and specificPrior come from the recipe")
    # How near the original's probabilities come to its decisions: told, nothing to be set.
    for told in ("contact_probs_range", "min_distance_to_threshold"):
        case.call.whole(told)
    threshold = args["pred_contact_threshold"]
    return {
        **sttran(case),
        "rounds": args["N_layer_num"],
        "window": args["window_size"],
        "true_contacts": threshold == TRUE_CONTACTS,
        "contact_threshold": 0.5 if threshold == TRUE_CONTACTS else threshold,
        "spatial_prior": args["use_spatial_prior"],
        "temporal_prior": args["use_temporal_prior"],
    }


def tempura(case: cases.Case) -> dict[str, Any]:
    """The fields of TEMPURA, of which the last say what boxes and relations remember."""
    args, share = case.args, case.args["selection_lambda"]
    selection = args["selection"]
    return {
        **sttran(case),
        "relation_head": args["rel_head"],
        "object_head": args["obj_head"],
        "num_mixtures": args["K"],
        "tracking": args["tracking"],
        "track_rows": TRACK_ROWS.get(args["mode"], TRACK_ROWS["sgcls"]),
        "relation_memory": args["rel_mem_compute"] or "none",
        "object_memory": args["obj_mem_compute"],
        "pairs_from_memory": args["take_obj_mem_feat"],
        "memory_fusion": args["mem_fusion"],
        "memory_selection": "sum" if selection == "manual" and share is None else selection,
        "memory_lambda": 0.5 if share is None else share,
    }


def scene_llm(case: cases.Case) -> dict[str, Any]:
    """The constructor's arguments of SceneLLM without a language model and without DGL."""
    args, call = case.args, case.call
    args.one_of("llm", "Linear fallback")
    call.one_of("dropout", "all dropout off (p = 0)")
    call.one_of("optimizer_steps", 0)
    call.one_of("kept", ["quantiser.usage_count"])
    call.one_of("codebook_has_no_gradient", True, None)
    return {
        "mode": args["mode"],
        "stage": call["stage"],
        "spatial_layers": args["enc_layer"],
        "temporal_layers": args["dec_layer"],
        **{key: args[key] for key in ("embed_dim", "codebook_size", "commitment_cost", "ot_step")},
    }


def code_terms(case: cases.Case) -> tuple[str, ...]:
    """The losses of SceneLLM whose sum a case's loss is: of its quantiser, or of relations."""
    case.call.one_of("loss_alternatives", *(f"output/losses/*_{k} {_BESIDE}" for k in ("bce",)))
    terms, known = tuple(case.call.get("loss_terms", ())), (*CODE_LOSSES, *LOSSES)
    if unknown := [term for term in terms if term not in known]:
        raise UserError(f"{case.path}: call.loss_terms has {unknown}; known: {known}")
    return terms


def is_norm(key: str) -> bool:
    """Whether a state_dict key belongs to a normalisation."""
    return key.rpartition(".")[0].endswith(_NORMS)


@dataclasses.dataclass(frozen=True)
class Steps:
    """Recorded steps of the originals' AdamW, whose eps is not divided by the bias correction."""

    count: int
    learning_rate: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    clip: float


def steps(case: cases.Case) -> Steps:
    """The settings of recorded steps."""
    call = case.call
    call.one_of("optimizer", _OPTIMIZER)
    return Steps(
        call["steps"],
        call["lr"],
        tuple(call["betas"]),
        call["eps"],
        call["weight_decay"],
        call["clip_grad_norm"],
    )


def loss_terms(case: cases.Case) -> tuple[str, ...]:
    """The losses whose sum a case's loss is; what others it has is told beside."""
    call = case.call
    call.one_of("loss_alternatives", *(f"output/losses/*_{k} {_BESIDE}" for k in ("bce", "mlm")))
    call.one_of("optimizer_steps", 0)  # of a case of one forward pass
    terms = tuple(call.get("loss_terms", ()))
    if unknown := [term for term in terms if term not in LOSSES]:
        raise UserError(f"{case.path}: call.loss_terms has {unknown}; known: {LOSSES}")
    return terms


def truth(case: cases.Case, predicates: Sequence[int]) -> Arrays:
    """Group -> bool [P, K], of the lists of a case."""
    inputs, found = case.inputs, {}
    for group, count in zip(GROUPS, predicates, strict=True):
        name = group if f"{group}_gt" in inputs else _OTHER_NAMES.get(group, group)
        found[group] = (inputs[f"{name}_gt"][..., None] == np.arange(count)).any(1)
    return found


def listed_keys(path: Path, name: str) -> list[tuple[str, tuple[int, ...]]]:
    """Keys and shapes of a net of the file of state_dict keys."""
    return [(key, tuple(shape)) for key, shape in read_json(path)[name]["keys"]]


@dataclasses.dataclass(frozen=True)
class Video:
    """A video whose boxes and pairs are numbered over all frames.

    Attributes:
      frames: how many.
      box_frames, box_places: int [N], the frame of a box and its place in it.
      pair_frames, pair_places: int [P], likewise.
      pairs: int [P, 2], places of boxes in their frame.
    """

    frames: int
    box_frames: np.ndarray
    box_places: np.ndarray
    pair_frames: np.ndarray
    pair_places: np.ndarray
    pairs: np.ndarray

    def numbered(self, frames: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """Pairs of places int [P, 2] in their frames int [P] -> pairs of boxes."""
        return np.searchsorted(self.box_frames, frames)[:, None] + pairs

    def of_boxes(self, values: np.ndarray) -> np.ndarray:
        """[N, ...] -> [1, F, M, ...], zeros where there is no box."""
        return _padded(values, self.frames, self.box_frames, self.box_places)

    def of_pairs(self, values: np.ndarray) -> np.ndarray:
        """[P, ...] -> [1, F, Q, ...], zeros where there is no pair."""
        return _padded(values, self.frames, self.pair_frames, self.pair_places)


def video(box_frames: np.ndarray, pair_frames: np.ndarray, pairs: np.ndarray) -> Video:
    """A video from the frame of every box and pair, and the boxes of every pair."""
    box_frames, pair_frames = box_frames.astype(int), pair_frames.astype(int)
    places = _places(box_frames)
    frames = int(max(box_frames.max(), pair_frames.max(initial=0))) + 1
    return Video(frames, box_frames, places, pair_frames, _places(pair_frames), places[pairs])


def given_video(case: cases.Case) -> Video:
    """The video of a case, with the pairs that it gives."""
    inputs = case.inputs
    return video(inputs["boxes"][:, 0], inputs["im_idx"], inputs["pair_idx"])


def batch(inputs: Arrays, of: Video) -> Arrays:
    """A video as a batch of one, from what the originals' nets take."""
    boxes: Arrays = {
        "boxes": inputs["boxes"][:, 1:],
        "labels": inputs["labels"].astype(np.int32),
        "valid_boxes": np.ones(len(inputs["boxes"]), bool),
        **{k: inputs[k] for k in ("scores", "features", "distribution") if k in inputs},
    }
    pairs = {
        "pairs": of.pairs.astype(np.int32),
        "union_features": np.moveaxis(inputs["union_feat"], 1, -1),
        "valid_pairs": np.ones(len(of.pairs), bool),
    }
    return {
        **{name: of.of_boxes(values) for name, values in boxes.items()},
        **{name: of.of_pairs(values) for name, values in pairs.items()},
        "valid_frames": np.ones((1, of.frames), bool),
    }


def with_truth(case: cases.Case, of: Video) -> Arrays:
    """The batch of a case whose pairs are given, with their true relations."""
    relations = np.concatenate([*truth(case, PREDICATES).values()], axis=-1)
    return {**batch(case.inputs, of), "relations": of.of_pairs(relations)}


def every_pair(box_frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame int [P] and boxes int [P, 2] of every two boxes of a frame."""
    first, second = np.nonzero(np.triu(box_frames[:, None] == box_frames, 1))
    return box_frames[first].astype(int), np.stack([first, second], axis=1)


def _places(frames: np.ndarray) -> np.ndarray:
    return np.arange(len(frames)) - np.searchsorted(frames, frames)


def _padded(values: np.ndarray, frames: int, of: np.ndarray, places: np.ndarray) -> np.ndarray:
    found = np.zeros((1, frames, places.max(initial=0) + 1, *values.shape[1:]), values.dtype)
    found[0, of, places] = values
    return found


def union_boxes(boxes: np.ndarray, pairs: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """float32 [P, 4]: around the boxes [N, 4] of every pair, in the scaled image."""
    both = boxes[pairs] * scale.astype(np.float32)
    return np.concatenate([both[..., :2].min(1), both[..., 2:].max(1)], axis=1)
