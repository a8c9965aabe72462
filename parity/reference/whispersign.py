"""WhisperSign's torch references; what is done to hands before its net is numpy in the original."""

from typing import Any

_NUMPY = "plain numpy in the original, nothing for torch to do"

TARGETS: dict[str, Any] = {}
LEFT_OUT = {
    "SignLanguageDataset + collate_fn": _NUMPY,
    "SpatialNormalizer, ScaleNormalizer": _NUMPY,
    "create_sliding_windows, preprocess_sequence, compute_sequence_mask, MovingAverageSmoothing, "
    "FeatureScaler": _NUMPY,
    "resample_to_fixed_rate": _NUMPY,
}
