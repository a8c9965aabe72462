"""What a video's loss is a sum of, from what a net tells of it: the scene task's `loss` section.

Source: the public systems STTran and TEMPURA (CVPR 2023).
"""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.nets import relation_net, scene_net
from jaxsign.tasks.scenes import contrastive, losses

Array = jax.Array
OF_SEVERAL = {"margin": losses.margin, "bce": losses.binary_cross_entropy}
OBJECTS, CONTRASTIVE, VARIANCE = "loss/objects", "loss/contrastive", "loss/variance"
_UNCERTAIN = {"al": "aleatoric", "ep": "epistemic"}


@dataclasses.dataclass(frozen=True)
class Terms:
    """The losses of relations and of boxes, float32 [B] each; fields are keys of `loss`.

    Attributes:
      of_several: of a group of which several may hold, of `OF_SEVERAL`.
      relation_factor, object_factor: of the losses of relations, and of boxes' classes.
      relation_weighting, object_weighting: 'none', or the uncertainty by which pairs or boxes
        count more, 'al' or 'ep'.
      background: how much boxes count that are of no class.
      contrastive: 'none', or a loss of the features of boxes, of `contrastive.KINDS`.
      contrastive_weight: its factor.
      gmm_regularization: factor of the mean variance of a net's mixtures.
    """

    of_several: str = "margin"
    relation_factor: float = 1.0
    object_factor: float = 1.0
    relation_weighting: str = "none"
    object_weighting: str = "none"
    background: float = 1.0
    contrastive: str = "none"
    contrastive_weight: float = 1.0
    gmm_regularization: float = 0.0

    @classmethod
    def of_config(cls, loss: ConfigDict) -> "Terms":
        """From the recipe's section."""
        return cls(**{field.name: loss[field.name] for field in dataclasses.fields(cls)})

    def check(self, net: scene_net.SceneNet) -> None:
        """Raises UserError: the net does not tell what a loss is made of."""
        learned = ("relations",) if net.mode == "predcls" else ("relations", "objects")
        name = f"net.name={type(net).__name__.lower()!r}"
        for of, kind in (
            ("relations", self.relation_weighting),
            ("objects", self.object_weighting),
        ):
            if kind != "none" and of in learned and of not in net.uncertain:
                key = "relation" if of == "relations" else "object"
                raise UserError(
                    f"loss.{key}_weighting={kind!r}: {name} does not tell how uncertain it is of "
                    f"{of}. Set it to 'none', or take net.name='tempura' with "
                    f"net.{key}_head='gmm'."
                )
        if self.contrastive != "none" and "objects" in learned and not net.tells_of_boxes:
            raise UserError(
                f"loss.contrastive={self.contrastive!r}: {name} has no features of boxes that are "
                "told apart. Set it to 'none', or take net.name='tempura'."
            )
        if self.gmm_regularization and not net.uncertain:
            raise UserError(
                f"loss.gmm_regularization={self.gmm_regularization}: {name} has no mixture as it "
                "is set. Set it to 0, or take net.name='tempura' with net.relation_head='gmm'."
            )

    def names(self, net: scene_net.SceneNet) -> tuple[str, ...]:
        """Of the terms beside those of the groups of predicates."""
        learns = net.learns_classes
        found = [OBJECTS] if learns else []
        if learns and self.contrastive != "none":
            found.append(CONTRASTIVE)
        if self.gmm_regularization and net.uncertain:
            found.append(VARIANCE)
        return tuple(found)

    def of_group(
        self, kind: str, logits: Array, truth: Array, told: Array, unsure: Mapping[str, Array]
    ) -> Array:
        """A group's loss.

        Args:
          kind: of the group, 'one' or 'several'.
          logits, truth: float and bool [B, F, Q, K].
          told: bool [B, F, Q], pairs that count.
          unsure: the group's part of the uncertainties, float32 [B, F, Q, K]; {} without any.
        """
        of = losses.cross_entropy if kind == "one" else OF_SEVERAL[self.of_several]
        values = of(logits, truth)
        weighed = _weighed(self.relation_weighting, values, told, unsure)
        return self.relation_factor * losses.mean_of_pairs(weighed, told)

    def of_boxes(self, outputs: Mapping[str, Array], labels: Array, real: Array) -> Array:
        """That of the classes of boxes; labels int and real bool [B, F, M]."""
        logits = outputs["object_logits"]
        right = jax.nn.one_hot(labels, logits.shape[-1], dtype=bool)
        values = losses.cross_entropy(logits, right)
        values = values * jnp.where(labels == 0, self.background, 1.0)
        unsure = relation_net.uncertainties(outputs, "object_")
        weighed = _weighed(self.object_weighting, values, real, unsure)
        return self.object_factor * losses.mean_of_pairs(weighed, real)

    def others(
        self, outputs: Mapping[str, Array], labels: Array, real: Array, told: Array
    ) -> dict[str, Array]:
        """Further terms, by name; as of `of_boxes` and `of_group`."""
        found = {}
        if self.contrastive != "none" and "object_remembered" in outputs:
            of = jax.vmap(contrastive.KINDS[self.contrastive])
            features = outputs["object_remembered"]
            flat = features.reshape(len(features), -1, features.shape[-1])
            value = of(flat, labels.reshape(len(labels), -1), real.reshape(len(real), -1))
            found[CONTRASTIVE] = self.contrastive_weight * value
        if self.gmm_regularization:
            pairs = {"aleatoric": told, "object_aleatoric": real}
            means = [
                losses.mean_of_pairs(outputs[name].mean(-1), valid)
                for name, valid in pairs.items()
                if name in outputs
            ]
            found[VARIANCE] = self.gmm_regularization * sum(means[1:], means[0])
        return found


def weights_by(unsure: Array, valid: Array) -> Array:
    """How much pairs or boxes count: 1, and more the more uncertain they are beside others.

    Args:
      unsure: float32 [B, F, Q, K], summed over classes.
      valid: bool [B, F, Q].

    Returns:
      float32 [B, F, Q], without a gradient: 1 and the softmax over the video.
    """
    total = jax.lax.stop_gradient(unsure.astype(jnp.float32)).sum(-1)
    flat = jnp.where(valid, total, -1e30).reshape(len(total), -1)
    return 1 + jax.nn.softmax(flat, axis=-1).reshape(total.shape)


def _weighed(kind: str, values: Array, valid: Array, unsure: Mapping[str, Array]) -> Array:
    if kind == "none" or not unsure:
        return values
    return values * weights_by(unsure[_UNCERTAIN[kind]], valid)
