"""What model:traduttore33 says of a made-up clip and of clips of its data's test split.

    python tests/infer/shipped_answers.py

writes shipped_answers.json anew, which another model needs; the data lie in ../shared.
"""

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent)]

import helpers  # noqa: E402

from jaxsign import api  # noqa: E402
from jaxsign.input.signs import clip as clips  # noqa: E402

MODEL = "model:traduttore33"
FILE = HERE / "shipped_answers.json"
_EVERY = 60  # of the test clips


def waving(frames=20):
    """A made-up signer whose right hand moves and opens."""
    landmarks = np.full((frames, clips.POINTS, 3), np.nan, np.float32)
    time, joint = np.linspace(0, 1, frames)[:, None], np.arange(21)
    place = np.arange(33)
    pose, hand = landmarks[:, clips.POSE], landmarks[:, clips.RIGHT_HAND]  # views
    pose[:] = np.stack([0.5 + 0.15 * np.sin(2.4 * place), 0.3 + 0.02 * place, 0 * place], -1)
    hand[..., 0] = 0.35 + 0.05 * np.sin(6 * time) + 0.012 * (joint // 4)
    hand[..., 1] = 0.6 - 0.02 * (joint % 4) * (0.4 + 0.6 * time)
    hand[..., 2] = 0
    return clips.Clip(landmarks, np.arange(frames) / 30.0, source="made up")


def of_test():
    """Some clips of the test split."""
    with np.load(data() / "sequences.npz") as held:
        rows = np.flatnonzero(held["split"] == 2)[::_EVERY]
        points = held["landmarks"][rows].astype(np.float32)
    found = np.full((*points.shape[:2], clips.POINTS, 3), np.nan, np.float32)
    found[:, :, np.r_[clips.POSE, clips.LEFT_HAND, clips.RIGHT_HAND]] = points
    return [clips.Clip(one, np.arange(len(one)) / 30.0, source="test") for one in found]


def data():
    """The folder of the model's data."""
    assert helpers.SHARED is not None
    return helpers.SHARED / "data" / "traduttore_keypoints"


def save_other_signer(folder):
    """The clips of another set of the two signs that both know, as its test split."""
    with np.load(data().with_name("signwish_keypoints") / "sequences.npz") as held:
        names = [str(held["classes"][label]) for label in held["label"]]
        kept = [i for i, name in enumerate(names) if name in ("hello", "thank you")]
        arrays = {name: held[name][kept] for name in ("landmarks", "pose_visibility")}
    folder.mkdir()
    np.savez(
        folder / "sequences.npz", **arrays, split=np.full(len(kept), 2, np.int8),
        label=np.array([names[i] != "hello" for i in kept], np.int16),
        classes=np.array(["hello", "thank-you"]),
    )  # fmt: skip
    return folder


def answers(model, asked):
    """The best name and all logits of every clip."""
    logits = model.embed(asked, "logits")
    best = [answer.line() for answer in model.predict(asked)]
    return {"best": best, "logits": [[round(float(one), 4) for one in row] for row in logits]}


if __name__ == "__main__":
    loaded = api.load(MODEL)
    found = {"waving": answers(loaded, [waving()]), "test": answers(loaded, of_test())}
    FILE.write_text(json.dumps(found) + "\n")
