"""STKET's checkpoints."""

from jaxsign.infer.torch.originals import _scenes

FORM = _scenes.SceneForm("stket")
