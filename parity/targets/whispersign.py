"""WhisperSign: what is done to hands, before and beside its nets."""

from parity.targets import (
    whispersign_augment,
    whispersign_decoding,
    whispersign_input,
    whispersign_loss,
    whispersign_nets,
    whispersign_prepare,
    whispersign_stream,
    whispersign_train,
)

TARGETS = {
    "AttentionDecoder": whispersign_nets.decoder,
    "CTCDecoder": whispersign_nets.ctc_head,
    "RelativePositionalEncoding": whispersign_nets.relative_positions,
    "SignLanguageFrontend": whispersign_nets.frontend,
    "SpatioTemporalBlock": whispersign_nets.encoder_layer,
    "SpatioTemporalEncoder": whispersign_nets.encoder,
    "HybridCTCAttentionLoss": whispersign_loss.hybrid_loss,
    "WhisperSignModel": whispersign_train.model_case,
    "WhisperSignTrainer": whispersign_train.trainer,
    "selective Whisper import (section 3)": whispersign_nets.whisper_import,
    "CTC prefix beam search (section 8.1)": whispersign_decoding.beam_search,
    "CTCDecoder.greedy_decode": whispersign_decoding.greedy_decoding,
    "two-pass decoding (section 8.2)": whispersign_decoding.two_pass,
    "prepare_from_huggingface": whispersign_prepare.keypoints,
    "LeapMotionAdapter": whispersign_prepare.leap_motion_adapter,
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
    "splits.json": whispersign_prepare.splits,
    "prepare_video_sources.json": whispersign_prepare.video_sources,
    "scheduler.json": whispersign_train.learning_rates,
    "temporal_jitter.json": whispersign_augment.jitter,
    "sliding_window.json": whispersign_stream.sliding_window,
}
LEFT_OUT: dict[str, str] = {}
# The case wants decoded ids ("output/decode") exact; this name only begins alike: it holds sums of
# products, and gets the case's default.
TOLERANCES = {"whisper_import": {"output/decoder_after_final_norm": [0, 2e-5]}}
