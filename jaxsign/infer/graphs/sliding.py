"""Relations of every frame from it and those before it, with memory that no film's length adds to.

The public demonstration of these systems asks for one frame at a time, whose relations then say
nothing of what moves.
"""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from jaxsign.errors import UserError
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.input.scenes import cutting, examples, outlines, scene_source
from jaxsign.input.scenes.scene import Scene
from jaxsign.tasks import answering
from jaxsign.tasks.scenes import answers
from jaxsign.tasks.scenes.answers import FrameAnswer
from jaxsign.tasks.scenes.task import SceneGraph

PAIR = 2  # frames that relations are told from: a frame and the one before it
_FEWEST = 8  # boxes and pairs of a frame that a program is compiled for; more are a power of 2


def tells_relations(run: runs.Run) -> bool:
    """Whether a run tells relations between boxes, frame by frame."""
    return isinstance(run.task, SceneGraph)


class FrameFollower:
    """Tells the relations of a film's frames, one after the other.

    What is told of a frame depends on it and on the `window` - 1 frames before it, the first one
    on the second too; not on how the film is handed in. STTran's net looks no further in any case.

    Args:
      run: that tells relations.
      window: frames that relations are told from, from 1.
      batch: windows that the net is asked about at once.
      asked: settings of answers: `constraint`.

    Attributes:
      run, window: as given; constraint: which relations are told.
      candidates: pairs that nobody labelled are told of too; False: the labelled ones alone.
      words, mode: of the run's net.

    Raises:
      UserError: the run tells no relations, or does not have a setting.
    """

    def __init__(
        self,
        run: runs.Run,
        *,
        window: int = PAIR,
        batch: int = 8,
        asked: answering.Asked | None = None,
    ):
        task = run.task
        if not tells_relations(run):
            raise UserError(
                f"{run.workdir}: tells no relations between boxes (task.name="
                f"{run.config.task.name}). Give a run of sttran, stket, tempura or scene_llm"
            )
        assert isinstance(task, SceneGraph)
        self.run, self.words, self.mode = run, task.words, task.net.mode
        self._asker = asking.Asker(run)
        answerer = task.answerer(run, asked or {})
        assert isinstance(answerer, answers.Answerer)  # as this task makes them
        self._answerer, self.constraint = answerer, answerer.constraint
        self.window = window
        self.candidates, self._batch = True, batch
        self._size = _FEWEST, _FEWEST
        self._latest: collections.deque[Scene] = collections.deque(maxlen=window)
        self._waiting: list[tuple[Scene, int]] = []
        self._first = True  # no frame of the film was told yet

    def begin(self) -> None:
        """Forgets the film so far."""
        self._latest.clear()
        self._waiting.clear()
        self._first = True

    def follow(self, scenes: Iterable[Scene]) -> Iterator[FrameAnswer]:
        """The answers to all frames of parts of one film, in their order."""
        for scene in scenes:
            yield from self.push(scene)
        yield from self.finish()

    def push(self, scene: Scene) -> Iterator[FrameAnswer]:
        """Takes the next frames of the film; gives what is told of it by now.

        Raises:
          UserError: other classes or widths than the run has learnt; the frames' times decrease.
        """
        for frame in cutting.frames(scene):
            self._latest.append(frame)
            if self._first and len(self._latest) == 1 and self.window > 1:
                continue  # the first one is told with the second
            self._waiting.append(
                (cutting.joined(tuple(self._latest)), len(self._latest) if self._first else 1)
            )
            self._first = False
            if len(self._waiting) == self._batch:
                yield from self.flush()

    def flush(self) -> list[FrameAnswer]:
        """What is told of the frames that have waited for a full batch."""
        waiting, self._waiting = self._waiting, []
        return self._told(waiting) if waiting else []

    def finish(self) -> list[FrameAnswer]:
        """What is told of the film's last frames; another film may begin then."""
        if self._first and self._latest:
            self._waiting.append((self._latest[0], 1))
        found = self.flush()
        self.begin()
        return found

    def _told(self, waiting: Sequence[tuple[Scene, int]]) -> list[FrameAnswer]:
        """The answers to the last frames of windows, to so many of each."""
        windows = [window for window, _ in waiting]
        source = scene_source.completed(
            scene_source.SceneSource(
                windows[-1].source,
                [str(number) for number in range(len(windows))],
                windows[0].vocabulary,
                [outlines.outline(one) for one in windows],
                windows.__getitem__,
            )
        )
        found = examples.SceneExamples(source, candidates=self.candidates)
        found.check(self.words)
        found.facts(self.run.config)  # refuses features of another width
        self._grow(*found.sizes[:, 1:].max(axis=0).tolist())
        rows = [found.example(i) if i < len(windows) else None for i in range(self._batch)]
        outputs = self._asker.ask(found.stack(rows, (self.window, *self._size)))
        answerer = dataclasses.replace(self._answerer, source=source)
        told = zip(answerer(outputs, source.ids), waiting, strict=True)
        return [frame for answer, (_, last) in told for frame in answer.frames[-last:]]

    def _grow(self, boxes: int, pairs: int) -> None:
        """Sizes only grow, and twofold, so that few programs are compiled."""
        boxes, pairs = (1 << (number - 1).bit_length() for number in (boxes, pairs))
        self._size = max(self._size[0], boxes), max(self._size[1], pairs)
