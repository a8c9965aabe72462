"""Films and scenes on the page of a run that tells relations, as `jaxsign scene` tells them."""

import itertools
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from PIL import Image

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.infer.graphs import counting, exporting, films, looker, outputs, session, sliding
from jaxsign.infer.serve import showing
from jaxsign.input import film
from jaxsign.input.scenes import rendered, sources
from jaxsign.input.scenes.scene import SUFFIX
from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.input.signs.extract import opening

T = TypeVar("T")
_Told = tuple[str, Iterator[session.Shown], str]  # a film's name, frames, what its boxes come from
_EXAMPLES = 5
_THINGS = 12  # objects and relations of a timeline, of each the most frequent


class SceneShowing(showing.Showing):
    """A run that tells relations, in stored scenes and, with a detector, in films.

    Args:
      follower: of the run.
      looks: finds boxes in films; None = films are refused.
      rate: frames a second of films, whatever they say; 0 = as they say.
    """

    def __init__(
        self, follower: sliding.FrameFollower, looks: looker.FilmLooker | None, rate: float = 0.0
    ):
        self._follower, self._looks, self._rate = follower, looks, rate
        self._made = _made_up(follower)
        self._examples = itertools.count()

    def facts(self) -> showing.Part:
        run, words = self._follower.run, self._follower.words
        return {
            "run": run.workdir.resolve().name,
            "net": run.config.net.name,
            "question": "What happens?",
            "takes": "a scene file" if self._looks is None else "a film or a scene file",
            "labels": {"objects": list(words.objects[1:]), "relations": list(words.predicates)},
            "films": self._looks is not None,
            "why_no_films": "jaxsign serve --detector RUN finds boxes in them.",
            "example": "scene" if self._made is not None else "",
        }

    def warm_up(self) -> Iterator[None]:
        """Nothing: films of each shape have programs of their own, compiled with the first."""
        return iter(())

    def example(self, folder: Path) -> Path:
        if self._made is None:
            raise UserError(
                f"{self._follower.run.workdir}: has not learnt made-up scenes, so there is no "
                "example of what it tells. Send a film or a scene file"
            )
        scene = self._made.read(next(self._examples) % len(self._made.ids))
        if self._looks is None:
            return scene.save(folder / f"{scene.source}{SUFFIX}")
        path = folder / f"{scene.source}.mp4"
        with film.Writer(path) as writer:
            for number in range(len(scene)):
                at = number if scene.times is None else scene.times[number]
                writer.add(Image.fromarray(rendered.frame(scene, number)), float(at))
        return path

    def show(
        self, upload: Path, out: Path, report: showing.AnswerReport
    ) -> Generator[showing.Part, None, None]:
        stored = upload.suffix.lower() in (".npz", ".jsonl")
        name, frames, detector = (self._stored if stored else self._film)(upload, report)
        told = session.tell(self._follower, frames, out, name, outputs.USUAL, detector)
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

    def _stored(self, upload: Path, report: showing.AnswerReport) -> _Told:
        report.stage("relations")
        source = sources.of_folder(upload)
        if len(source.ids) != 1:
            raise UserError(
                f"{upload}: holds {len(source.ids)} scenes; expected one. Give them to jaxsign "
                "scene, or send one by itself"
            )
        frames = session.stored(self._follower, source, 0, None)
        return source.ids[0], _reported(frames, len(source.read(0)), report), ""

    def _film(self, upload: Path, report: showing.AnswerReport) -> _Told:
        if self._looks is None:
            raise UserError(
                f"{upload}: is no scene file (*{SUFFIX}). For films start jaxsign serve with "
                "--detector RUN, which finds boxes in them"
            )
        report.stage("boxes")
        with opening.film(upload, rate=self._rate) as opened:
            total = opened.frames
        self._follower.candidates = True  # whatever a stored scene has asked for
        frames = _reported(films.frames_of(upload, self._rate), total, report)
        return upload.stem, self._looks(upload.stem, frames), self._looks.name


def _reported(frames: Iterable[T], total: int, report: showing.AnswerReport) -> Iterator[T]:
    """Frames, whose number is told as they are taken; of a `total`, 0 = unknown."""
    for number, frame in enumerate(frames, 1):
        report.progress(number, min(1.0, number / total) if total else 0.0)
        yield frame


def _made_up(follower: sliding.FrameFollower) -> SceneSource | None:
    """A few scenes made by the code that the run has learnt from; None = it has not."""
    data = follower.run.config.copy_and_resolve_references().data
    if not sources.made_by_code(data):
        return None
    data[data.source].val_videos = min(data[data.source].val_videos, _EXAMPLES)
    source = sources.open_source(data, "test", follower.mode)
    words, own = source.vocabulary, follower.words
    same = (words.objects, words.predicates) == (own.objects, own.predicates)
    return source if same else None


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
