"""Where a run begins, or goes on with what its folder holds."""

import dataclasses
import logging
import math
from collections.abc import Mapping

import jax

from jaxsign import nets, run_files
from jaxsign.train import (
    alike,
    bests,
    checkpoint,
    compiling,
    initial,
    log,
    outputs,
    records,
    setup,
    state,
)

_LOG = logging.getLogger("jaxsign")


@dataclasses.dataclass(frozen=True)
class Start:
    """What a run goes on from.

    Attributes:
      session: of the stage at hand.
      records: where the run stands.
      checkpoints: of its folder; None in a process that writes nothing there.
      state: on the host.
      parameters: numbers in all of the net's parameters.
    """

    session: setup.Session
    records: records.Records
    checkpoints: checkpoint.Checkpoints | None
    state: state.TrainState
    parameters: int


def begin(run: setup.TrainingRun, display: log.TrainingDisplay, watch: compiling.Watch) -> Start:
    """Starts from, in this order: the run's own checkpoint; what the recipe gives; random numbers.

    Raises:
      UserError: a mistake in any stage, weights that do not fit, a damaged checkpoint.
    """
    session, shapes = setup.begin_all(run)
    parameters = sum(math.prod(a.shape) for a in jax.tree.leaves(shapes["params"]))
    never = setup.never_trained(run, shapes)
    outputs.announce(run, session, display, parameters)  # before anything compiles
    here = run.machines
    known = here.of_first((run.workdir / run_files.CHECKPOINTS / "last").exists())
    variables = None if known else _initial(run, session, display, watch)
    if not known:
        setup.claim(run)
    alike.check_shared(run)
    checkpoints = checkpoint.Checkpoints(run.workdir, never) if here.first else None
    if here.of_first(checkpoints is not None and checkpoints.exists()):
        session, at, host = _resumed(run, session, shapes, checkpoints, display)
        setup.claim(run)  # a run that cannot go on keeps what its folder says
        return Start(session, at, checkpoints, alike.as_first(here, host), parameters)
    if variables is None:  # killed before its first checkpoint
        setup.claim(run)
        variables = _initial(run, session, display, watch)
    host = alike.as_first(here, session.fresh(variables, 0, None))
    at = records.Records(data=_fingerprints(run))
    return Start(session, at, checkpoints, host, parameters)


def _fingerprints(run: setup.TrainingRun) -> dict[str, str]:
    return {"train": run.train.fingerprint(), "val": run.val.fingerprint()}


def _tell_other_data(run: setup.TrainingRun, begun: Mapping[str, str]) -> None:
    """Warns where a run goes on with other examples than its epochs so far were made with."""
    now = _fingerprints(run)
    other = [split for split, known in begun.items() if now.get(split) != known]
    if other:
        _LOG.warning(
            "%s: the examples of %s are not those with which this run began: some were added, "
            "removed or renamed, or their labels or lengths changed. Its numbers so far are of the "
            "others, so the best epoch may be one of theirs. To learn these from its weights: a "
            "new --workdir, and --config.train.init_from=%s",
            run.workdir, " and ".join(other), run.workdir,
        )  # fmt: skip


def _initial(
    run: setup.TrainingRun,
    session: setup.Session,
    display: log.TrainingDisplay,
    watch: compiling.Watch,
) -> nets.Variables:
    with watch.told("the start weights"):
        variables, notes = initial.variables(run.config, session.task, session.train_batches)
    for note in notes:
        display.say(note)
    return variables


def _resumed(
    run: setup.TrainingRun,
    session: setup.Session,
    shapes: nets.Variables,
    checkpoints: checkpoint.Checkpoints | None,
    display: log.TrainingDisplay,
) -> tuple[setup.Session, records.Records, state.TrainState]:
    """The session of the stage at hand, and what the last checkpoint holds.

    Of a process without checkpoints the arrays are zeros.
    """
    at = records.Records()
    if checkpoints is not None:
        at = records.Records.from_json(checkpoints.records())
        bests.look_anew(at, checkpoints, display)
    at = records.Records.from_json(run.machines.of_first(at.to_json()))
    _tell_other_data(run, at.data)
    at.data = _fingerprints(run)
    display.say(f"resumed  after epoch {at.epoch}, step {at.step}")
    if at.stage:
        session = setup.begin(run, run.stages[at.stage], shapes)
    host = session.fresh(initial.zeros(shapes), at.step, None)
    if checkpoints is not None:
        host = checkpoints.restore(host)
    session.schedule.restore(at.schedule or session.schedule.state())
    if at.stage:
        outputs.announce_stage(run, session, display)
    return session, at, host
