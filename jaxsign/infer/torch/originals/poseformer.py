"""SignON's checkpoints of PoseFormer."""

from jaxsign.infer.torch.originals import _signon

FORM = _signon.SignonForm("poseformer", "PoseFormer", "signon", older=False)
