"""What a run hears in a clip over time: its windows and signs, as `jaxsign stream` tells them."""

import dataclasses

from jaxsign import spreadsheet
from jaxsign.infer import predict
from jaxsign.infer.live import inputs, recogniser
from jaxsign.infer.serve import showing
from jaxsign.tasks import answering
from jaxsign.tasks.following import Emitted, Heard

_COLUMNS = ("of", "rank", "name", "confidence", "start", "end")


@dataclasses.dataclass(frozen=True)
class Timeline:
    """What was heard.

    Attributes:
      seconds: length of the clip.
      signs: that were told, in order.
      windows: that the run has judged by themselves, where it does.
    """

    seconds: float
    signs: tuple[Emitted, ...]
    windows: tuple[Heard, ...]

    def json(self) -> dict[str, object]:
        """Plain values; times are seconds."""
        return {
            "seconds": round(self.seconds, 3),
            "signs": [sign.to_json() for sign in self.signs],
            "windows": [
                {
                    "start": round(window.start, 3),
                    "end": round(window.time, 3),
                    "candidates": [[name, round(p, 4)] for name, p in window.candidates],
                }
                for window in self.windows
            ],
        }


def hear(
    stream: inputs.Stream,
    predictor: predict.Predictor,
    frames: int,
    report: showing.AnswerReport,
) -> Timeline:
    """Plays a clip through the runs' recogniser.

    Args:
      stream: the clip's; its times, if it has any, begin at 0.
      predictor: the runs.
      frames: of the clip.
      report: hears how many were played.

    Raises:
      UserError: it is no stream, as its frames have no times that can be.
    """
    run, *others = predictor.members
    follower = run.task.follower(run, {}, stream.fps)
    made = recogniser.Recogniser(
        run, follower, stream.frame_size, asker=predictor.askers[0], others=others
    )
    heard, played, last = list[Heard](), 0, 0.0
    for chunk in stream.chunks():
        heard += made.push(chunk)
        if chunk.times is not None and len(chunk):
            last = float(chunk.times[-1])
        played += len(chunk)
        report.progress(played, played / frames)
    heard += made.finish_in_parts()
    seconds = last or made.cost.rows / follower.rate
    signs = tuple(sign for one in heard for sign in one.signs)
    return Timeline(seconds, signs, tuple(one for one in heard if one.candidates))


def table(choices: answering.Choices, heard: Timeline | None = None) -> str:
    """An answer as CSV: what it was chosen from, then the signs and windows of its clip."""
    rows: list[tuple[object, ...]] = [
        (what, rank, name, round(p, 4), "", "")
        for what, named in choices.items()
        for rank, (name, p) in enumerate(named, 1)
    ]
    if heard is not None:
        rows += [
            ("sign", "", one.name, round(one.confidence, 4), round(one.start, 3), round(one.end, 3))
            for one in heard.signs
        ]
        rows += [
            ("window", rank, name, round(p, 4), round(one.start, 3), round(one.time, 3))
            for one in heard.windows
            for rank, (name, p) in enumerate(one.candidates, 1)
        ]
    return spreadsheet.text(_COLUMNS, rows)
