"""Plays streams through a run's recogniser and tells what comes."""

from collections.abc import Sequence

from jaxsign.infer import doubts
from jaxsign.infer import run as runs
from jaxsign.infer.live import telling
from jaxsign.infer.live.inputs import Stream
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.tasks import answering
from jaxsign.tasks.following import Emitted, Heard


class Player:
    """One recogniser for all streams of the same rate.

    Args:
      members: a loaded run, or several of single signs that answer together.
      asked: settings of how its task follows a stream.
      fps: frames a second of streams that do not tell; 0 = unknown.
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
        quiet: bool = False,
    ):
        run, *self._others = members
        self._run, self._asked, self._fps, self._quiet = run, asked, fps, quiet
        self._made: dict[tuple[float, tuple[int, int]], Recogniser] = {}
        self.doubts, self.interrupted = doubts.Doubts(run), False
        names = run.labels[run.heads[0]] or ()
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
        told: list[Emitted] = []
        first = last = None
        try:
            for chunk in stream.chunks():
                told += self._say(*recogniser.push(chunk))
                if chunk.times is not None and len(chunk):
                    first = float(chunk.times[0]) if first is None else first
                    last = float(chunk.times[-1])
        except KeyboardInterrupt:  # the only way to end a pipe that goes on and on
            self.interrupted = True
        told += self._say(recogniser.finish())
        self.doubts.see_stream(stream.name, recogniser.seen.traits)
        seconds = (
            recogniser.cost.rows / recogniser.follower.rate
            if first is None or last is None
            else last - first
        )
        cost = recogniser.cost.to_json(seconds)
        print(("" if self._quiet else "\n") + telling.summary(told, cost))
        return {
            "input": stream.name,
            "glosses": [sign.to_json() for sign in told],
            "summary": cost,
        }

    def _say(self, *heard: Heard) -> list[Emitted]:
        signs = [sign for one in heard for sign in one.signs]
        if not self._quiet:
            for sign in signs:
                print("  " + telling.line(sign, self._width), flush=True)
        return signs
