"""The loop of live recognition: frame -> landmarks -> answer -> what is shown."""

import collections
import dataclasses
import time
from collections.abc import Iterable, Iterator

import numpy as np

from jaxsign.infer.doubts import Doubts
from jaxsign.infer.live import picture
from jaxsign.infer.live.frames import Frame
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs.extract.landmarkers import Detection, Landmarker
from jaxsign.input.signs.extract.sampling import Milliseconds
from jaxsign.input.signs.rows import Chunk
from jaxsign.tasks.following import Emitted, Heard

_KEPT = 30  # signs that a picture may show
_EARLY = 10.0  # seconds of a stream that show what it is like


@dataclasses.dataclass(frozen=True)
class Moment:
    """What became of one frame.

    Attributes:
      image: uint8 [H, W, 3] RGB.
      detection: its landmarks.
      answer: what this frame brought, or None.
      latest: the last answer so far.
      told: the last signs of the stream, those of the latest answer at the end.
      status: numbers of the moment.
    """

    image: np.ndarray
    detection: Detection
    answer: Heard | None
    latest: Heard | None
    told: tuple[Emitted, ...]
    status: picture.Status

    @property
    def title(self) -> str:
        """The best candidate, or the last sign; '' before there is one."""
        if self.latest is not None and self.latest.candidates:
            return self.latest.candidates[0][0]
        return self.told[-1].name if self.told else ""


@dataclasses.dataclass
class Totals:
    """Sums of a session.

    Attributes:
      frames: handled.
      answers: given.
      seconds: of the stream, from the first to the last frame.
      start_s: seconds of the first frame's landmarks, when the landmarker loads its models; not
        in what follows.
      elapsed: wall-clock seconds.
      landmark_s, net_s: of those, in the landmarker and in the net.
    """

    frames: int = 0
    answers: int = 0
    seconds: float = 0.0
    start_s: float = 0.0
    elapsed: float = 0.0
    landmark_s: float = 0.0
    net_s: float = 0.0

    def to_json(self) -> dict[str, float | None]:
        """Plain values; `real_time` > 1 is faster than the stream itself."""
        frames, answers = max(self.frames - 1, 1), max(self.answers, 1)
        return {
            "frames": self.frames,
            "answers": self.answers,
            "start_seconds": round(self.start_s, 3),
            "stream_seconds": round(self.seconds, 3),
            "elapsed_seconds": round(self.elapsed, 3),
            "real_time": round(self.seconds / self.elapsed, 3) if self.elapsed else None,
            "landmark_ms_a_frame": round(1000 * self.landmark_s / frames, 2),
            "net_ms_an_answer": round(1000 * self.net_s / answers, 2),
        }


class LiveSession:
    """One stream through a landmarker and a recogniser.

    Args:
      recogniser, landmarker: of the stream.
      doubts: that are told once it has run for some seconds, or is over; None = nobody has any.
    """

    def __init__(
        self, recogniser: Recogniser, landmarker: Landmarker, doubts: Doubts | None = None
    ):
        self.recogniser, self.landmarker, self._doubts = recogniser, landmarker, doubts
        self.totals = Totals()
        self._latest: Heard | None = None
        self._told: collections.deque[Emitted] = collections.deque(maxlen=_KEPT)
        self._moment: Moment | None = None
        self._recent: collections.deque[float] = collections.deque(maxlen=30)

    def reset(self) -> None:
        """Forgets the frames of the window and the last answer."""
        self.recogniser.reset()
        self._told.clear()
        self._latest = None

    def run(self, frames: Iterable[Frame]) -> Iterator[Moment]:
        """A moment for every frame. Time between two is counted as the session's own."""
        clock, begun, first = Milliseconds(), time.perf_counter(), None
        for seconds, image in frames:
            first = seconds if first is None else first
            height, width = image.shape[:2]
            self.recogniser.frame_size = (width, height)
            start = time.perf_counter()
            detection = self.landmarker.detect(image, clock.read(seconds))
            took = time.perf_counter() - start
            if not self.totals.frames:
                self.totals.start_s, begun = took, begun + took
            else:
                self.totals.landmark_s += took
            points, seen = detection.points[None], detection.visibility[None]
            answers = self.recogniser.push(Chunk(points, np.array([seconds]), seen))
            self.totals.frames += 1
            self.totals.seconds = seconds - first
            for answer in answers:
                self._count(answer)
            last = answers[-1] if answers else None
            status, told = self._status(seconds, took), tuple(self._told)
            self._moment = Moment(image, detection, last, self._latest, told, status)
            if self.totals.seconds > _EARLY:
                self._doubt()
            yield self._moment
            self.totals.elapsed = time.perf_counter() - begun

    def finish(self) -> Moment | None:
        """The last frame once more, if the stream's end brings an answer."""
        if self._moment is None:
            return None
        self._doubt()
        rest = self.recogniser.finish()
        if not rest.accepted:
            return None
        self._count(rest)
        told = tuple(self._told)
        return dataclasses.replace(self._moment, answer=rest, latest=rest, told=told)

    def _doubt(self) -> None:
        """Tells once what is odd: a camera may never end."""
        if self._doubts is not None:
            self._doubts.see_stream("the stream", self.recogniser.seen.traits)
            self._doubts.tell()
            self._doubts = None

    def _count(self, answer: Heard) -> None:
        self._latest = answer
        self._told.extend(answer.signs)
        self.totals.answers += 1
        self.totals.net_s += answer.compute_ms / 1000

    def _status(self, seconds: float, took: float) -> picture.Status:
        self._recent.append(time.perf_counter())
        span = self._recent[-1] - self._recent[0]
        return picture.Status(
            seconds=seconds,
            buffered=len(self.recogniser),
            fps=(len(self._recent) - 1) / span if span > 0 else 0.0,
            landmark_ms=1000 * took,
            net_ms=self._latest.compute_ms if self._latest is not None else 0.0,
            threshold=self.recogniser.follower.threshold,
        )
