"""SignON's checkpoints of VTN."""

from jaxsign.infer.torch.originals import _signon

FORM = _signon.SignonForm("vtn", "VTN", "signon:vtn", older=True, films=True)
