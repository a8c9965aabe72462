"""Weights of EASG's baseline of plain layers; its script saves none, so any wrapping will do."""

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxsign.infer.torch.originals import easg
from jaxsign.nets import action_net


class LayersForm(easg.ActionForm):
    """As EASG-STTran's, without attention; it learns verbs and objects in every mode."""

    modes: ClassVar[tuple[str, ...]] = (*reversed(action_net.MODES), "predcls")
    recipe = "easg:fc"

    def n_heads(self, extras: Mapping[str, Any]) -> None:
        return None


FORM = LayersForm("easg_fc")
