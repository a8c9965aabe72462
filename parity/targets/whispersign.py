"""WhisperSign: what is done to hands, before and beside its nets."""

from parity.targets import whispersign_augment, whispersign_input

TARGETS = {
    "GestureMasking": whispersign_augment.augmentation,
    "NoiseInjection": whispersign_augment.augmentation,
    "TemporalJitter": whispersign_augment.augmentation,
    "FeatureScaler": whispersign_input.preprocessing,
    "MovingAverageSmoothing": whispersign_input.preprocessing,
    "ScaleNormalizer": whispersign_input.normalisers,
    "SignLanguageDataset + collate_fn": whispersign_input.loaded_folder,
    "SpatialNormalizer": whispersign_input.normalisers,
    "compute_sequence_mask": whispersign_input.preprocessing,
    "create_sliding_windows": whispersign_input.preprocessing,
    "preprocess_sequence": whispersign_input.preprocessing,
    "resample_to_fixed_rate": whispersign_input.resampling,
}
FILES = {
    "temporal_jitter.json": whispersign_augment.jitter,
    "sliding_window.json": whispersign_input.window_places,
}
LEFT_OUT: dict[str, str] = {}
