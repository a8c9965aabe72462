"""ASL hybrid: the net, its blocks and preprocessing, and what surrounds them."""

from parity.targets import (
    asl_hybrid_augment,
    asl_hybrid_data,
    asl_hybrid_files,
    asl_hybrid_live,
    asl_hybrid_nets,
    asl_hybrid_split,
    asl_hybrid_train,
)

TARGETS = {
    "ASLModel": asl_hybrid_train.asl_model_case,
    "Augmentation": asl_hybrid_augment.augmentation,
    "BidirectionalLSTM": asl_hybrid_nets.block(asl_hybrid_nets.bidirectional_lstm),
    "Conv1DBlock": asl_hybrid_nets.block(asl_hybrid_nets.conv_block),
    "PreprocessingLayer": asl_hybrid_nets.preprocessing,
    "TemporalAttention": asl_hybrid_nets.block(asl_hybrid_nets.attention_block),
    "TemporalConvBlock": asl_hybrid_nets.block(asl_hybrid_nets.temporal_conv_block),
    "TransformerBlock": asl_hybrid_nets.block(asl_hybrid_nets.transformer_block),
    "collate_fn": asl_hybrid_augment.collate,
    "parquet to tensor (section 5)": asl_hybrid_data.parquet_tensors,
}
FILES = {
    "augment_resample_indices.json": asl_hybrid_augment.resample_indices,
    "checkpoint_*.pth": asl_hybrid_files.checkpoint,
    "live_window_indices.json": asl_hybrid_live.window_indices,
    "mini_islr_expected.json": asl_hybrid_data.data_set,
    "schedule_adaptive_dropout.json": asl_hybrid_files.adaptive_dropout,
    "schedule_drop_path.json": asl_hybrid_files.drop_path,
    "schedule_late_dropout.json": asl_hybrid_files.late_dropout,
    "schedule_lr_warm_restarts.json": asl_hybrid_files.learning_rates,
    "split_participants.json": asl_hybrid_split.participant_split,
}
LEFT_OUT: dict[str, str] = {}
