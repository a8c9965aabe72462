"""A small Action Genome: the videos that the original makes of it, its first tensor, its priors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input.scenes import action_genome, pictures, priors
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from parity import targets

Arrays = dict[str, np.ndarray]
_SPLITS: tuple[action_genome.Split, ...] = ("train", "test")


def videos(path: Path) -> targets.FileCheck:
    """Frames, boxes, classes and relations of every video; the image tensor; STKET's priors."""
    recorded = json.loads((path / "expected.json").read_text(encoding="utf-8"))
    expected, produced = Arrays(), Arrays()
    for split in _SPLITS:
        scenes = action_genome.read(path, action_genome.Options(split)).scenes
        expected[f"{split}/videos"] = np.asarray(len(recorded[split]))
        produced[f"{split}/videos"] = np.asarray(len(scenes))
        for number, video in enumerate(recorded[split]):
            expected |= _named(f"{split}/{number}", _recorded(video))
        for number, scene in enumerate(scenes):
            produced |= _named(f"{split}/{number}", _read(scene))
    check = recorded["image_check"]
    scene = action_genome.read(path, action_genome.Options("train")).scenes[check["video"]]
    found = pictures.detector_input([path / "frames" / name for name in scene.frames])
    expected |= _named("images", _recorded_tensor(check))
    produced |= _named("images", _tensor(found, check["samples"]))
    scenes = action_genome.read(path, action_genome.Options("train")).scenes
    told = priors.of_scenes(scenes, ACTION_GENOME)
    for label, row in recorded["train_prior"].items():
        expected |= _named(f"prior/{label}", _recorded_prior(row))
        produced |= _named(f"prior/{label}", _prior(told, int(label)))
    return targets.FileCheck(expected, produced, {"images/": [1e-5, 1e-4]})


def _named(place: str, arrays: Arrays) -> Arrays:
    return {f"{place}/{name}": array for name, array in arrays.items()}


def _recorded(video: Mapping[str, Any]) -> Arrays:
    entries = [one for frame in video["annotations"] for one in frame]
    objects = [one for one in entries if "cls" in one]
    told = np.zeros((len(objects), len(ACTION_GENOME.predicates)), bool)
    for row, one in zip(told, objects, strict=True):
        for group, part in zip(ACTION_GENOME.groups, ACTION_GENOME.parts, strict=True):
            row[part.start + np.asarray(one[group.name])] = True
    boxes = [one["bbox"] if "cls" in one else one["person_bbox"][0] for one in entries]
    return {
        "frames": np.asarray(video["frames"]),
        "size": np.asarray(video["size"]),
        "boxes": np.asarray(boxes, np.float32),
        "classes": np.asarray([one["cls"] for one in objects]),
        "relations": told,
    }


def _read(scene: Scene) -> Arrays:
    return {
        "frames": np.asarray(scene.frames),
        "size": scene.image_sizes[0],
        "boxes": scene.boxes,
        "classes": scene.labels[scene.pairs[:, 1]],
        "relations": scene.relations,
    }


def _recorded_prior(row: Mapping[str, Any]) -> Arrays:
    names = {"contacts": "c_rel_idx", "initial": "initial_prior", "specific": "specific_prior"}
    return {ours: np.asarray(row[theirs]) for ours, theirs in names.items()}


def _prior(told: priors.ClassPriors, label: int) -> Arrays:
    contacts = np.flatnonzero(told.contacts[label])
    return {
        "contacts": contacts,
        "initial": told.initial[label],
        "specific": told.specific[label, contacts],
    }


def _recorded_tensor(check: Mapping[str, Any]) -> Arrays:
    return {
        name: np.asarray(value)
        for name, value in {**check, "samples": [*check["samples"].values()]}.items()
        if name != "video"
    }


def _tensor(found: pictures.DetectorInput, places: Mapping[str, float]) -> Arrays:
    images = found.images.transpose(0, 3, 1, 2)
    at = [tuple(map(int, place.split(","))) for place in places]
    return {
        "shape": np.asarray(images.shape),
        "im_info": np.asarray((*images.shape[2:], found.scale)),
        "mean": images.mean(dtype=np.float64),
        "std": images.std(dtype=np.float64),
        "samples": np.asarray([images[place] for place in at]),
    }
