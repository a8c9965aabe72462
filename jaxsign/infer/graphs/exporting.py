"""The graph of a film as JSON, CSV and XML, written frame by frame."""

import contextlib
import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO
from xml.sax import saxutils

from jaxsign import spreadsheet
from jaxsign.infer.graphs import schema
from jaxsign.infer.graphs.seen import SeenFrame
from jaxsign.whole import whole

JSON, CSV, XML = "graph.json", "graph.csv", "graph.xml"
COLUMNS = (
    "frame", "name", "seconds", "kind", "id", "label", "score", "x1", "y1", "x2", "y2",
    "subject", "predicate", "object", "group", "told",
)  # fmt: skip
# Letters that no XML may hold.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class GraphFiles:
    """graph.json, graph.csv and graph.xml in the making; all are whole, or absent after an error.

    Args:
      out: their folder.
      metadata: of the film, plain values; see `schema`.
    """

    def __init__(self, out: Path, metadata: Mapping[str, Any]):
        self._open = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self._json, self._csv, self._xml = (
                self._file(opened, out / name) for name in (JSON, CSV, XML)
            )
            self._open = opened.pop_all()
        self._table = csv.writer(self._csv, lineterminator="\n")
        self._table.writerow(COLUMNS)
        head = json.dumps(dict(metadata), ensure_ascii=False)
        self._json.write(f'{{"version": {schema.VERSION},\n"metadata": {head},\n"frames": [')
        self._xml.write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self._xml.write(f"<film{_attributes({'version': schema.VERSION})}>\n")
        self._xml.write(_element("metadata", metadata) + "<frames>\n")
        self._between = "\n"

    @staticmethod
    def _file(opened: contextlib.ExitStack, path: Path) -> TextIO:
        draft = opened.enter_context(whole(path))
        return opened.enter_context(
            open(draft, "w", encoding="utf-8", errors="replace", newline="")
        )

    def add(self, frame: SeenFrame) -> None:
        """Writes a frame."""
        made = frame.json()
        self._json.write(self._between + json.dumps(made, ensure_ascii=False, allow_nan=False))
        self._between = ",\n"
        self._table.writerows(_rows(made))
        self._xml.write(_frame_xml(made))

    def close(self, statistics: Mapping[str, Any]) -> None:
        """Ends the files with the film's statistics."""
        told = json.dumps(dict(statistics), ensure_ascii=False, allow_nan=False)
        self._json.write(f'\n],\n"statistics": {told}}}\n')
        self._xml.write("</frames>\n" + _element("statistics", statistics) + "</film>\n")
        self._open.close()

    def __enter__(self) -> "GraphFiles":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


def _rows(frame: Mapping[str, Any]) -> list[list[Any]]:
    """A row for each object and each relation of a frame; one that has none has a row `empty`."""
    head = [frame["number"], spreadsheet.guarded(frame["name"]), frame["seconds"]]
    rows = [
        [*head, "object", one["id"], one["label"], one["score"], *one["box"], *[""] * 5]
        for one in frame["objects"]
    ]
    rows += [
        [*head, "relation", "", "", one["score"], *[""] * 4,
         *(one[name] for name in ("subject", "predicate", "object", "group", "told"))]
        for one in frame["relations"]
    ]  # fmt: skip
    rows = rows or [[*head, "empty", *[""] * 12]]
    return [[spreadsheet.guarded(cell) for cell in row] for row in rows]


def _frame_xml(frame: Mapping[str, Any]) -> str:
    told = {name: frame[name] for name in ("number", "name", "seconds", "width", "height")}
    lines = [f"<frame{_attributes(told)}>"]
    for one in frame["objects"]:
        box = dict(zip(("x1", "y1", "x2", "y2"), one["box"], strict=True))
        rest = {name: value for name, value in one.items() if name != "box"}
        lines.append(f"<object{_attributes(rest | box)}/>")
    lines += [f"<relation{_attributes(one)}/>" for one in frame["relations"]]
    return "\n".join([*lines, "</frame>\n"])


def _element(name: str, value: Any) -> str:
    """A value of metadata or statistics: plain ones as attributes, others as elements inside."""
    if not isinstance(value, Mapping):
        return f"<{name}>{_clean(value)}</{name}>\n"
    plain = {k: v for k, v in value.items() if not isinstance(v, list | tuple | Mapping)}
    inside = ""
    for key in (key for key in value if key not in plain):
        held = value[key]
        if isinstance(held, Mapping):
            inside += _element(key, held)
        else:  # a list of objects: an element `object` for each
            inside += "".join(_element(key.removesuffix("s"), one) for one in held)
    return f"<{name}{_attributes(plain)}>{inside}</{name}>\n"


def _attributes(values: Mapping[str, Any]) -> str:
    return "".join(f' {name}="{_clean(value)}"' for name, value in values.items())


def _clean(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return saxutils.escape(_NO_XML.sub("?", text), {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
