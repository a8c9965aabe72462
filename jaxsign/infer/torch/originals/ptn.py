"""SignON's checkpoints of PTN."""

from jaxsign.infer.torch.originals import _signon

FORM = _signon.SignonForm("ptn", "PTN", "signon:ptn", older=True)
