"""SignON: what is done to points, before and beside its nets."""

from parity.targets import signon_input

TARGETS = {
    "postprocess": signon_input.postprocess,
}
FILES = {
    "frame_indices.json": signon_input.fixed_length_frames,
    "impute_indices.json": signon_input.imputation_neighbours,
}
LEFT_OUT: dict[str, str] = {}
