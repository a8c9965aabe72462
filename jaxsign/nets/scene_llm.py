"""SceneLLM: STTran on features that are codes, with what a language model makes of all boxes.

Source: SceneLLM (Pattern Recognition 2025) as the public system m3sgg has it; no other code is
known. Features of boxes become rows of a codebook; all boxes of a video become one token, which in
the last stage goes through a language model; both make the features that STTran tells relations
from.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import codebook, language_net, relation_net, scene_net, state_dict
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import box_mixing, clipped_shares, dense, quantiser
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
STAGES = ("vqvae", "stage1", "stage2")
_DECODER = "decoder."  # before the keys of the original's STTran
# In what the original calls its own parts, those without layers inside.
_PROJECTIONS = ("feature_projection", "roi_feature_projection", "fallback_projection")


class SceneLLM(language_net.LanguageNet):
    """STTran behind a quantiser, a mixing of boxes and a language model.

    The parameters of its STTran have the paths that they have there: a run starts from one of
    STTran's with `train.init_match='matching'` and `train.keep_head=True`. Output `codes` int32
    [B, F, M], -1 where there is no box.

    Attributes:
      stage: of training. 'vqvae': the quantiser learns alone, by its own losses; 'stage1': the
        token goes by the language model; 'stage2': through it. Answers are told likewise.
      embed_dim: numbers of a code and of the token.
      codebook_size: codes.
      commitment_cost: weight of the loss that holds features near their codes.
      ot_step: behind every epoch of the later stages the codebook may lose so many codes at a
        time, by optimal transport, and keeps so many at least; 0 = it stays.
      mixing: of boxes into a token: 'attention', or over a 'graph' of them.
      box_scale: what boxes are held against: 'image', its size; 'corner', the largest x1 and y1 of
        the video, as m3sgg does.
      parity: as the original, beside what it means to STTran: the codebook gets no gradient and
        losses of codes count twice; relations are told from clipped shares of probabilities, and
        those of the first group from shares of logits, as boxes' classes are in training; the graph
        takes x2 and y2 for sizes.
    """

    stage: str = fields.value("stage2", fields.among(*STAGES))
    embed_dim: int = fields.value(1024, fields.COUNT)
    codebook_size: int = fields.value(8192, fields.COUNT)
    commitment_cost: float = fields.value(0.25, fields.NOT_NEGATIVE)
    ot_step: int = fields.value(512, fields.NOT_NEGATIVE)
    mixing: str = fields.value("attention", fields.among(*box_mixing.KINDS))
    box_scale: str = fields.value("image", fields.among("image", "corner"))

    inputs = (*scene_net.SceneNet.inputs, "relations", "image_sizes")
    outputs = (*scene_net.SceneNet.outputs, "codes")

    @property
    def branches(self) -> tuple[str, ...]:
        """None while the quantiser learns alone."""
        return () if self.stage == "vqvae" else super().branches

    @property
    def learns_classes(self) -> bool:
        return super().learns_classes and self.stage != "vqvae"

    @property
    def own_losses(self) -> tuple[str, ...]:
        """Those of the quantiser while it learns; they are told in answers, too."""
        return tuple(f"loss/{name}" for name in quantiser.LOSSES) if self.stage == "vqvae" else ()

    @property
    def unused_params(self) -> tuple[str, ...]:
        """As of STTran; what the stage at hand leaves out."""
        if self.stage == "vqvae":
            return ("^(?!quantiser/)",)
        by_token = "fallback" if self.stage == "stage2" else "(language|language_input|feature)"
        quantised = "^quantiser/(codebook|decoder|output)"
        left_out = f"^{by_token}(_projection)?/"
        return (*super().unused_params, quantised, left_out, *self.unasked_lora)

    def _seen(
        self, boxes: Array, features: Array, real: Array, image_sizes: Array | None, train: bool
    ) -> tuple[Array, dict[str, Array]]:
        """Codes and the token as features of boxes; `codes`, and the quantiser's losses."""
        made = self._quantised(features)
        losses = quantiser.losses(made, real, parity=self.parity)
        held = self._held(boxes, real, image_sizes)
        batch, flat = len(boxes), (len(boxes), -1)
        make = box_mixing.BoxMixing
        options = {"parity": self.parity, "name": "sia", **self.types}
        mix = make(self.mixing, self.dropout, **options)
        values = made.values.reshape(*flat, self.embed_dim)
        token = mix(values, held.reshape(*flat, 4), real.reshape(flat), train=train)
        self.sow("intermediates", "token", token)
        video = self._of_video(token, train).reshape(batch, 1, 1, -1)
        found = self._dense("roi_feature_projection", self.feature_dim)(made.values) + video
        found = jnp.where(real[..., None], found, 0)
        self.sow("intermediates", "combined", found)
        weights = self.loss_weights
        kept = {name: weights[name] * losses[name.partition("/")[2]] for name in self.own_losses}
        return found, {"codes": jnp.where(real, made.codes, -1), **kept}

    def _quantised(self, features: Array) -> quantiser.Quantised:
        make = quantiser.Quantiser
        found: quantiser.Quantised = make(
            self.codebook_size, self.embed_dim, name="quantiser", **self.types
        )(features)
        return found

    @property
    def loss_weights(self) -> dict[str, float]:
        """Of `own_losses`; the original adds them to their sum."""
        more = 1.0 if self.parity else 0.0
        weights = 1.0 + more, 1.0 + more, self.commitment_cost + more
        names = (f"loss/{name}" for name in quantiser.LOSSES)
        return dict(zip(names, weights, strict=True))

    def _dense(self, name: str, features: int) -> dense.Dense:
        return dense.Dense(features, name=name, **self.types)

    def _held(self, boxes: Array, real: Array, image_sizes: Array | None) -> Array:
        """Boxes [B, F, M, 4] as shares of the image, or of what stands for it."""
        if self.box_scale == "corner":
            most = jnp.where(real[..., None], boxes, -jnp.inf).max((1, 2), keepdims=True)
            whole = jnp.tile(jnp.maximum(most[..., :2], 1), 2)
            return jnp.where((most > 2).any(-1, keepdims=True), boxes / whole, boxes)
        if image_sizes is None:
            if self.is_initializing():
                return boxes
            raise UserError(
                "net.box_scale='image' holds boxes against the sizes of images, and these scenes "
                "come without `image_sizes`. Give them, or set net.box_scale='corner'."
            )
        whole = jnp.tile(jnp.maximum(image_sizes.astype(jnp.float32), 1), 2)
        return boxes / whole[:, :, None]

    def _of_video(self, token: Array, train: bool) -> Array:
        """The token [B, D] as a feature [B, feature_dim] that all boxes of a video share."""
        found = token
        if self.stage == "stage2" or self.is_initializing():
            spoken = self._spoken(token, train)
            found = self._dense("feature_projection", self.feature_dim)(spoken)
        if self.stage != "stage2" or self.is_initializing():
            found = self._dense("fallback_projection", self.feature_dim)(token)
        return found

    def _learned(self, logits: Array) -> Array:
        return clipped_shares.replaced(logits, clipped_shares.shares) if self.parity else logits

    def _named(self, given: scene_net.Given, logits: Array, real: Array) -> dict[str, Array]:
        found = super()._named(given, logits, real)
        if self.parity:
            shares = clipped_shares.shares(found["distribution"])
            found["distribution"] = jnp.where(real[..., None], shares, 0)
        return found

    def _told(self, given: scene_net.Given, train: bool) -> dict[str, Array]:
        # While the quantiser learns, what stands behind it stays, its running statistics too.
        found = super()._told(given, train and (self.parity or self.stage != "vqvae"))
        if self.parity:
            logits = found[relation_net.TOLD]
            self.sow("intermediates", "logits", logits)
            clip = functools.partial(clipped_shares.of_groups, predicates=self.predicates)
            found[relation_net.TOLD] = clipped_shares.replaced(logits, clip)
        return found

    @property
    def renews(self) -> bool:
        """The codebook, once it stands still."""
        return self.ot_step > 0 and self.stage != "vqvae"

    def look(self, variables: state_dict.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """`codes` int32 [B, F, M]."""
        return {"codes": nets.call(self, variables, batch)["codes"]}

    def renewed(
        self, variables: state_dict.Variables, rows: Iterable[Mapping[str, np.ndarray]]
    ) -> state_dict.Variables:
        """Variables whose codes are counted; with a shorter codebook where that is due.

        Behind a change of the codebook no code has been taken yet.
        """
        counts = [codebook.counted(row["codes"], self.codebook_size) for row in rows]
        usage = np.asarray(np.sum(counts, axis=0), np.float32)
        of_params = dict(variables["params"])
        table = np.asarray(of_params["quantiser"]["codebook"])
        count = codebook.used(table)
        shorter = codebook.shorter(table[:count], usage[:count], self.ot_step, parity=self.parity)
        if shorter is not None:
            made = codebook.padded(shorter, self.codebook_size).astype(table.dtype)
            of_params["quantiser"] = {**of_params["quantiser"], "codebook": made}
            usage = np.zeros_like(usage)
        counted = {"quantiser": {"usage": usage}}
        return {**variables, "params": of_params, quantiser.COLLECTION: counted}

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (120 as published) in its order.

        Raises:
          UserError: other than three groups of predicates.
        """
        dim, width = self.embed_dim, self.feature_dim
        rows = self._quantiser_rows() + self._mixing_rows()
        rows += self.language_rows(dim)
        rows += [dataclasses.replace(row, key=_DECODER + row.key) for row in super().key_table()]
        spoken = dim if self.language == "none" else self.language_dim
        for name, inner in zip(_PROJECTIONS, (spoken, dim, dim), strict=True):
            rows += torch_rows.linear(name, (name,), width, inner)
        return rows

    def _quantiser_rows(self) -> list[KeyEntry]:
        size, dim, width = self.codebook_size, self.embed_dim, self.feature_dim
        place, key = ("quantiser",), "quantiser."
        return [
            KeyEntry(
                f"{key}usage_count", (quantiser.COLLECTION, *place, "usage"), shape=(size,),
                constant=lambda: np.zeros(size, np.float32),
            ),
            *torch_rows.linear(f"{key}input_projection", (*place, "input"), dim, width),
            *torch_rows.linear(f"{key}encoder", (*place, "encoder"), dim, dim),
            KeyEntry(f"{key}codebook.weight", ("params", *place, "codebook"), shape=(size, dim)),
            *torch_rows.linear(f"{key}decoder", (*place, "decoder"), dim, dim),
            *torch_rows.linear(f"{key}output_projection", (*place, "output"), width, dim),
        ]  # fmt: skip

    def _mixing_rows(self) -> list[KeyEntry]:
        dim, key, place = self.embed_dim, "sia.", ("sia",)
        rows = torch_rows.linear(f"{key}pos_mlp.0", (*place, "place_0"), dim, 4)
        rows += torch_rows.linear(f"{key}pos_mlp.2", (*place, "place_1"), dim, dim)
        if self.mixing == "graph":
            for i in range(2):
                conv = ("params", *place, f"graph_{i}")
                kernel, name = (*conv, "dense", "kernel"), f"{key}gcn{i + 1}"
                rows.append(KeyEntry(f"{name}.weight", kernel, shape=(dim, dim)))
                rows.append(KeyEntry(f"{name}.bias", (*conv, "bias"), shape=(dim,)))
            return rows
        rows += torch_rows.packed_attention(f"{key}spatial_attn.", (*place, "attention"), dim)
        for name in ("linear1", "linear2"):
            rows += torch_rows.linear(key + name, (*place, name), dim, dim)
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are SceneLLM's."""
        return "quantiser.codebook.weight" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; neither mode nor stage is stored in them."""
        size, dim = weights["quantiser.codebook.weight"].shape
        inner = {
            key.removeprefix(_DECODER): value
            for key, value in weights.items()
            if key.startswith(_DECODER)
        }
        return {
            **super().fields_from_state_dict(inner),
            **language_net.fields_of(weights),
            "codebook_size": int(size),
            "embed_dim": int(dim),
            "mixing": "graph" if "sia.gcn1.weight" in weights else "attention",
        }


NET = SceneLLM
