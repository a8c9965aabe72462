"""What cases say in `args` and `call`, with the originals' defaults: for jaxsign and references.

Entries that only describe what was done are held against what both sides do.
"""

from typing import Any

from parity import entries


def adam(call: entries.Entries) -> dict[str, Any]:
    """`betas` and `eps` of an optimizer, those that are there."""
    found = call.given("betas", "eps")
    return found | ({"betas": tuple(found["betas"])} if "betas" in found else {})
