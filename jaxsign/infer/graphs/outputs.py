"""All that is written of a film, in one folder, while its frames come."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from jaxsign.errors import UserError
from jaxsign.infer.graphs import counting, drawing, exporting, graph_picture, schema, summary
from jaxsign.infer.graphs import timeline as timelines
from jaxsign.infer.graphs.seen import Limits, SeenFrame
from jaxsign.input import film
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.whole import whole, write_json, write_text

FILM, GRAPH, TIMELINE, SUMMARY = "film.mp4", "graph.png", "timeline.png", "summary.txt"
SCHEMA = "graph.schema.json"
NAMES = (FILM, GRAPH, TIMELINE, SUMMARY, exporting.JSON, exporting.CSV, exporting.XML, SCHEMA)
_RATE = 5.0  # frames a second of a film whose frames have no times


def check(out: Path, *, overwrite: bool = False) -> None:
    """Looks whether a folder may be written to.

    Raises:
      UserError: it is a file, or holds something already.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file. Give a folder")
    held = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if held and not overwrite:
        raise UserError(
            f"--out {out}: holds {', '.join(held[:3])}{' ...' * (len(held) > 3)} already. Give "
            "another folder, or --overwrite to write over what an earlier run left"
        )


def check_apart(out: Path, source: Path | None) -> None:
    """Looks whether a film is none of the files that telling of it removes.

    Raises:
      UserError: it is one of an earlier run in the folder.
    """
    if source is not None and source.resolve() in [(out / name).resolve() for name in NAMES]:
        raise UserError(
            f"{source}: is a file that is written anew in --out {out}. Give another folder, or "
            "move the film"
        )


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is written beside tables and text.

    Attributes:
      limits: what is shown.
      film: whether a film is written.
      graph_at: seconds (or frame) whose graph is drawn; None = where most is told.
    """

    limits: Limits = Limits()
    film: bool = True
    graph_at: float | None = None


USUAL = Wanted()


class FilmOutputs:
    """The files of one film; each is whole or absent, those of an earlier run are removed.

    Args:
      out: their folder.
      words: of the run.
      metadata: plain values of graph.json; see `schema`. Words are added here.
      wanted: what is written.

    Attributes:
      counts: of the frames so far.
    """

    def __init__(
        self, out: Path, words: Vocabulary, metadata: Mapping[str, object], wanted: Wanted = USUAL
    ):
        out.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (out / name).unlink(missing_ok=True)
        self.out, self._wanted = out, wanted
        self._groups = [group.name for group in words.groups]
        self._about = metadata
        self.counts = counting.FilmCounts(wanted.limits)
        self.painter = drawing.FramePainter(self._groups, wanted.limits)
        self._best: tuple[float, SeenFrame] | None = None
        told = {
            **metadata,
            "objects": list(words.objects),
            "groups": [dataclasses.asdict(group) for group in words.groups],
        }
        with contextlib.ExitStack() as opened:
            self._files = opened.enter_context(exporting.GraphFiles(out, told))
            self._film: film.Writer | None = None
            if wanted.film:
                draft = opened.enter_context(whole(out / FILM, ending=True))
                self._film = opened.enter_context(film.Writer(draft))
            self._open = opened.pop_all()

    def add(self, frame: SeenFrame, image: Image.Image | None = None) -> None:
        """Takes the next frame, and its picture where that is painted already."""
        self.counts.add(frame)
        self._files.add(frame)
        if self._film:
            seconds = frame.seconds - self.counts.start if frame.timed else frame.number / _RATE
            self._film.add(image or self.painter.paint(frame), seconds)
        told = self._worth(frame)
        if self._best is None or told > self._best[0]:
            self._best = told, frame

    def _worth(self, frame: SeenFrame) -> float:
        """How much a frame is the one whose graph is drawn."""
        if self._wanted.graph_at is not None:
            return -abs(frame.seconds - self._wanted.graph_at)
        shown = int((frame.answer.scores > self._wanted.limits.boxes).sum())
        # Where nothing is told anywhere, the frame with the most boxes.
        return sum(one.score for one in frame.sure(self._wanted.limits)) + 1e-6 * shown

    def close(self) -> list[Path]:
        """Ends the film and writes what tells of all frames; gives what was written."""
        limits = self._wanted.limits
        told = {"limits": {"boxes": limits.boxes, "relations": limits.relations}}
        with self._open:
            self._files.close({**self.counts.json(), **told})
        write_json(self.out / SCHEMA, schema.SCHEMA)
        names = ("film", "run", "net", "mode", "detector")
        about = {name: str(self._about[name]) for name in names if self._about[name]}
        write_text(self.out / SUMMARY, summary.text(self.counts, about))
        title = f"{about['film']}: {self.counts.frames:,} frames"
        timelines.draw(self.out / TIMELINE, self.counts, self._groups, title)
        assert self._best is not None, "who adds no frame has nothing to close"
        made = graph_picture.picture(self._best[1], self._groups, limits)
        with whole(self.out / GRAPH, ending=True) as draft:
            made.save(draft)
        return [self.out / name for name in NAMES if name != FILM or self._wanted.film]

    def __enter__(self) -> "FilmOutputs":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)
