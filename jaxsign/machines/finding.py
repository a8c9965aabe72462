"""Where a process stands among those that train together: told by hand, or by what started it."""

import dataclasses
import re
from collections.abc import Mapping

from jaxsign.errors import UserError

_PORTS = (61440, 4096)  # of SLURM's jobs: the first, how many; systems give out lower ones
_INDEX = "JOB_COMPLETION_INDEX"  # of a pod, in an Indexed Job of Kubernetes


@dataclasses.dataclass(frozen=True)
class Seat:
    """A process among others.

    Attributes:
      host, port: where the first one listens.
      index: this one's number, from 0.
      count: how many there are.
      devices: numbers of those of this machine that are this process's; None = all.
    """

    host: str
    port: int
    index: int
    count: int
    devices: tuple[int, ...] | None = None


def find(
    coordinator: str, index: int | None, count: int | None, environment: Mapping[str, str]
) -> Seat | None:
    """Where this process stands; None = alone.

    Args:
      coordinator: HOST:PORT of the first process; '' = not told.
      index, count: of this process; None = not told.
      environment: of the process: what SLURM or Kubernetes tells.

    Raises:
      UserError: some of it is told and the rest cannot be found.
    """
    if count == 1 and not coordinator and not index:
        return None
    if not coordinator and index is None and count is None:
        return _of_slurm(environment)
    if index is None:
        index = _number(environment.get(_INDEX, ""))
    if not coordinator or index is None or count is None:
        raise UserError(
            "--coordinator, --processes and --process-id belong together: the address of the "
            "first process, how many there are, and which of them this one is (in an Indexed Job "
            f"of Kubernetes that is taken from {_INDEX})"
        )
    if index >= count:
        raise UserError(
            f"--process-id {index}: there are {count} processes, numbered from 0 to {count - 1}"
        )
    host, port = address(coordinator)
    return Seat(host, port, index, count) if count > 1 else None


def address(text: str) -> tuple[str, int]:
    """The parts of HOST:PORT.

    Raises:
      UserError: it is none.
    """
    host, _, word = text.rpartition(":")
    port = _number(word)
    if not host or port is None or not 0 < port < 65536:
        raise UserError(
            f"--coordinator {text}: expected HOST:PORT, such as node1:8476, where the first "
            "process listens"
        )
    return host.removeprefix("[").removesuffix("]"), port


def _number(word: str) -> int | None:
    return int(word) if word.isdecimal() else None


def _of_slurm(environment: Mapping[str, str]) -> Seat | None:
    """As the tasks of a step of SLURM stand; None in an allocation without one, and of one task."""
    words = ("SLURM_JOB_ID", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_STEP_NODELIST")
    if any(word not in environment for word in words):
        return None
    job, count, index = (int(environment[word]) for word in words[:3])
    if count < 2:
        return None
    step = _number(environment.get("SLURM_STEP_ID", "")) or 0
    first, many = _PORTS
    return Seat(
        first_host(environment["SLURM_STEP_NODELIST"]),
        first + (job + 97 * step) % many,
        index,
        count,
        _slurm_devices(environment),
    )


def first_host(nodes: str) -> str:
    """The first of SLURM's list of nodes, such as `gpu[003-007,12],other`."""
    found = re.match(r"(?:[^,\[]|\[[^]]*\])+", nodes)
    if not found:
        raise UserError(f"SLURM_STEP_NODELIST={nodes!r} names no node")
    return re.sub(r"\[(\d+)[^]]*\]", r"\1", found[0])


def _slurm_devices(environment: Mapping[str, str]) -> tuple[int, ...] | None:
    """One device for each of several tasks on a node, unless SLURM has shared them out itself."""
    runs = re.findall(r"(\d+)(?:\(x(\d+)\))?", environment.get("SLURM_STEP_TASKS_PER_NODE", "1"))
    tasks = [int(each) for each, times in runs for _ in range(int(times or 1))]
    node = int(environment.get("SLURM_NODEID", "0"))
    here = tasks[node] if node < len(tasks) else 1
    seen = environment.get("CUDA_VISIBLE_DEVICES", "")
    shared = "SLURM_GPUS_PER_TASK" in environment or 0 < len(seen.split(",")) * bool(seen) < here
    if here == 1 or shared:
        return None
    return (int(environment.get("SLURM_LOCALID", "0")),)
