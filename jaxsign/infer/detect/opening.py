"""Opens the detector and the classes that a command line names."""

from collections.abc import Sequence
from pathlib import Path

from jaxsign import config as configs
from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.infer import doubts, run_folder
from jaxsign.infer import run as runs
from jaxsign.infer.torch import detectors
from jaxsign.input.scenes import layout, vocabulary
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks.detections import looking


def detector(
    path: Path, which: str = "best", *, chunk: int, likely: looking.Likely
) -> looking.FrameDetector:
    """A detector from its run, or from a file such as faster_rcnn_ag.pth.

    Args:
      path: the run folder or the file.
      which: checkpoint of the run: 'best' or 'last'.
      chunk, likely: see `looking.FrameDetector`.

    Raises:
      UserError: neither of both, a run of another kind, or a file whose classes have no names.
    """
    if path.is_file():
        found = detectors.load(path)
        for note in found.notes:
            telling.once("%s: %s", path, note.removeprefix("warning: "))
        objects = found.objects or vocabulary.ACTION_GENOME.objects
        if found.net.num_classes != len(objects):
            raise UserError(
                f"{path}: tells {found.net.num_classes} classes, whose names a file does not say "
                f"(Action Genome's are {len(objects)}). Import it with their names: jaxsign import "
                f"{path} --workdir RUN --config.task.objects=..."
            )
        return looking.FrameDetector(
            found.net, found.variables, objects, chunk=chunk, likely=likely
        )
    run = runs.load_run(path, which)
    made = looking.of_run(run, f"--detector {path}", chunk=chunk, likely=likely)
    doubts.Doubts(run).tell()
    return made


def words(given: Path | None, of_source: Vocabulary | None, objects: Sequence[str]) -> Vocabulary:
    """The classes of the scenes.

    Args:
      given: a run of relations, or a classes.json; None = what is annotated, or Action Genome's
        where the detector tells these.
      of_source: what is annotated; None = nothing is.
      objects: the detector's.

    Raises:
      UserError: they are not told, or told otherwise than the annotations'.
    """
    if given is None:
        if of_source is not None:
            return of_source
        if tuple(objects) == vocabulary.ACTION_GENOME.objects:
            return vocabulary.ACTION_GENOME
        raise UserError(
            "the scenes need classes of objects and predicates, and nothing here tells them. Give "
            "--classes RUN (the run of relations that will be told of them) or a classes.json"
        )
    found = _read(given)
    if of_source is not None:
        vocabulary.check_same(of_source, found, str(given))
    return found


def _read(path: Path) -> Vocabulary:
    if path.is_file():
        return layout.classes(path)
    run_folder.check(path)
    config = configs.load_run_config(path)
    if not config.task.groups:
        raise UserError(f"--classes {path}: is no run of relations, it knows no predicates")
    return vocabulary.of_rows(config.task.objects, config.task.groups)
