"""TEMPURA in torch, one video at a time, with the original's keys."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity import cases
from parity.reference import vidsgg_chosen, vidsgg_learned, vidsgg_sttran, vidsgg_uncertain
from parity.reference.fslr import tensors
from parity.reference.vidsgg_sttran import FEED_FORWARD, INNER, WORDS, FrontEnd
from parity.settings import vidsgg as settings

TINY, FIRST = 1e-12, 8  # FIRST: numbers of a box's features that are recorded


class Glocal(vidsgg_uncertain.Remembering):
    """STTran's attention; the memory is asked 'early', between its halves, or 'late', behind."""

    def __init__(
        self,
        width: int,
        local_layers: int,
        global_layers: int,
        rate: float,
        feed_forward: int,
        *,
        memory: str,
        fusion: str,
        selection: str,
        kept: float | None,
    ):
        super().__init__()
        base = vidsgg_sttran.Transformer(width, local_layers, global_layers, rate, feed_forward)
        self.local_attention = base.local_attention
        self._fusion, self._memory = fusion, memory
        if memory != "none":
            self.remember(width, memory, selection, kept, width)
        self.global_attention = base.global_attention
        self.position_embedding = base.position_embedding

    def forward(self, x: Tensor, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[P, D] three times: what is told from, without, and with the memory."""
        members = vidsgg_sttran.of_frames(frames)
        x, _ = vidsgg_sttran.within(self.local_attention, x, members)
        if self._memory != "none" and self._fusion == "early":
            behind = self.remembered(x)
            return self._between(behind, members), x, behind
        between = self._between(x, members)
        if self._memory == "none":
            return between, x, x
        behind = self.remembered(between)
        return behind, between, behind

    def _between(self, x: Tensor, members: Sequence[Tensor]) -> Tensor:
        return vidsgg_sttran.between(self.global_attention, self.position_embedding, x, members)


class Tempura(FrontEnd):
    """Relations of a video's pairs; arguments as STTran's, and as jaxsign's net has them."""

    def __init__(
        self,
        mode: str,
        predicates: Sequence[int] = (3, 6, 17),
        spatial_layers: int = 1,
        temporal_layers: int = 3,
        *,
        relation_head: str = "gmm",
        object_head: str = "gmm",
        num_mixtures: int = 4,
        tracking: bool = False,
        relation_memory: str = "none",
        object_memory: bool = False,
        pairs_from_memory: bool = False,
        memory_fusion: str = "late",
        memory_selection: str = "manual",
        memory_lambda: float | None = 0.5,
        track_rows: int = 400,
        classes: int = 37,
        features: int = 2048,
        words: int = WORDS,
        inner: int = INNER,
        feed_forward: int = FEED_FORWARD,
        rate: float = 0.1,
        draw: vidsgg_uncertain.Draw = torch.randn,
        **sizes: int,
    ):
        super().__init__(
            mode, classes=classes, features=features, words=words, inner=inner, **sizes
        )
        kept = None if memory_selection == "sum" else memory_lambda
        self.object_classifier = vidsgg_uncertain.Classifier(
            classes, features, words, inner,
            members=num_mixtures if object_head == "gmm" else 0,
            track_rows=track_rows if tracking else 0,
            memory=object_memory, selection=memory_selection, kept=kept, rate=rate, draw=draw,
        )  # fmt: skip
        self._from_memory = pairs_from_memory
        if pairs_from_memory:
            width, hidden = (
                features + words + vidsgg_uncertain.PLACE if tracking else inner,
                self.subj_fc.out_features,
            )
            self.subj_fc, self.obj_fc = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.glocal_transformer = Glocal(
            self.width, spatial_layers, temporal_layers, rate, feed_forward,
            memory=relation_memory, fusion=memory_fusion, selection=memory_selection, kept=kept,
        )  # fmt: skip
        self.a_rel_compress, self.s_rel_compress, self.c_rel_compress = (
            vidsgg_uncertain.Mixture(self.width, count, num_mixtures, not i, draw)
            if relation_head == "gmm"
            else nn.Linear(self.width, count)
            for i, count in enumerate(predicates)
        )

    def forward(
        self, entry: Mapping[str, Tensor], phase: str = "train", uncertain: bool = False
    ) -> dict[str, Tensor]:
        """The original's outputs, under its names.

        Args:
          entry: of one video, as the original's nets take it.
          phase: 'train' (mixtures are noisy) or 'test'.
          uncertain: uncertainties are told, not relations.
        """
        found: dict[str, Tensor] = {}
        if self.mode != "predcls":
            found = self.object_classifier(entry, phase, uncertain)
        return found | self.related(entry, found, phase, uncertain)

    def related(
        self,
        entry: Mapping[str, Tensor],
        boxes: Mapping[str, Tensor],
        phase: str,
        uncertain: bool = False,
    ) -> dict[str, Tensor]:
        """What is told of pairs; `boxes`: what the classifier told."""
        seen = boxes["object_mem_features"] if self._from_memory else entry["features"]
        x = self.features_of_pairs({**entry, "features": seen})
        told_from, before, behind = self.glocal_transformer(x, entry["im_idx"])
        found = {
            "rel_features": before,
            "rel_mem_features": behind,
            "inter/rel_features_in": x,
            "inter/global_output": told_from,
        }
        for group in settings.GROUPS:
            head = self.get_submodule(f"{group[0]}_rel_compress")
            if not isinstance(head, vidsgg_uncertain.Mixture):
                told = head(told_from)
                if group != "attention":
                    told = told.sigmoid()
                elif phase == "test":
                    told = told.softmax(1)
                found[f"{group}_distribution"] = told
            elif uncertain:
                found |= vidsgg_uncertain.named(group, head.uncertainty(told_from))
            else:
                found[f"{group}_distribution"] = head(told_from, noisy=phase == "train")
        return found


def forward(case: cases.Case) -> vidsgg_learned.Arrays:
    """A case of any mode and phase."""
    entry = tensors(case.inputs)
    drawn = iter(value for name, value in sorted(entry.items()) if name.startswith("draw/"))
    module = Tempura(**settings.tempura(case), rate=0.0, draw=lambda _: next(drawn))
    produced = vidsgg_learned.loaded(case, module)
    if "rel_memory/attention" in entry:
        rows = [entry[f"rel_memory/{group}"] for group in settings.GROUPS]
        module.glocal_transformer.rows = rows
    if "obj_memory" in entry:
        assert isinstance(module.object_classifier, vidsgg_uncertain.Classifier)
        module.object_classifier.rows = [entry["obj_memory"]]
    phase = case.call.one_of("phase", "train", "test")
    uncertain = case.call.one_of("unc", False, True)
    if phase == "test" or uncertain:
        with torch.no_grad():
            outputs = tested(module, entry, phase, uncertain)
        return produced | vidsgg_learned.told(case, module, _shown(outputs), {}, ())
    outputs = {**module(entry, phase), **_given(entry)}
    values = losses(module, outputs, entry, case)
    terms = settings.loss_terms(case)
    return produced | vidsgg_learned.told(case, module, _shown(outputs), values, terms)


def tested(
    module: Tempura, entry: Mapping[str, Tensor], phase: str, uncertain: bool
) -> dict[str, Tensor]:
    """The original's outputs outside training, of pairs that it makes where there are maps."""
    if "fmaps" not in entry:
        return {**module(entry, phase, uncertain), **_given(entry)}
    found = module.object_classifier(entry, phase, uncertain)
    choose = vidsgg_chosen.given if module.mode == "sgcls" else vidsgg_chosen.detected
    chosen = choose(entry, found["distribution"])
    if "source" in chosen:
        found["object_mem_features"] = found["object_mem_features"][chosen["source"]]
    names = ("pair_idx", "im_idx", "boxes", "distribution", "pred_scores")
    told = {name: chosen[name] for name in names} | {"pred_labels": chosen["labels"]}
    return {**found, **told, **module.related(chosen, found, phase, uncertain)}


def _given(entry: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the original leaves as it came, where pairs are given."""
    kept = {name: entry[name] for name in ("pair_idx", "im_idx", "boxes")}
    return {**kept, "pred_labels": entry["labels"]}


def _shown(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Of the features of boxes the first numbers."""
    short = {k: v[:, :FIRST] for k, v in outputs.items() if k.startswith("object_")}
    kept = {name: value for name, value in outputs.items() if name not in short}
    return kept | {f"{name}_first{FIRST}": value for name, value in short.items()}


def losses(
    module: Tempura, outputs: Mapping[str, Tensor], entry: Mapping[str, Tensor], case: cases.Case
) -> dict[str, Tensor]:
    """Every loss of the original, by its name there."""
    truth = settings.truth(case, settings.PREDICATES)
    found = {}
    for group, rows in truth.items():
        told, right = outputs[f"{group}_distribution"], torch.from_numpy(rows)
        name = f"{group}_relation_loss"
        if group == "attention":
            mixed = isinstance(module.a_rel_compress, vidsgg_uncertain.Mixture)
            found[name] = _one(told, right.long().argmax(1), mixed).mean()
        else:
            found[name] = F.binary_cross_entropy(told, right.float())
            found[f"{name}_mlm"] = F.multilabel_margin_loss(told, vidsgg_learned.listed(right))
    if "distribution" in outputs:
        labels = entry["labels"]
        mixed = isinstance(module.object_classifier.decoder_lin, vidsgg_uncertain.Mixture)
        weight = torch.where(labels == 0, case.call.get("eos_coef", 1), 1.0)
        found["object_loss"] = (_one(outputs["distribution"], labels, mixed) * weight).mean()
    return found


def _one(told: Tensor, right: Tensor, mixed: bool) -> Tensor:
    """[n], of probabilities of a mixture, else of logits."""
    if mixed:
        return F.nll_loss((told + TINY).log(), right, reduction="none")
    return F.cross_entropy(told, right, reduction="none")
