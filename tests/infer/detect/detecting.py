"""Small annotated sets and films on disk, and `detect` on them with a small detector."""

import functools
import json

import detectors
import PIL.Image

from jaxsign.infer.detect import folder
from jaxsign.input import film
from jaxsign.input.folders import shards
from jaxsign.input.scenes import scene, videos, vocabulary
from jaxsign.tasks.scenes import making

CLASSES = {
    "objects": ["person", "cup", "dog"],
    "groups": [
        {"name": "look", "kind": "one", "predicates": ["at", "away"]},
        {"name": "touch", "predicates": ["holds", "near"]},
    ],
}
PLAIN = videos.FilmOptions()
WORDS = vocabulary.from_json(CLASSES, "here")
BOXES = [((0, 0, 20, 40), "person"), ((30, 30, 40, 40), "cup"), ((5, 30, 12, 45), "dog")]
RELATIONS = [[0, "at", 1], [0, "holds", 1], [2, "away", 1], [2, "near", 1]]


@functools.cache
def looker():
    """One for all tests of a process: it is compiled once."""
    return detectors.detector(WORDS.objects)


def of_video(name, split, frames=4):
    boxes = [{"box": list(box), "label": label} for box, label in BOXES]
    rows = [
        {"file": f"{name}/{i}.png", "boxes": boxes, "relations": RELATIONS} for i in range(frames)
    ]
    return {"name": name, "split": split, "width": 64, "height": 48, "frames": rows}


def write(place, *listed):
    (place / "frames").mkdir(parents=True)
    (place / "classes.json").write_text(json.dumps(CLASSES))
    (place / "scenes.jsonl").write_text("\n".join(map(json.dumps, listed)) + "\n")
    for video in listed:
        (place / "frames" / video["name"]).mkdir()
        for i in range(len(video["frames"])):
            image = PIL.Image.fromarray(detectors.frame(i))
            image.save(place / "frames" / video["name"] / f"{i}.png")
    return place


def three(place):
    """A video of each split."""
    return write(place, of_video("a", "train"), of_video("b", "val", 2), of_video("c", "test", 3))


def movie(path, frames):
    """A film of so many frames, ten a second."""
    with film.Writer(path, 10) as writer:
        for i in range(frames):
            writer.add(PIL.Image.fromarray(detectors.frame(i)), i / 10)
    return path


def plan(looker, out, mode, **more):
    others = more.pop("others", None)
    maker = making.SceneMaker(looker, mode, WORDS, others=others is not None, **more)
    return folder.DetectPlan(out, maker, {"mode": mode}, others)


def plan_of(out, mode):
    """The same by what can be sent to other processes."""
    return plan(looker(), out, mode)


def videos_of(place, out, options=PLAIN):
    return videos.of_source(place, out, videos.GenomeOptions(), options).videos


def detect(looker, place, out, mode="sgdet", *, shard=shards.WHOLE, options=PLAIN, **more):
    """The scenes of a place by their names, and how many videos have none."""
    made = plan(looker, out, mode, **more)
    failed = folder.detect(made, videos_of(place, out, options), shard=shard)
    return {
        path.name.partition(".")[0]: scene.load(path) for path in sorted(out.glob("*.npz"))
    }, failed
