"""Where a run begins, or goes on with what its folder holds."""

import dataclasses
import math

import jax

from jaxsign import nets
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
    known = here.of_first((run.workdir / "checkpoints" / "last").exists())
    variables = None if known else _initial(run, session, display, watch)
    setup.claim(run)
    alike.check_shared(run)
    checkpoints = checkpoint.Checkpoints(run.workdir, never) if here.first else None
    if here.of_first(checkpoints is not None and checkpoints.exists()):
        session, at, host = _resumed(run, session, shapes, checkpoints, display)
        return Start(session, at, checkpoints, alike.as_first(here, host), parameters)
    if variables is None:  # killed before its first checkpoint
        variables = _initial(run, session, display, watch)
    host = alike.as_first(here, session.fresh(variables, 0, None))
    return Start(session, records.Records(), checkpoints, host, parameters)


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
