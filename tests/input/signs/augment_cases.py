"""Settings and clips whose augmentation is recorded in augment_recorded.npz."""

import numpy as np

# name -> the section input.augment that is tried, the kind of clip, and whether it is normalised.
EVERYTHING = {
    "noise_std": 0.02, "noise_prob": 0.5, "mask_prob": 0.5, "mask_ratio": 0.2, "shift": 0.1,
    "scale": 0.2, "rotate": 15.0, "speed": 0.3, "point_dropout": 0.1, "flip": 0.5,
}  # fmt: skip
LANDMARKS = {
    "resample": 0.7, "resample_scale": (0.5, 1.5), "affine": 0.7, "scale": 0.2, "shift": 0.1,
    "rotate": 30.0, "shear": 0.15, "mask": 0.5, "mask_ratio": (0.2, 0.4), "mask_value": "nan",
    "distort": 0.4, "distort_step": 0.05, "cutout": 0.5, "cutout_size": (0.2, 0.4), "flip": 0.5,
}  # fmt: skip
JOINTS = {
    "joint_mask": 0.15, "time_mask": 0.7, "time_mask_frames": 5, "jitter": 2, "noise_std": 0.005,
    "time_scale": (0.7, 1.4),
}  # fmt: skip
CASES = {
    "keypoints": (EVERYTHING, "keypoints", False),
    "keypoints, normalised": (EVERYTHING, "keypoints", True),
    "traduttore": (
        {
            "noise_std": 0.02, "noise_prob": 0.5, "shift": 0.15, "scale": 0.2, "rotate": 10.0,
            "point_dropout": 0.1,
        },
        "keypoints",
        True,
    ),
    "noise without its probability": (
        {"noise_std": 0.02, "noise_prob": 0.0, "shift": 0.1, "mask_prob": 0.5},
        "keypoints",
        False,
    ),
    "features": (
        {"noise_std": 0.01, "mask_prob": 0.5, "mask_ratio": 0.1, "speed": 0.2},
        "features",
        False,
    ),
    "landmarks": ({"landmarks": LANDMARKS}, "points", False),
    "landmarks, upstream": (
        {"landmarks": {"resample": 0.3, "affine": 0.25, "mask": 0.2, "distort": 0.15}},
        "points",
        False,
    ),
    "landmarks, always": (
        {"landmarks": dict.fromkeys(("resample", "affine", "mask", "distort", "cutout"), 1.0)},
        "points",
        False,
    ),
    "landmarks, flip alone": ({"landmarks": {"flip": 0.5}}, "points", False),
    "joints": ({"joints": JOINTS}, "joints", False),
    "joints, few": ({"joints": {"time_mask": 0.1, "time_scale": (0.8, 1.25)}}, "joints", False),
}  # fmt: skip
SEEDS = range(3)
LONGEST = 11  # frames that joints may grow to


def clip(kind: str) -> np.ndarray:
    """A made-up clip: float32 [T, 156], [T, 24], [T, 8, 2] or [T, 6, 7]."""
    rng = np.random.default_rng(9)
    if kind == "keypoints":
        x = rng.uniform(0.1, 0.9, (9, 78, 2)).astype(np.float32)
        x[:, ::4] = 0
        x[:4, 25:46] = 0
        return x.reshape(9, 156)
    if kind == "features":
        return rng.standard_normal((9, 24)).astype(np.float32)
    if kind == "points":
        x = rng.uniform(0.2, 0.8, (9, 8, 2)).astype(np.float32)
        x[:, 2] = np.nan
        x[3:6, 4] = np.nan
        return x
    x = rng.uniform(0.1, 0.9, (9, 6, 7)).astype(np.float32)
    x[..., 6] = 1
    x[5:8, 3:] = 0
    return x
