"""What a net tells of a video's graphs of actions, for people and as JSON."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.nets.action_net import NO_OBJECTS
from jaxsign.tasks import answering
from jaxsign.tasks.actions import graphs
from jaxsign.tasks.scenes.easg_recall import Graphs

Array = np.ndarray
_LIKELY = 0.5  # from where on an edge is told to people


@dataclasses.dataclass(frozen=True)
class Sure:
    """A name, and how sure it is, 0 to 1."""

    name: str
    score: float

    def __str__(self) -> str:
        return f"{self.name} {self.score:.2f}"


@dataclasses.dataclass(frozen=True)
class ObjectAnswer:
    """An object of a graph: its class, how it takes part (surest first), and where it is.

    Attributes:
      label: its class.
      edges: how it takes part.
      boxes: frame's name and x1, y1, x2, y2, of each box.
    """

    label: Sure
    edges: tuple[Sure, ...]
    boxes: tuple[tuple[str, tuple[float, ...]], ...]


@dataclasses.dataclass(frozen=True)
class GraphAnswer:
    """A graph: the names of its frames, what is done, and with what."""

    frames: tuple[str, ...]
    verb: Sure
    objects: tuple[ObjectAnswer, ...]

    def json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "frames": list(self.frames),
            "verb": dataclasses.asdict(self.verb),
            "objects": [
                {
                    "label": one.label.name,
                    "score": one.label.score,
                    "edges": [dataclasses.asdict(edge) for edge in one.edges],
                    "boxes": [{"frame": name, "box": list(box)} for name, box in one.boxes],
                }
                for one in self.objects
            ],
        }


@dataclasses.dataclass(frozen=True)
class VideoActions(answering.Answer):
    """The graphs of a video."""

    graphs: tuple[GraphAnswer, ...]

    def line(self) -> str:
        verbs = [graph.verb.name for graph in self.graphs]
        return f"{len(verbs)} graphs: {', '.join(verbs[:4]) or 'nothing'}"

    def text(self, name: str) -> str:
        lines = [f"{name}: {len(self.graphs)} graphs"]
        for graph in self.graphs:
            lines.append(f"  {graph.frames[0]}: {graph.verb}")
            for one in graph.objects:
                likely = [edge for edge in one.edges if edge.score >= _LIKELY] or one.edges[:1]
                lines.append(f"    {one.label}: {', '.join(map(str, likely))}")
        return "\n".join(lines)

    def json(self) -> dict[str, object]:
        return {"graphs": [graph.json() for graph in self.graphs]}


@dataclasses.dataclass(frozen=True)
class GraphAnswerer:
    """Makes answers of a net's padded outputs.

    Attributes:
      words: of the graphs.
      mode: what is given; boxes of one class are one object of their graph.
      constraint: `with`: an object's surest edge alone is told.
      source: of the videos, whose names and graphs frames get; None: frames are numbered, and all
        of a video's show one graph.
    """

    words: Vocabulary
    mode: graphs.Mode
    constraint: graphs.Constraint = "no"
    source: SceneSource | None = None

    def __call__(self, rows: answering.Outputs, names: Sequence[str]) -> list[VideoActions]:
        return [
            self._video({key: values[[i]] for key, values in rows.items()}, name)
            for i, name in enumerate(names)
        ]

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        """The number of each video of the source, by its name."""
        return {} if self.source is None else {n: i for i, n in enumerate(self.source.ids)}

    def _video(self, batch: dict[str, Array], name: str) -> VideoActions:
        length = batch["valid_pairs"].shape[1]
        frames, shown = [str(i) for i in range(length)], np.zeros((1, length), np.int32)
        if self.source is not None:
            scene = self.source.read(self._places[name])
            frames = list(scene.frames)
            if scene.frame_graphs is not None:
                shown[0, : len(frames)] = scene.frame_graphs[:length]
        batch = {**batch, "graphs": shown}
        rows = graphs.rows_of(batch, batch["valid_pairs"])
        if self.mode != "edgecls":  # an object is what it is told to be
            rows = dataclasses.replace(rows, labels=batch["objects"][rows.at].argmax(-1))
        if not len(rows.graphs):
            return VideoActions(())
        found = graphs.told(rows, batch, batch["verbs"], self.words)
        made = []
        for graph, verb in enumerate(found.verb_labels):
            own = rows.frame[rows.graphs == graph]
            done = found.verbs[graph]
            if self.mode == "easgcls":
                verb = done.argmax()
            sure = float(done[verb]) if self.mode == "easgcls" else 1.0
            told = Sure(self.words.groups[0].predicates[int(verb)], sure)
            objects = tuple(
                self._object(found, int(row), rows, batch, frames)
                for row in np.flatnonzero(found.graphs == graph)
            )
            made.append(GraphAnswer(tuple(frames[i] for i in np.unique(own)), told, objects))
        return VideoActions(tuple(made))

    def _object(
        self,
        found: Graphs,
        row: int,
        rows: graphs.PairRows,
        batch: dict[str, Array],
        frames: Sequence[str],
    ) -> ObjectAnswer:
        label, edges = int(found.labels[row]), found.edges[row]
        sure = 1.0 if self.mode == "edgecls" else float(found.objects[row, label])
        order = np.argsort(-edges, kind="stable")[: 1 if self.constraint == "with" else None]
        names = self.words.groups[1].predicates
        own = np.flatnonzero((rows.graphs == found.graphs[row]) & (rows.labels == label))
        box = batch["pairs"][rows.at][own, 1]
        corners = batch["boxes"][rows.video[own], rows.frame[own], box]
        return ObjectAnswer(
            Sure(self.words.objects[label + NO_OBJECTS], sure),
            tuple(Sure(names[i], float(edges[i])) for i in order),
            tuple(
                (frames[i], tuple(map(float, box)))
                for i, box in zip(rows.frame[own], corners, strict=True)
            ),
        )
