"""Plays streams through a run's recogniser and tells what comes."""

from collections.abc import Iterable, Sequence

from jaxsign.infer import doubts
from jaxsign.infer import run as runs
from jaxsign.infer.live import sentences, telling
from jaxsign.infer.live.inputs import Stream
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs import pauses
from jaxsign.input.signs.rows import Chunk
from jaxsign.tasks import answering


class Player:
    """One recogniser for all streams of the same rate.

    Args:
      members: a loaded run, or several of single signs that answer together.
      asked: settings of how its task follows a stream.
      fps: frames a second of streams that do not tell; 0 = unknown.
      pause: seconds that part sentences; None = signs are not put together.
      quiet: print the summaries alone.

    Attributes:
      doubts: of what was played.
      interrupted: Ctrl-C has ended the last stream.
    """

    def __init__(
        self,
        members: Sequence[runs.Run],
        asked: answering.Asked,
        fps: float = 0.0,
        *,
        pause: float | None = None,
        quiet: bool = False,
    ):
        run, *self._others = members
        self._pause = pause
        self._run, self._asked, self._fps, self._quiet = run, asked, fps, quiet
        self._made: dict[tuple[float, tuple[int, int]], Recogniser] = {}
        self.doubts, self.interrupted = doubts.Doubts(run), False
        names = [name for head in run.heads[:1] for name in run.labels[head] or ()]
        self._width = min(max(map(len, names), default=8), 24)

    def recogniser(self, stream: Stream) -> Recogniser:
        """One that is ready for a stream."""
        key = self._fps or round(stream.fps, 2), stream.frame_size
        if key not in self._made:
            fps, size = key
            follower = self._run.task.follower(self._run, self._asked, fps)
            made = Recogniser(self._run, follower, size, others=self._others)
            took = made.warm_up()
            if not self._quiet:
                print(f"{follower.about}; ready after {took:.1f} s")
            self._made[key] = made
        found = self._made[key]
        found.reset()
        return found

    def play(self, stream: Stream) -> telling.Played:
        """Plays a stream to its end; what was told."""
        recogniser = self.recogniser(stream)
        if not self._quiet:
            print(f"\n{stream.name}")
        listener = sentences.SentenceListener(recogniser, self._cutter(stream))
        told: list[sentences.StreamNews] = []
        first = last = None
        try:
            for chunk in self._chunks(stream, recogniser):
                told += self._say(listener.push(chunk))
                if chunk.times is not None and len(chunk):
                    first = float(chunk.times[0]) if first is None else first
                    last = float(chunk.times[-1])
        except KeyboardInterrupt:  # the only way to end a pipe that goes on and on
            self.interrupted = True
        told += self._say(listener.finish())
        self.doubts.see_stream(stream.name, recogniser.seen.traits)
        seconds = (
            recogniser.cost.rows / recogniser.follower.rate
            if first is None or last is None
            else last - first
        )
        played = self._played(stream, told, recogniser.cost.to_json(seconds))
        print(("" if self._quiet else "\n") + telling.summary(played))
        return played

    def _cutter(self, stream: Stream) -> pauses.PauseCutter | None:
        return None if self._pause is None else pauses.PauseCutter(self._pause, stream.frame_size)

    def _chunks(self, stream: Stream, recogniser: Recogniser) -> Iterable[Chunk]:
        if self._pause is None:
            return stream.chunks()
        return sentences.landmarks(stream.chunks(), recogniser.follower.fps)

    def _played(
        self, stream: Stream, told: Sequence[sentences.StreamNews], cost: dict[str, float | None]
    ) -> telling.Played:
        signs = tuple(sign for one in told for sign in one.signs)
        whole = tuple(one.sentence for one in told if one.sentence is not None)
        return telling.Played(stream.name, signs, None if self._pause is None else whole, cost)

    def _say(self, told: Sequence[sentences.StreamNews]) -> Sequence[sentences.StreamNews]:
        for one in () if self._quiet else told:
            for sign in one.signs:
                print("  " + telling.line(sign, self._width), flush=True)
            if one.sentence is not None:
                print(telling.sentence_line(one.sentence), flush=True)
        return told
