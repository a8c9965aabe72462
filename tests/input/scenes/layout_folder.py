"""A small folder in the open layout, written by code."""

import json

CLASSES = {
    "objects": ["person", "cup", "dog"],
    "groups": [
        {"name": "look", "kind": "one", "predicates": ["at", "away"]},
        {"name": "touch", "predicates": ["holds", "near"]},
    ],
}


def a_box(label="cup", box=(30, 30, 40, 40), **more):
    return {"box": list(box), "label": label} | more


def a_frame(number=0, **changed):
    """A person, a cup and a dog; the person looks at the cup and holds it, the dog is near it."""
    return {
        "file": f"a/{number}.jpg",
        "boxes": [a_box("person", (0, 0, 20, 40)), a_box(), a_box("dog", (5, 30, 12, 45))],
        "relations": [[0, "at", 1], [0, "holds", 1], [2, "away", 1], [2, "near", 1]],
    } | changed


def a_video(name="a", frames=2, **changed):
    rows = [a_frame(number) for number in range(frames)] if isinstance(frames, int) else frames
    return {"name": name, "width": 64, "height": 48, "frames": rows} | changed


def write(folder, *videos, classes=CLASSES):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classes.json").write_text(json.dumps(classes))
    lines = [one if isinstance(one, str) else json.dumps(one) for one in videos]
    (folder / "scenes.jsonl").write_text("\n".join(lines) + "\n")
    return folder
