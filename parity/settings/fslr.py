"""FSLR's settings: the losses of recorded passes, masks, and runs of the training loop."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from parity import cases, entries, settings

Arrays = dict[str, np.ndarray]
BACKBONE = "feat_extractor."
_BACKBONE_ONLY = "feat_extractor (backbone only)"
_LOSS = r"(?P<gloss>[\d.]+)\*CE\(gloss\)\+(?P<cat>[\d.]+)\*CE\(cat\), mean reduction, eval mode"
_TARGETS = "(, targets input/gloss and input/cat)?"
_LOG = (
    "epoch,train_loss,val_loss,val_gloss_acc,val_cat_acc,lr,"
    "epoch_time,gpu_memory_allocated,gpu_memory_reserved"
)
_BATCHES = (
    "input/trainI/*, input/valI/* in order every epoch; mask = arange(T) < length",
    "input/trainI/*, input/valI/* in order every epoch",
)


@dataclasses.dataclass(frozen=True)
class Run:
    """What shapes a run; names and defaults of the original's flags."""

    epochs: int = 20
    lr: float = 1e-4
    alpha: float = 0.5
    beta: float = 0.5
    weight_decay: float = 0.0
    grad_clip: float | None = None
    accumulation: int = 1
    scheduler: str | None = None
    scheduler_patience: int = 5
    warmup_epochs: int = 5
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    loss: str = "ce"
    loss_options: Mapping[str, float] = dataclasses.field(default_factory=dict)


def run(case: cases.Case) -> Run:
    """The settings of a recorded run."""
    call = case.call
    call.one_of("optimizer", "Adam")
    call.one_of("weight_decay_kind", "L2, added to the gradient")
    call.one_of("amp", False)
    call.one_of("shuffle", False)
    call.one_of("batches", *_BATCHES)
    names = ("epochs", "lr", "alpha", "beta", "weight_decay", "grad_clip")
    rates = ("scheduler_patience", "warmup_epochs")
    theirs = {"accumulation": "gradient_accumulation_steps", "scheduler": "scheduler_type"}
    given = call.given(*names, *rates, **theirs, loss="loss_type")
    found = Run(**given, **settings.adam(call))
    _check_log(call, found, len(case.inputs["train0/x"]))
    return found


def _check_log(call: entries.Entries, run: Run, batch: int) -> None:
    """The head of the original's log says the same as the settings."""
    call.one_of("csv_header", _LOG.split(","))
    first = f"# Training Configuration: epochs={run.epochs}, batch_size={batch}"
    numbers = {
        "Learning Rate": run.lr,
        "Weight Decay": run.weight_decay,
        "Alpha": run.alpha,
        "Beta": run.beta,
    }
    second = "# " + ", ".join(f"{name}: {value}" for name, value in numbers.items())
    call.one_of("csv_preamble", [[first], [second]])


def batches(case: cases.Case, prefix: str) -> list[Arrays]:
    """The inputs `train0/x`, ... -> the batches called `train0`, `train1`, ... in order."""
    names = {name.partition("/")[0] for name in case.inputs if name.startswith(prefix)}
    return [case.under(f"input/{prefix}{i}/") for i in range(len(names))]


def after(case: cases.Case, state: Mapping[str, np.ndarray]) -> Arrays:
    """The state after a run under the case's names, without what `call.absent_after` leaves out."""
    absent = tuple(case.call.get("absent_after", ()))
    return {f"after/{key}": value for key, value in state.items() if not key.startswith(absent)}


def loss_weights(call: entries.Entries) -> tuple[float, float] | None:
    """Weights of the cross entropies of gloss and category; None where no loss was recorded."""
    found = call.match("loss", _LOSS + _TARGETS)
    return found and (float(found["gloss"]), float(found["cat"]))


def mask(case: cases.Case) -> np.ndarray | None:
    """The mask [B, T] of a pass of SignTransformer, which is what `call` says of it."""
    found = case.inputs.get("mask")
    case.call.one_of("mask", None if found is None else str(found.dtype))
    if found is None:
        return None
    case.call.one_of("lengths", (found != 0).sum(1).tolist())
    case.call.one_of("nan_attn_rows", np.flatnonzero(~found.any(1)).tolist())
    return found


@dataclasses.dataclass(frozen=True)
class Frames:
    """A pass of InceptionV3GRU.

    Attributes:
      x: features [B, T, 2048], or frames [B, T, 3, H, W]; [N, 3, H, W] for the backbone alone.
      lengths: int [B]; None = all frames.
      features_already: what `x` is.
      backbone_only: whether only the backbone runs.
      transform_input: whether the backbone maps its images back to [-1, 1] first.
    """

    x: np.ndarray
    lengths: np.ndarray | None
    features_already: bool
    backbone_only: bool
    transform_input: bool


def frames(case: cases.Case) -> Frames:
    """What a case of InceptionV3GRU passes through it."""
    call, inputs = case.call, case.inputs
    already = call.get("features_already", False)
    lengths = call.one_of("lengths", "input/lengths" if "lengths" in inputs else None)
    # torchvision sets this with its published weights, which no case has.
    published = case.args.one_of("pretrained_backbone", True, False)
    return Frames(
        inputs["feats" if already else "frames"],
        None if lengths is None else inputs["lengths"],
        already,
        call.one_of("method", None, _BACKBONE_ONLY) is not None,
        call.get("transform_input", published),
    )


def check_heads(case: cases.Case, state: Callable[[], Mapping[str, np.ndarray]]) -> None:
    """The recipe's entries apart from the backbone have the case's own checksum."""
    if "weights_crc32_heads" in case.call:
        heads = (v for k, v in state().items() if not k.startswith(BACKBONE))
        case.call.one_of("weights_crc32_heads", cases.crc32(heads))


def check_shapes(call: entries.Entries, shapes: Mapping[str, list[int]]) -> None:
    """The activations of the backbone's stages have the shapes that the case tells."""
    wanted = call.section("act_shapes")
    for stage in wanted:
        wanted.one_of(stage, shapes.get(stage))


def conv_unit(call: entries.Entries) -> None:
    """What a case of BasicConv2d says of itself."""
    call.one_of("layout", "NCHW")
    call.one_of("steps", "one forward in train mode, no optimizer step")
