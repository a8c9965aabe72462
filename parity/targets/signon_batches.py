"""SignON's batches of both generations, made of the bucketed ones."""

import numpy as np

from jaxsign.input import batching
from jaxsign.input.examples import Batch
from jaxsign.input.signs import signon_batches
from jaxsign.input.signs.clip_source import Source
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks.classes.examples import ClassExamples
from parity import cases

Arrays = dict[str, np.ndarray]
_KINDS = {
    "var": signon_batches.VariableLengthBatch,
    "inf": signon_batches.InferenceBatch,
    "fixed": signon_batches.FixedLengthBatch,
}


def generation_a(case: cases.Case) -> Arrays:
    """Zero-padded clips, the same as asked about, and the first two frames of each."""
    names, labels = case.call["filenames"], case.inputs["labels"]
    clips = _clips(case, "clip")
    var = _batch(names, clips, labels)
    inf = _asked(names, clips)
    fixed = _fixed(names, [clip[:2] for clip in clips], labels)
    classes = case.call["classes"]
    for name, batch in (("var", var), ("inf", inf), ("fixed", fixed)):
        assert type(batch) is _KINDS[name] and classes[name] == type(batch).__name__
        assert batch.filenames == names
    return {
        **_produced("var", var, var.targets),
        "output/var_lengths": var.lengths,
        "output/var_mask": var.mask,
        **_produced("inf", inf),
        "output/inf_lengths": inf.lengths,
        **_produced("fixed", fixed, fixed.targets),
    }


def generation_b(case: cases.Case) -> Arrays:
    """NaN-padded clips with their languages, the same as asked about, and pictures.

    Clips of points of one length raise in the original, and are a `FixedLengthBatch` here.
    """
    names, languages = case.call["filenames"], case.call["language_ids"]
    assert "RuntimeError" in case.call["fixed_length_on_keypoints"]
    clips, labels = _clips(case, "clip"), np.array(case.call["labels"])
    var = _batch(names, clips, labels, languages, padding=np.nan)
    points = _fixed(names, [clip[:2] for clip in clips], labels, languages)
    assert len(points.inputs) == 2
    inf = _asked(names, clips, languages)
    images = _fixed(names, _clips(case, "img"), np.arange(3))
    return {
        **_produced("var", var, var.targets),
        "output/var_language_ids": var.language_ids,
        **_produced("inf", inf, np.zeros(len(names), np.int64)),
        "output/inf_language_ids": inf.language_ids,
        "output/inf_lengths": inf.lengths,
        **_produced("img", images, images.targets),
        "output/img_language_ids": images.language_ids,
    }


def _clips(case: cases.Case, name: str) -> list[np.ndarray]:
    return [case.inputs[f"{name}{i}"] for i in range(3)]


def _source(
    names: list[str], clips: list[np.ndarray], labels: np.ndarray, languages: list[int] | None
) -> Source:
    return Source(
        "golden",
        names,
        np.array([len(clip) for clip in clips], np.int32),
        {"gloss": labels.astype(np.int32)},
        clips.__getitem__,
        languages=None if languages is None else np.array(languages, np.int32),
    )


def _batch(
    names: list[str],
    clips: list[np.ndarray],
    labels: np.ndarray,
    languages: list[int] | None = None,
    padding: float = 0.0,
) -> signon_batches.VariableLengthBatch:
    made = _made(_source(names, clips, labels, languages))
    return signon_batches.of_batch(made, names, padding=padding)


def _fixed(
    names: list[str],
    clips: list[np.ndarray],
    labels: np.ndarray,
    languages: list[int] | None = None,
) -> signon_batches.FixedLengthBatch:
    made = _made(_source(names, clips, labels, languages))
    return signon_batches.of_batch(made, names, fixed=True)


def _made(source: Source) -> Batch:
    options = batching.BatchOptions(4, buckets=(8,))  # a row and frames more than there are
    (batch,) = batching.EvalBatches(ClassExamples(source, Treatment()), options)
    return batch


def _asked(
    names: list[str], clips: list[np.ndarray], languages: list[int] | None = None
) -> signon_batches.InferenceBatch:
    source = _source(names, clips, np.zeros(len(clips)), languages)
    (batch,) = signon_batches.InferenceDataset(source).batches()
    return batch


def _produced(
    name: str, batch: signon_batches.SignonBatch, targets: np.ndarray | None = None
) -> Arrays:
    found = {f"output/{name}_inputs": batch.inputs}
    return found if targets is None else {**found, f"output/{name}_targets": targets}
