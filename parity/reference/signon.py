"""SignON's torch references; what is done to points before a net is numpy in the original."""

from typing import Any

TARGETS: dict[str, Any] = {}
_NO_NET = "a function of arrays without a net: nothing for a reference to do"
LEFT_OUT = {
    "postprocess": "plain numpy in the original, nothing for torch to do",
    "augmentations and evaluation transform of generation A (section 3.5)": _NO_NET,
    "augmentations of generation B (section 3.5)": _NO_NET,
    "collate_fn of generation A (section 3.4)": _NO_NET,
    "collate_fn of generation B (section 3.4)": _NO_NET,
    "RGB evaluation transform (section 3.6)": _NO_NET,
}
