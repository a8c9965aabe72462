"""SceneLLM in torch as m3sgg has it without a language model, one video at a time, its keys."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from parity import cases
from parity.reference import vidsgg_learned, vidsgg_sttran
from parity.reference.fslr import state_dict_of, tensors
from parity.settings import vidsgg as settings

LIMIT, SMALLEST, HEADS = 10.0, 1e-10, 8
GROUPS = {"attention": "a", "spatial": "s", "contacting": "c"}


class Quantised(NamedTuple):
    """Codes int [N], what they give [N, D], features that are made again, and losses by name."""

    codes: Tensor
    values: Tensor
    remade: Tensor
    losses: dict[str, Tensor]


class Quantiser(nn.Module):
    """Features as rows of a codebook, which gets no gradient."""

    def __init__(self, features: int, width: int, codes: int, cost: float):
        super().__init__()
        self.register_buffer("usage_count", torch.zeros(codes))
        self.input_projection = nn.Linear(features, width)
        self.encoder = nn.Linear(width, width)
        self.codebook = nn.Embedding(codes, width)
        self.decoder = nn.Linear(width, width)
        self.output_projection = nn.Linear(width, features)
        self._cost = cost

    def forward(self, features: Tensor) -> Quantised:
        features = features.clamp(-LIMIT, LIMIT)
        z = self.encoder(self.input_projection(features))
        table = self.codebook.weight
        far = (z**2).sum(1, keepdim=True) + (table**2).sum(1) - 2 * z @ table.T
        codes = far.argmin(1)
        if self.training:
            usage = self.get_buffer("usage_count")
            usage += torch.bincount(codes, minlength=len(usage))
        values = z + (self.codebook(codes) - z).detach()
        remade = self.output_projection(self.decoder(values))
        found = {
            "recon_loss": F.mse_loss(remade, features),
            "embedding_loss": F.mse_loss(values.detach(), z),
            "commitment_loss": F.mse_loss(values, z.detach()),
        }
        recon, embedding, commitment = found.values()
        losses = {"vq_loss": recon + embedding + self._cost * commitment, **found}
        return Quantised(codes, values, remade, losses)


class Aggregator(nn.Module):
    """One token of all boxes, by attention."""

    def __init__(self, width: int, rate: float):
        super().__init__()
        self.pos_mlp = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width))
        self.spatial_attn = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(rate)

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        """x: [N, D], boxes: [N, 4] -> [D]."""
        x = (x + self.pos_mlp(boxes.clamp(-LIMIT, LIMIT)))[None]
        x, _ = self.spatial_attn(x, x, x, need_weights=False)
        found: Tensor = self.linear2(self.dropout(F.relu(self.linear1(x))))[0].mean(0)
        return found


class Language(nn.Module):
    """What stands for a language model."""

    def __init__(self, width: int):
        super().__init__()
        self.model = nn.Linear(width, width)


class SceneLLM(nn.Module):
    """STTran on features that are made of codes and of a token of all boxes.

    Args:
      mode: as of STTran.
      stage: 'vqvae', 'stage1' or 'stage2'.
      embed_dim, codebook_size, commitment_cost, features, rate: as jaxsign's net has them.
      ot_step: of the codebook between steps; nothing here depends on it.
      sizes: of STTran.
    """

    def __init__(
        self,
        mode: str,
        *,
        stage: str,
        embed_dim: int = 1024,
        codebook_size: int = 8192,
        commitment_cost: float = 0.25,
        ot_step: int = 0,
        predicates: tuple[int, ...] = (3, 6, 17),
        spatial_layers: int = 1,
        temporal_layers: int = 3,
        features: int = 2048,
        rate: float = 0.1,
        **sizes: int,
    ):
        super().__init__()
        self.stage = stage
        self.quantiser = Quantiser(features, embed_dim, codebook_size, commitment_cost)
        self.sia = Aggregator(embed_dim, rate)
        self.llm = Language(embed_dim)
        self.decoder = vidsgg_sttran.STTran(
            mode, predicates, spatial_layers, temporal_layers,
            features=features, rate=rate, **sizes,
        )  # fmt: skip
        self.feature_projection, self.roi_feature_projection, self.fallback_projection = (
            nn.Linear(embed_dim, features) for _ in range(3)
        )

    def forward(self, entry: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The original's outputs, under its names; `contacting` is its 'contact'.

        Args:
          entry: of one video, as the original's nets take it; with `im_wh` [2] boxes are held
            against the image.
        """
        made = self.quantiser(entry["features"])
        token = self.sia(made.values, _held(entry["boxes"][:, 1:], entry.get("im_wh")))
        if self.stage == "stage2":
            of_video = self.feature_projection(self.llm.model(token))
        else:
            of_video = self.fallback_projection(token)
        features = self.roi_feature_projection(made.values) + of_video
        told = self.decoder({**entry, "features": features})
        between = told["inter/global_output"]
        found = {name: value for name, value in made.losses.items()}
        for group, short in GROUPS.items():
            logits = self.decoder.get_submodule(f"{short}_rel_compress")(between)
            found[f"head_logits/{group}"] = logits
            found[f"{group}_distribution"] = _shares(told[f"{group}_distribution"])
        if "distribution" in told:
            found["distribution"] = _shares(told["distribution"])
        return found | {
            "frame_token": token,
            "combined_features": features,
            "ids": made.codes,
            "z_q": made.values,
            "recon": made.remade,
        }


def _held(boxes: Tensor, image: Tensor | None) -> Tensor:
    """Boxes [N, 4] as shares of the image [2], or of the largest x1 and y1."""
    most = boxes.amax(0)
    if image is None and not (most > 2).any():
        return boxes
    whole = most[:2].clamp(min=1) if image is None else image
    return boxes / whole.repeat(2)


def _shares(told: Tensor) -> Tensor:
    """Rows of the sum 1, written behind the gradient's back, which goes on from these numbers."""
    told.data.clamp_(SMALLEST, 1).div_(told.data.sum(1, keepdim=True))
    return told


def forward(case: cases.Case) -> vidsgg_learned.Arrays:
    """A case of any stage."""
    module = SceneLLM(**settings.scene_llm(case), rate=0.0)
    produced, entry = vidsgg_learned.loaded(case, module), tensors(case.inputs)
    for part in case.call.whole("trainable"):
        module.get_submodule(part)  # raises where there is none
    outputs = module(entry)
    terms = settings.code_terms(case)
    values = {name: outputs[name] for name in settings.CODE_LOSSES}
    if module.stage != "vqvae":
        truth = settings.truth(case, settings.PREDICATES)
        values = vidsgg_learned.losses(outputs, entry, truth)
    found = vidsgg_learned.told(case, module, _shown(outputs), values, terms)
    usage = state_dict_of(module)["quantiser.usage_count"]
    return produced | found | {"output/usage_count": usage}


def _shown(outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs as a case names them."""
    short = {"attention": "attention", "spatial": "spatial", "contacting": "contact"}
    found = {"frame_token": outputs["frame_token"]}
    found["combined_features_first16"] = outputs["combined_features"][:, :16]
    found["vq/recon_first8"] = outputs["recon"][:, :8]
    for name in ("ids", "z_q", *settings.CODE_LOSSES):
        found[f"vq/{name}"] = outputs[name]
    for group, name in short.items():
        found[f"head_logits/{name}"] = outputs[f"head_logits/{group}"]
        found[f"after_clamp/{name}_distribution"] = outputs[f"{group}_distribution"]
    return found
