"""Films on the page of a run that tells relations: boxes, graph and timeline of `jaxsign scene`."""

from collections.abc import Generator, Iterator
from pathlib import Path

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.infer.graphs import counting, exporting, films, looker, outputs, session, sliding
from jaxsign.infer.serve import showing
from jaxsign.input.scenes import videos
from jaxsign.input.signs.extract import opening

_THINGS = 12  # objects and relations of a timeline, of each the most frequent


class SceneShowing(showing.Showing):
    """A run that tells relations in films, with a detector that finds their boxes.

    Args:
      follower: of the run.
      looks: finds boxes.
      rate: frames a second of films, whatever they say; 0 = as they say.
    """

    def __init__(
        self, follower: sliding.FrameFollower, looks: looker.FilmLooker, rate: float = 0.0
    ):
        self._follower, self._looks, self._rate = follower, looks, rate

    def facts(self) -> showing.Part:
        run, words = self._follower.run, self._follower.words
        return {
            "run": run.workdir.resolve().name,
            "net": run.config.net.name,
            "question": "What happens?",
            "takes": "a film",
            "labels": {"objects": list(words.objects[1:]), "relations": list(words.predicates)},
            "films": True,
            "why_no_films": "",
            "example": False,
        }

    def warm_up(self) -> Iterator[None]:
        """Nothing: films of each shape have programs of their own, compiled with the first."""
        return iter(())

    def example(self, folder: Path) -> Path:
        raise UserError(f"{self._follower.run.workdir}: a film of relations is not made by code")

    def show(
        self, upload: Path, out: Path, report: showing.AnswerReport
    ) -> Generator[showing.Part, None, None]:
        report.stage("boxes")
        shown = self._looks(upload.stem, self._reported(upload, report))
        told = session.tell(
            self._follower, shown, out, upload.stem, outputs.USUAL, self._looks.name
        )
        counts = told.counts
        yield {
            "answer": reading.read_json(out / exporting.JSON),
            "said": counts.line(),
            "choices": {},
            "doubts": [],
            "frames": counts.frames,
            "csv": (out / exporting.CSV).read_text(encoding="utf-8"),
            "timeline": _timeline(counts),
        }
        yield {"film": True, "picture": True}

    def _reported(self, upload: Path, report: showing.AnswerReport) -> Iterator[videos.ShownFrame]:
        """The frames of a film, whose number is told as they are taken."""
        with opening.film(upload, rate=self._rate) as film:
            total = film.frames
        for number, frame in enumerate(films.frames_of(upload, self._rate), 1):
            report.progress(number, min(1.0, number / total) if total else 0.0)
            yield frame


def _timeline(counts: counting.FilmCounts) -> dict[str, object]:
    """When the most frequent objects and relations are there; seconds from the film's start."""
    kinds = (("object", counts.objects), ("relation", counts.relations))
    return {
        "seconds": round(counts.end - counts.start, 3),
        "things": [
            {
                "kind": kind,
                "name": one.name,
                "score": round(one.mean, 4),
                "spells": [
                    [round(spell.start - counts.start, 3), round(spell.end - counts.start, 3)]
                    for spell in one.spells
                ],
            }
            for kind, found in kinds
            for one in counting.ranked(found.values())[:_THINGS]
        ],
    }
