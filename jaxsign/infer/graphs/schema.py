"""What graph.json holds, as a JSON schema; graph.csv and graph.xml hold the same."""

from typing import Any

VERSION = 1
_COUNT = {"type": "integer", "minimum": 0}
_SCORE = {"type": "number", "minimum": 0, "maximum": 1}
_SECONDS = {"type": "number"}
_TEXT = {"type": "string"}


def _object(properties: dict[str, Any], *optional: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], **rest: int) -> dict[str, Any]:
    return {"type": "array", "items": items, **rest}


_GROUP = _object(
    {
        "name": _TEXT,
        "predicates": _list(_TEXT, minItems=1),
        "kind": {"enum": ["one", "several"]},
        "reversed": {"type": "boolean"},
    }
)
_METADATA = _object(
    {
        "film": _TEXT,
        "run": _TEXT,
        "net": _TEXT,
        "mode": {"enum": ["predcls", "sgcls", "sgdet"]},
        "constraint": _TEXT,
        "window": {
            "type": "integer",
            "minimum": 1,
            "description": "frames a relation is told from",
        },
        "detector": {**_TEXT, "description": "what the boxes come from"},
        "objects": _list({**_TEXT, "description": "classes; the first is the background"}),
        "groups": _list(_GROUP),
        "made_by": _TEXT,
    }
)
_BOX = _object(
    {
        "id": {**_COUNT, "description": "its place in the frame, which relations name"},
        "label": _TEXT,
        "score": _SCORE,
        "box": {**_list({"type": "number"}, minItems=4, maxItems=4),
                "description": "x1, y1, x2, y2 in pixels"},
    }
)  # fmt: skip
_RELATION = _object(
    {
        "subject": {**_COUNT, "description": "id of a box, mostly a person"},
        "predicate": _TEXT,
        "object": _COUNT,
        "group": _TEXT,
        "reversed": {"type": "boolean", "description": "told as object, predicate, subject"},
        "score": {**_SCORE, "description": "both boxes' scores times the predicate's"},
        "told": {**_TEXT, "description": "'cup in_front_of person'"},
    }
)
_FRAME = _object(
    {
        "number": _COUNT,
        "name": _TEXT,
        "seconds": _SECONDS,
        "width": {"type": "integer", "minimum": 1},
        "height": {"type": "integer", "minimum": 1},
        "objects": _list(_BOX),
        "relations": {**_list(_RELATION), "description": "the surest first"},
    }
)
_TALLY = _object(
    {
        "name": _TEXT,
        "group": _TEXT,
        "frames": _COUNT,
        "mean_score": _SCORE,
        "best_score": _SCORE,
        "best_at": _SECONDS,
        "spells": {**_COUNT, "description": "times without a break"},
        "first": _SECONDS,
        "last": _SECONDS,
    },
    "group",
)
_STATISTICS = _object(
    {
        "frames": _COUNT,
        "seconds": {**_SECONDS, "description": "from the first frame to the last"},
        "timed": {"type": "boolean", "description": "seconds are times, else numbers of frames"},
        "boxes": {**_COUNT, "description": "that score above limits.boxes"},
        "frames_without_boxes": _COUNT,
        "objects": _list(_TALLY),
        "relations": _list(_TALLY),
        "limits": _object({"boxes": _SCORE, "relations": _SCORE}),
    }
)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "The scene graph of a film, frame by frame",
    **_object(
        {
            "version": {"const": VERSION},
            "metadata": _METADATA,
            "frames": _list(_FRAME),
            "statistics": _STATISTICS,
        }
    ),
}
