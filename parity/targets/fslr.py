"""FSLR: SignTransformer, InceptionV3GRU and what surrounds them."""

from parity.targets import fslr_files, fslr_input, fslr_nets, fslr_split, fslr_train

TARGETS = {
    "BasicConv2d": fslr_nets.conv_unit,
    "CrossEntropyLoss": fslr_nets.loss_functions,
    "FocalLoss": fslr_nets.loss_functions,
    "InceptionV3GRU": fslr_nets.gru_forward,
    "LabelSmoothingCrossEntropy": fslr_nets.loss_functions,
    "SignTransformer": fslr_train.sign_transformer_case,
    "compute_occlusion_detection": fslr_input.occlusion_detection,
    "interpolate_gaps": fslr_input.interpolate_gaps,
}
FILES = {
    "checkpoints": fslr_files.checkpoint_import_and_export,
    "data_split.json": fslr_split.data_split,
    "occlusion.json": fslr_input.occlusion_report,
    "prediction_json.json": fslr_files.prediction_results,
    "schedules.json": fslr_files.schedules_and_weightings,
    "state_dict_*.json": fslr_files.state_dict_layout,
    "validate_npz": fslr_input.validator_messages,
    "validation_metrics.json": fslr_files.evaluation_metrics,
}
LEFT_OUT: dict[str, str] = {}
