"""Weights of EASG's baseline of plain layers; its script saves none, so any wrapping will do."""

from typing import ClassVar

from jaxsign.infer.torch.originals import TorchFile, easg
from jaxsign.nets import action_net


class LayersForm(easg.ActionForm):
    """As EASG-STTran's, without attention; it learns verbs and objects in every mode."""

    modes: ClassVar[tuple[str, ...]] = (*reversed(action_net.MODES), "predcls")
    recipe = "easg:fc"

    def n_heads(self, file: TorchFile) -> None:
        return None


FORM = LayersForm("easg_fc")
