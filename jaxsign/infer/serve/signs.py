"""Films and clips of signs on the page: the answer, its timeline, the film with landmarks."""

import dataclasses
import itertools
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.infer import clip_items, files, predict
from jaxsign.infer import run as runs
from jaxsign.infer.live import inputs
from jaxsign.infer.serve import showing, timeline
from jaxsign.input import film
from jaxsign.input.signs import drawing, synthetic
from jaxsign.input.signs.clip import SUFFIX, Clip
from jaxsign.input.signs.extract import films, models, preview, videos
from jaxsign.sections.data import MADE_UP
from jaxsign.tasks import answering
from jaxsign.whole import whole

_CHUNK = 16  # frames that the timeline hears at once
PROGRAMS = (
    32  # that are held; clips longer than the recipe's buckets, and windows, need ever new ones
)
_HEIGHT = 480  # pixels of a film of landmarks alone


class SignShowing(showing.Showing):
    """Runs of signs or sentences, which answer as `jaxsign predict` does.

    Args:
      members: a loaded run, or several that answer together.
      finder: finds landmarks in films; None = films are refused.
      rate: frames a second of clips, whatever they say; 0 = as they say. The finder knows it of
        films.

    Raises:
      UserError: the run tells no signs.
    """

    def __init__(self, members: Sequence[runs.Run], finder: films.Finder | None, rate: float = 0.0):
        run = members[0]
        run.task.follower(run, {})  # refuses what hears no signs
        self._run, self._finder, self._rate = run, finder, rate
        self._predictor = predict.Predictor(members)
        self._examples = itertools.count()

    def facts(self) -> showing.Part:
        run, view = self._run, self._run.view
        pictures = view is not None and view.film_files is not None
        landmarks = view is not None and not pictures
        of_films = pictures or (landmarks and self._finder is not None)
        stored = "a file of landmarks" if landmarks else "a file of features"
        return {
            "run": run.workdir.resolve().name,
            "net": run.config.net.name,
            "question": "What is signed?",
            "takes": f"a film or {stored}" if of_films else stored,
            "labels": {head: list(names or ()) for head, names in run.labels.items()},
            "films": of_films,
            "why_no_films": models.WANTED if landmarks else "The run takes stored features alone.",
            "example": "clip" if landmarks else "",
        }

    def warm_up(self) -> Iterator[None]:
        if self._finder is not None:
            self._finder.check()
            yield
        for asker in self._predictor.askers:
            yield from asker.warm_up()

    def close(self) -> None:
        if self._finder is not None:
            self._finder.close()

    def example(self, folder: Path) -> Path:
        if not self.facts()["example"]:
            raise UserError(f"{self._run.workdir}: takes no landmarks, so there is no example")
        if self._run.config.data.source not in MADE_UP:
            telling.once(
                "the clip is made up and none of the signs that the run knows: it shows what the "
                "page does, the answer means nothing"
            )
        made = synthetic.collection(self._run.config.data.synthetic, "val")
        fitting = [i for i, entry in enumerate(made.entries) if entry.split == "val"]
        number = fitting[7 * next(self._examples) % len(fitting)]
        path = folder / f"{' '.join(made.entries[number].glosses)}{SUFFIX}"
        made.read(number).save(path)
        return path

    def show(
        self, upload: Path, out: Path, report: showing.AnswerReport
    ) -> Generator[showing.Part, None, None]:
        item = self._item(upload, report)
        for asker in self._predictor.askers:
            asker.spare(PROGRAMS)
        report.stage("landmarks" if videos.is_film(upload) else "answer")
        (found,) = self._predictor([item])
        report.progress(found.frames, 1.0)
        if found.answer is None:
            raise UserError(found.error)
        answer, choices = found.answer, found.answer.choices()
        yield {
            "answer": answer.json(),
            "said": answer.said(),
            "choices": choices,
            "frames": found.frames,
            "doubts": self._predictor.doubts.lines(),
            "csv": timeline.table(choices),
        }
        report.stage("timeline")
        value = _from_its_start(files.value(item, self._run))
        yield self._heard(upload.name, value, choices, report)
        if isinstance(value, Clip):
            report.stage("film")
            self._draw(out / showing.FILM, upload, value, answer, report)
            yield {"film": True}
        if self._finder is not None:
            self._finder.check()  # the next film need not wait for its models

    def _item(self, upload: Path, report: showing.AnswerReport) -> clip_items.Item:
        """The one clip of an upload, whose film is looked at but once."""
        finder = self._finder and dataclasses.replace(self._finder, progress=report.progress)
        items = clip_items.find(upload, finder, view=self._run.view, fps=self._rate)
        if len(items) != 1:
            raise UserError(
                f"{upload}: holds {len(items)} clips; expected one. Cut it up, or give all of "
                "them to jaxsign predict"
            )
        return items[0].read_once()

    def _heard(
        self,
        name: str,
        value: Clip | np.ndarray,
        choices: answering.Choices,
        report: showing.AnswerReport,
    ) -> showing.Part:
        try:
            stream = inputs.of_value(name, value, _CHUNK, self._rate)
            heard = timeline.hear(stream, self._predictor, len(value), report)
        except showing.CancelledError:
            raise
        except UserError as error:
            return {"no_timeline": str(error)}
        return {"timeline": heard.json(), "csv": timeline.table(choices, heard)}

    def _draw(
        self,
        path: Path,
        upload: Path,
        clip: Clip,
        answer: answering.Answer,
        report: showing.AnswerReport,
    ) -> None:
        line = answer.line()
        with whole(path, ending=True) as draft, film.Writer(draft, clip.fps or 30) as writer:
            for number, image in enumerate(self._frames(upload, clip)):
                drawing.caption(image, line)
                writer.add(image, float(clip.timestamps[number]))
                report.progress(number + 1, (number + 1) / len(clip))

    def _frames(self, upload: Path, clip: Clip) -> Iterator[Image.Image]:
        if self._finder is None or not videos.is_film(upload):
            return drawing.stills(clip, _HEIGHT)
        every, side = np.arange(len(clip)), preview.VIDEO_SIDE
        drawn = preview.drawn(upload, clip, self._finder.settings, every, side)
        return (image for _, image in drawn)


def _from_its_start(value: Clip | np.ndarray) -> Clip | np.ndarray:
    """A clip whose first frame is at 0 s, as the page and films count."""
    if not isinstance(value, Clip):
        return value
    return dataclasses.replace(value, timestamps=value.timestamps - value.timestamps[0])
