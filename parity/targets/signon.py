"""SignON: its nets, and what is done to points before and beside them."""

from parity.targets import (
    signon_augment,
    signon_batches,
    signon_corpora,
    signon_files,
    signon_films,
    signon_input,
    signon_metrics,
    signon_nets,
    signon_train,
)

TARGETS = {
    "PTN": signon_train.ptn_case,
    "PoseFormer": signon_train.poseformer_case,
    "PositionalEncoding": signon_nets.positional_encoding,
    "VTN": signon_nets.vtn_case,
    "postprocess": signon_input.postprocess,
    "predict": signon_nets.predict,
    "augmentations and evaluation transform of generation A (section 3.5)": (
        signon_augment.generation_a
    ),
    "augmentations of generation B (section 3.5)": signon_augment.generation_b,
    "collate_fn of generation A (section 3.4)": signon_batches.generation_a,
    "collate_fn of generation B (section 3.4)": signon_batches.generation_b,
    "RGB evaluation transform (section 3.6)": signon_films.evaluation,
}
FILES = {
    "frame_indices.json": signon_input.fixed_length_frames,
    "impute_indices.json": signon_input.imputation_neighbours,
    "metrics.json": signon_metrics.epoch,
    "split_*_out.csv": signon_corpora.participant_split,
    "gloss_rules.json": signon_corpora.gloss_rules,
    "lightning_*.ckpt": signon_files.checkpoint,
    "e2e": signon_files.answers,
}
LEFT_OUT: dict[str, str] = {}
