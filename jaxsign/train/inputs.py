"""From a recipe and its sources to batches."""

import dataclasses
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError, listing
from jaxsign.input import batching, windows
from jaxsign.input.signs import augment, sources, views
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.sequence_labels import SequenceLabels, frames_needed

_FRAMES_A_SECOND = 30.0  # where neither the view nor the recipe tells


def prepared(source: Any, config: ConfigDict) -> Any:
    """The source as the recipe's task learns from it: its labels, and lengths behind the view.

    Raises:
      UserError: its labels are of another kind, or its arrays of another rate.
    """
    _check_rate(source, config)
    if tasks.learns_sequences(config):
        source = sources.label_sequences(source)
    else:
        source = sources.single_labels(source, config.task.heads)
    lengths = views.lengths(config, source)
    return source if lengths is None else dataclasses.replace(source, lengths=lengths)


def frame_rate(config: ConfigDict, source: Any = None) -> float:
    """Frames a second behind the view; `source` tells where the view keeps those of the data."""
    told = config.view.get("rate") or getattr(source, "rate", 0.0)
    return float(told or _FRAMES_A_SECOND)


def _check_rate(source: Any, config: ConfigDict) -> None:
    wanted, found = float(config.view.get("rate") or 0.0), getattr(source, "rate", 0.0)
    if wanted and found and wanted != found:
        raise UserError(
            f"{source.name}: its arrays have {found:g} frames a second, but view.rate={wanted:g}. "
            "Arrays are taken as they are: set view.rate to that, or read them as clips, of which "
            "the view makes new frames: --config.data.source=collection"
        )


def check_sequences(source: Any, config: ConfigDict, net: nets.Net) -> None:
    """Refuses clips whose labels the net cannot give.

    Raises:
      UserError: lists them: too few frames for CTC, or more labels than the decoder takes.
    """
    problems, per_output = [], net.frames_per_output
    most = net.longest_target
    for name, labels, frames in zip(source.ids, source.sequences, source.lengths, strict=True):
        kept = min(int(frames), config.input.max_length)
        outputs, needed = -(-kept // per_output), frames_needed(labels)
        if needed > outputs:
            problems.append(
                f"{name}: {len(labels)} glosses need {needed} frames of the net's output, but its "
                f"{kept} frames give {outputs}"
            )
        if kept < frames and len(labels) > 1:
            problems.append(
                f"{name}: its {frames} frames would be cut to {kept}, and its glosses would not: "
                "raise input.max_length"
            )
        if most and len(labels) >= most:
            problems.append(f"{name}: {len(labels)} glosses, the decoder takes {most - 1}")
    if problems:
        raise UserError(
            f"{source.name}: the net cannot learn these clips:\n{listing(problems)}\n"
            f"Correct or remove them, or take fewer frames to an output (net.patch_size="
            f"{per_output} now) or a higher rate (view.rate)."
        )


def _options(config: ConfigDict, source: Any, view: Any, net: Any) -> dict[str, Any]:
    """What training and evaluation batches share."""
    options = {
        "view": view,
        "batch_size": config.input.batch_size,
        "buckets": tuple(config.input.buckets),
        "max_length": config.input.max_length,
        "cache_mb": config.input.cache_mb,
        "workers": config.input.workers,
        "threads": config.input.threads,
        "prefetch": config.input.prefetch,
        "process_index": jax.process_index(),
        "process_count": jax.process_count(),
    }
    if tasks.learns_sequences(config):
        options["sequences"] = SequenceLabels(
            source.sequences, net.frames_per_output, source.lengths
        )
    return options


def _augmentation(config: ConfigDict, source: Any, view: Any) -> augment.Augmentation | None:
    """The changes of training clips that the recipe asks for, or None.

    Raises:
      UserError: it asks for several kinds, or for one that the view's output cannot have.
    """
    made = recipe.build(
        config.input.augment,
        normalised=config.view.get("normalise") == "shoulders",
        longest=config.input.max_length,
    )
    if made is not None:
        example = source.read(0)
        shape = np.shape(example if view is None else view(example))
        made.check(shape, f"{source.name} with this view")
    return made


def make_batches(config: ConfigDict, source: Any, view: Any, net: Any = None) -> Any:
    """Training batches of a source under `config.input`.

    Args:
      config: the stage's.
      source, view: of the run.
      net: that learns from them; needed for label sequences.

    Raises:
      UserError: an augmentation that the view's output cannot have.
    """
    changes = _augmentation(config, source, view)
    mirrored = None
    # The mirror image of keypoints is made of the features, that of landmarks by the view.
    if config.input.augment.landmarks.flip:
        mirrored = views.of_recipe(config, flip=True)
    window = None
    if config.input.windows.enabled:
        if not tasks.learns_sequences(config):
            raise UserError("input.windows.enabled is for nets that learn label sequences")
        cut = config.input.windows
        window = windows.sizes(cut.seconds, cut.overlap, frame_rate(config, source))
    return batching.TrainBatches(
        source,
        mirrored=mirrored,
        accumulation=config.optim.accumulation,
        seed=config.seed,
        augment=changes,
        window=window,
        **_options(config, source, view, net),
    )


def make_eval_batches(
    config: ConfigDict, source: Any, view: Any, net: Any = None, features: Any = None
) -> Any:
    """Evaluation batches of a source under `config.input`; `features`: memory to share."""
    options = _options(config, source, view, net)
    return batching.EvalBatches(source, features=features, **options)
