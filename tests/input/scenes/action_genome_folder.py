"""A small folder as Action Genome's, written by code."""

import pickle

import numpy as np

PERSON = np.array([[2.0, 3.0, 20.0, 40.0]], np.float32)


def an_object(name="bag", box=(5.0, 6.0, 30.0, 20.0), split="train", **changed):
    return {
        "class": name,
        "bbox": box,
        "visible": box is not None,
        "attention_relationship": ["looking_at"],
        "spatial_relationship": ["in_front_of", "above"],
        "contacting_relationship": ["holding"],
        "metadata": {"set": split, "tag": ""},
    } | changed


def a_person(box=PERSON):
    return {
        "bbox": box,
        "bbox_score": np.ones(len(box)),
        "bbox_size": (64, 48),
        "bbox_mode": "xyxy",
    }


def write(folder, persons, objects, name="object_bbox_and_relationship.pkl"):
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for file, value in (("person_bbox.pkl", persons), (name, objects)):
        (folder / "annotations" / file).write_bytes(pickle.dumps(value, 4))
    return folder


def of_frames(folder, entries, **more):
    """A folder of frames: key -> objects; a person in each."""
    return write(folder, {key: a_person() for key in entries}, entries, **more)
