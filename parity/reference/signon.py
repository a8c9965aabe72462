"""SignON's torch references; what is done to points before a net is numpy in the original."""

from typing import Any

TARGETS: dict[str, Any] = {}
LEFT_OUT = {"postprocess": "plain numpy in the original, nothing for torch to do"}
