"""A run -> a torch checkpoint that the original system loads."""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import config as configs
from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.torch import importing, originals
from jaxsign.nets import state_dict as torch_map
from jaxsign.whole import whole

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
      path: the torch file.
      keys: how many arrays its state_dict has.
      epoch, best_metric: as stored in it.
      notes: what the reader should know, one sentence each.
      metric_name: what the metric is.
    """

    path: Path
    keys: int
    epoch: int
    best_metric: float
    notes: tuple[str, ...]
    metric_name: str = "best metric"


def export_checkpoint(
    workdir: str | Path,
    out: str | Path,
    *,
    which: str = "best",
    backbone_weights: str | Path | None = None,
    heads_only: bool = False,
) -> Exported:
    """Writes a run's weights as the original's training script saves them.

    The file holds `epoch`, `model` (the original's state_dict keys in their order),
    `best_metric`, and None for `args`, `optimizer`, `scaler` and `scheduler`; or what the net's own
    system writes (`jaxsign.infer.torch.originals`), with the files that lie beside its checkpoints.

    Args:
      workdir: the run folder.
      out: the .pt file to write; must not exist.
      which: 'best' or 'last'.
      backbone_weights: torchvision file, for a net whose run does not hold its image backbone.
      heads_only: leave the image backbone out.

    Raises:
      UserError: `out` exists, torch is absent, or the backbone is needed and not there.
    """
    out = Path(out)
    if out.exists():
        raise UserError(f"{out} already exists. Choose another name, or move it away.")
    torch = torch_map.import_torch("to write a torch checkpoint")
    run = runs.load_run(workdir, which)
    notes: list[str] = []
    weights = _state_dict(run, backbone_weights, heads_only, notes)
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in weights.items()}
    form = originals.find(run.config.net.name)
    content = form.checkpoint(run, tensors)
    try:
        with whole(out) as draft:
            # Opened here: torch itself takes a \ in a name for a folder.
            with draft.open("wb") as file:
                torch.save(content, file)
            beside = form.beside(run, out)  # before `out` stands, which nobody exports again
    except (OSError, RuntimeError) as error:  # the latter: torch's own words for a full disk
        raise UserError(f"{out}: cannot be written ({_reason(error, out)})") from error
    notes += form.notes(run)
    notes += _of_view(run, form, content)
    notes += [f"beside it: {path.name}" for path in beside]
    epoch = int(run.info.get("epoch") or 0)
    metric = content.get(form.metric, originals.metric(run))
    return Exported(out, len(weights), epoch, metric, tuple(notes), form.metric)


def _of_view(run: runs.Run, form: originals.Form, content: Mapping[str, Any]) -> list[str]:
    """What a file's reader must know of the run's view, which the originals do not have."""
    first = configs.load(importing.recipe_of(form, run.config.net.name)).view
    own = run.config.view
    others = [f"view.{k}={own[k]!r}" for k in own if k not in first or own[k] != first[k]]
    if not others:
        return []
    kept = "`jaxsign import` restores it" if "jaxsign" in content else "tell `jaxsign import` of it"
    return [f"the original's program knows no {', '.join(others)}; {kept}"]


def _reason(error: OSError | RuntimeError, out: Path) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    free = shutil.disk_usage(out.parent).free / 1e6
    return f"{reading.quoted(str(error))}; {free:.0f} MB are free on its disk"


def _state_dict(
    run: runs.Run, backbone_weights: str | Path | None, heads_only: bool, notes: list[str]
) -> dict[str, Array]:
    table = run.net.key_table()
    inside = [row for part in run.net.optional_parts for row in part.rows(table)]
    if not inside:
        if heads_only or backbone_weights:
            raise UserError(
                f"the net {run.config.net.name} has no image backbone; leave --backbone-weights "
                "and --heads-only out"
            )
        return torch_map.to_state_dict(table, run.variables)
    if heads_only:
        table = [row for row in table if row not in inside]
        notes.append("without the image backbone: the original loads it with strict=False only")
        return torch_map.to_state_dict(table, run.variables)
    if run.takes_frames:
        if backbone_weights:
            notes.append(f"{backbone_weights} was not used: the run holds its own image backbone")
        return torch_map.to_state_dict(table, run.variables)
    return _with_backbone(run, table, inside, backbone_weights, notes)


def _with_backbone(
    run: runs.Run,
    table: list[torch_map.KeyEntry],
    inside: list[torch_map.KeyEntry],
    path: str | Path | None,
    notes: list[str],
) -> dict[str, Array]:
    """The full layout, its backbone from a torchvision file."""
    if not path:
        raise UserError(
            f"{run.workdir} does not hold the image backbone, which the original's checkpoint has. "
            f"Give {run.net.optional_parts[0].source} with --backbone-weights FILE, or leave the "
            "backbone out with --heads-only."
        )
    variables = run.net.optional_parts[0].joined(run.variables, path)
    weights = torch_map.to_state_dict(table, variables)
    imported = run.manifest.imported
    if imported is not None and (known := imported.backbone_sha256):
        keys = [entry.key for entry in inside]
        same = importing.digest({key: weights[key] for key in keys}) == known
        notes.append(
            f"{path} is {'' if same else 'NOT '}the image backbone of the checkpoint that this "
            "run was imported from"
        )
    return weights
