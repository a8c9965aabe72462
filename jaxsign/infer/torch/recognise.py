"""What a torch checkpoint tells about itself: which net, which sizes, what of it to keep."""

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import state_dict as torch_map
from jaxsign.tasks import manifests

Array = np.ndarray


def net_name(weights: Mapping[str, Array], path: str | Path) -> str:
    """The name of the net that these torch keys belong to.

    Raises:
      UserError: none of the nets.
    """
    for name in nets.names():
        if nets.get(name).matches(weights):
            return name
    raise UserError(
        f"{path}: these keys belong to no net that jaxsign knows ({', '.join(nets.names())}). The "
        f"file holds {len(weights)} keys, the first: {', '.join(list(weights)[:5])}."
    )


def fields(
    name: str,
    weights: Mapping[str, Array],
    given: Mapping[str, Any],
    path: Path,
    notes: list[str],
) -> dict[str, Any]:
    """Constructor fields of the net `name`: those that the shapes tell, and those `given`.

    Args:
      name: the net.
      weights: torch keys and arrays.
      given: values for fields that a checkpoint does not store; None = the net's default, which
        is then noted as assumed.
      path: the file, for messages.
      notes: gets a sentence for every assumption.

    Raises:
      UserError: the keys are not this net's, or a field that it does not have.
    """
    net = nets.get(name)
    try:
        found = net.fields_from_state_dict(weights)
    except (KeyError, ValueError, IndexError) as error:
        raise UserError(
            f"{path}: not a checkpoint of the net {name}: {error} is missing or misshaped"
        ) from error
    known = net.__dataclass_fields__
    for field, value in given.items():
        if value is not None and field not in known:
            raise UserError(f"the net {name} has no {field}; leave that option out")
        if field in known:
            found[field] = known[field].default if value is None else value
            if value is None:
                notes.append(f"assumed {field}={found[field]}: a checkpoint does not store it")
    heads, width = found.get("n_heads"), found.get("emb_dim")
    if heads is not None and width and (heads < 1 or width % heads):
        raise UserError(f"{path}: n_heads={heads} does not divide emb_dim={width}. Give --n-heads.")
    return found


def as_float32(weights: Mapping[str, Array], notes: list[str]) -> dict[str, Array]:
    """The weights with every floating type made float32; notes it where that changes them.

    Numbers that are none are noted too: a checkpoint of a training that went wrong.
    """
    broken = [k for k, v in weights.items() if v.dtype.kind == "f" and not np.isfinite(v).all()]
    if broken:
        notes.append(f"warning: NaN or infinite weights in {len(broken)} arrays, as {broken[0]}")
    other = sorted({str(v.dtype) for v in weights.values() if v.dtype.kind == "f"} - {"float32"})
    if other:
        notes.append(f"weights stored as {', '.join(other)} became float32")
    return {
        key: value.astype(np.float32) if value.dtype.kind == "f" else value
        for key, value in weights.items()
    }


def split_table(
    net: nets.Net,
    weights: Mapping[str, Array],
    extras: Mapping[str, Any],
    with_backbone: bool | None,
    notes: list[str],
) -> tuple[list[torch_map.KeyEntry], dict[str, Array]]:
    """The key table to read with, and the backbone's weights that are left out.

    Args:
      net: of the checkpoint.
      weights: torch keys and arrays.
      extras: the rest of the checkpoint; its optimizer tells whether the backbone was trained.
      with_backbone: keep it; None = only if it was trained.
      notes: gets a sentence on what was decided.

    Raises:
      UserError: a backbone is asked for and the net has none.
    """
    table = net.key_table()
    inside = [row for part in net.optional_parts for row in part.rows(table)]
    if not inside:
        if with_backbone:
            name = nets.name_of(type(net))
            raise UserError(f"the net {name} has no image backbone; leave --with-backbone out")
        return table, {}
    rest = [row for row in table if row not in inside]
    stored = {entry.key: weights[entry.key] for entry in inside if entry.key in weights}
    if not stored:
        notes.append("the file holds no image backbone: the run takes stored features only")
        return rest, {}
    if with_backbone is None and _was_trained(inside, extras):
        notes.append("kept the image backbone: the checkpoint's optimizer has trained it")
        return table, {}
    if with_backbone:
        return table, {}
    notes.append(
        f"left out the image backbone ({len(stored)} arrays), which was frozen: the run takes "
        "stored features only (--with-backbone keeps it)"
    )
    return rest, stored


def _was_trained(inside: Sequence[torch_map.KeyEntry], extras: Mapping[str, Any]) -> bool:
    """True if Adam holds moments of a backbone parameter: it follows the order of parameters."""
    optimizer = extras.get("optimizer")
    state = optimizer.get("state", {}) if isinstance(optimizer, Mapping) else {}
    count = sum(entry.path[0] == "params" for entry in inside)
    return any(isinstance(index, int) and index < count for index in state)


def epoch(extras: Mapping[str, Any]) -> int | None:
    """The epoch that a checkpoint tells, counted from 1; None where it does not."""
    found = number(extras.get("epoch"), int)
    found = None if found is not None and found < 0 else found
    # These forms count from 0.
    from_0 = "val_acc" in extras or is_lightning(extras)
    return found + 1 if found is not None and from_0 else found


def is_lightning(extras: Mapping[str, Any]) -> bool:
    """Whether PyTorch Lightning wrote a checkpoint."""
    return "pytorch-lightning_version" in extras


def _remembered(extras: Mapping[str, Any]) -> Any:
    """The best accuracy that Lightning's callbacks remember; None where there is none."""
    callbacks = extras.get("callbacks")
    for state in callbacks.values() if isinstance(callbacks, Mapping) else ():
        if isinstance(state, Mapping) and state.get("monitor") == "val_accuracy":
            return state.get("best_model_score")
    return None


def metric(extras: Mapping[str, Any]) -> float | None:
    """The metric that a checkpoint tells: a share of right answers, or else its `loss`.

    None where it tells neither, or no finite number.
    """
    if "best_metric" not in extras and "val_acc" in extras:
        percent = number(extras["val_acc"], float)
        return None if percent is None else percent / 100
    if is_lightning(extras):
        return number(_remembered(extras), float)
    return number(extras.get("best_metric", extras.get("loss")), float)


def told(extras: Mapping[str, Any]) -> dict[str, Any]:
    """What else a checkpoint says of its training, as far as it is plain values."""
    found: dict[str, Any] = {}
    for key in manifests.KEPT:
        with contextlib.suppress(TypeError, ValueError):  # tensors, NaN: not for a JSON file
            json.dumps(extras.get(key), allow_nan=False)
            found[key] = extras.get(key)
    return {key: value for key, value in found.items() if value is not None}


def number(value: Any, kind: type) -> Any:
    """`value` as int or float, or None if it is no number that fits 32 bits, or 64."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    most = 2**31 if kind is int else sys.float_info.max
    if not isinstance(value, int | float) or not abs(value) <= most:
        return None
    return kind(value)
