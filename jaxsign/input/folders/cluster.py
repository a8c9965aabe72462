"""The jobs of a folder as tasks of a Ray cluster (`--ray`): Ray finds a machine for each of them.

What a job does and what becomes of it are as with processes of one's own, see `pool`. A job whose
worker or machine dies is given out again.
"""

import collections
import contextlib
import dataclasses
import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TextIO

import jaxsign
from jaxsign import runtime
from jaxsign.errors import UserError, listing
from jaxsign.input.folders.work import (
    Done,
    Event,
    Failed,
    Job,
    Refused,
    Result,
    Start,
    Work,
    tried,
)

_TRIES = 3  # of a job, each ended by the death of its worker
_STARTS = 3  # of a cluster here, one after the other
_FALSE_STARTS = 9  # deaths, before any job has come to an end, that end it all
_STORE = 100 * 2**20  # bytes for what is sent about: jobs and rows are small
_OURS = "JAXSIGN_"  # how the names of our environment variables begin
# In a process of its own: Ray tries for minutes, and cannot be interrupted at it.
_PROBE = "import sys, ray; ray.init(sys.argv[1], logging_level='error', log_to_driver=False)"


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where jobs are done.

    Attributes:
      address: HOST:PORT of the cluster's head, 'auto' (the cluster that this machine belongs to),
        or 'local': one is started here, and ends with the jobs.
      out: folder of the results, which all machines share.
      needs: files and folders that each machine must have by the same names.
      large: a job takes a GPU, or all cores of a machine where there are no GPUs; else one core.
      most: jobs at once; 0 = as many as there is room for.
      patience: seconds in which the cluster must answer, and each of its machines.

    Raises:
      UserError: Ray is not installed.
    """

    address: str
    out: Path
    needs: Sequence[Path] = ()
    large: bool = False
    most: int = 0
    patience: float = 30.0

    def __post_init__(self) -> None:
        _ray()

    def run(
        self,
        start: Start[Job, Result],
        jobs: Sequence[Job],
        names: Sequence[str],
        say: Callable[[str], None],
    ) -> Generator[Event[Result], None, None]:
        """Does the jobs; events come as they end, without notes. Closing it ends all tasks.

        Args:
          start: picklable, runs once in each worker process.
          jobs: picklable arguments; names: theirs, for messages.
          say: is told of workers that died.

        Raises:
          UserError: no cluster, a machine of it that lacks what is needed, or `start` failed.
        """
        if not jobs:
            return
        ray = _ray()
        with contextlib.redirect_stdout(_WithoutRay(sys.stdout)), self._connected(ray):
            if self.address != "local":
                self._check_machines(ray)
            for event, again in self._work_off(ray, start, jobs):
                if isinstance(event, Failed) and again:
                    say(f"{names[event.job]}: {event.reason}; it is done again")
                else:
                    yield event

    @contextlib.contextmanager
    def _connected(self, ray: ModuleType) -> Iterator[None]:
        with contextlib.ExitStack() as left:
            options: dict[str, Any] = {"address": self.address}
            if self.address == "local":
                # Ray's sockets need a short path.
                folder = tempfile.TemporaryDirectory(
                    prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
                )
                options |= {
                    "num_cpus": self.most or runtime.available_cores(),
                    "object_store_memory": _STORE,
                    "include_dashboard": False,
                    "_temp_dir": left.enter_context(folder),
                }
            else:
                _probe(self.address, self.patience)
            left.callback(_silently, ray.shutdown)
            quiet = {"logging_level": "error", "log_to_driver": False, "configure_logging": False}
            begin(ray, self.address, {**options, **quiet})
            yield

    def _check_machines(self, ray: ModuleType) -> None:
        """Raises UserError unless each machine has this package, the files and the out folder."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        with tempfile.NamedTemporaryFile(dir=self.out, prefix=".ray-") as mark:
            wanted = {os.path.abspath(path): _size(path) for path in self.needs}
            asked: list[tuple[str, Any]] = []
            for node in _machines(ray):
                place = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                look = ray.remote(lacking).options(num_cpus=0, scheduling_strategy=place)
                task = look.remote(wanted, os.path.abspath(mark.name), jaxsign.__version__)
                name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
                asked.append((name, task))
            problems = []
            for name, task in asked:
                try:
                    problems += [f"{name}: {told}" for told in ray.get(task, timeout=self.patience)]
                except ray.exceptions.RayError as error:
                    problems.append(f"{name}: jaxsign cannot be used there ({_last(str(error))})")
        if problems:
            raise UserError(
                f"--ray {self.address}: machines of the cluster lack what this needs:\n"
                f"{listing(problems)}\nGive paths on a disk that all of them share, and install "
                "the same jaxsign on each"
            )

    def _work_off(
        self, ray: ModuleType, start: Start[Job, Result], jobs: Sequence[Job]
    ) -> Iterator[tuple[Done[Result] | Failed, bool]]:
        """What becomes of the jobs, and whether that one is done again."""
        share, slots = self._share(ray)
        ours = {name: value for name, value in os.environ.items() if name.startswith(_OURS)}
        begun = [ray.put(_Begin(start, os.getcwd(), ours))]  # in a list it stays a reference
        do = ray.remote(_do).options(max_retries=0, **share)
        waiting = collections.deque((number, 1) for number in range(len(jobs)))
        going: dict[Any, tuple[int, int]] = {}
        deaths, ended = 0, False
        while waiting or going:
            # Some wait at the cluster, so that none of it is idle and one that can grow does.
            while waiting and len(going) < (self.most or max(2, 2 * slots)):
                number, tries = waiting.popleft()
                going[do.remote(begun, number, jobs[number])] = number, tries
            for task in ray.wait(list(going), timeout=1.0)[0]:
                number, tries = going.pop(task)
                event: Done[Result] | Failed = _event(ray, task, number)
                if not (isinstance(event, Failed) and event.died):
                    ended = True
                    yield event, False
                    continue
                deaths += 1
                if deaths >= _FALSE_STARTS and not ended:
                    raise UserError(f"Workers died, whatever they were given: {event.reason}")
                again = tries < _TRIES
                if again:
                    waiting.appendleft((number, tries + 1))
                else:
                    reason = f"{event.reason}, {tries} times"
                    event = dataclasses.replace(event, reason=reason)
                yield event, again

    def _share(self, ray: ModuleType) -> tuple[dict[str, float], int]:
        """What a job takes of a machine, and how many jobs there is room for."""
        held = [node["Resources"] for node in _machines(ray)]
        cores = [int(one["CPU"]) for one in held]
        gpus = int(sum(one.get("GPU", 0) for one in held))
        if self.large and gpus:
            return {"num_cpus": 1, "num_gpus": 1}, gpus
        taken = min(cores, default=1) if self.large else 1
        return {"num_cpus": taken}, sum(count // taken for count in cores)


def begin(ray: ModuleType, address: str, options: Mapping[str, Any]) -> None:
    """Joins a cluster, or starts one, which Ray gives up after 30 s on a busy machine.

    Args:
      ray: the package.
      address: of the cluster; 'local' is started.
      options: of `ray.init`.

    Raises:
      UserError: Ray's own reason, of the last of some tries.
    """
    for left in reversed(range(_STARTS if address == "local" else 1)):
        try:
            return _silently(ray.init, **options)
        except Exception as error:  # Ray raises this itself where a machine is too busy
            _silently(ray.shutdown)
            if not left:
                raise UserError(
                    f"--ray {address}: Ray could not be begun: {_last(str(error))}"
                ) from error


@dataclasses.dataclass(frozen=True)
class _Begin(Generic[Job, Result]):
    """What a worker process does first: it is where the driver is, and set up likewise."""

    start: Start[Job, Result]
    folder: str
    environment: Mapping[str, str]

    def __call__(self) -> Work[Job, Result]:
        with contextlib.suppress(OSError):  # paths that need it were looked for
            os.chdir(self.folder)
        os.environ |= self.environment
        runtime.quiet()
        runtime.compilation_cache()
        return self.start()


@functools.cache
def _begun(reference: Any) -> Work[Any, Any]:
    work: Work[Any, Any] = _ray().get(reference)()
    return work


def _unheard(frames: int, share: float, *, always: bool = False) -> None:
    """Notes that nobody hears; Ray itself ends the workers of a driver that is gone."""


def _do(begun: list[Any], number: int, job: Any) -> Done[Any] | Failed | Refused:
    """The task."""
    try:
        work = _begun(begun[0])
    except UserError as error:
        return Refused(str(error))
    return tried(work, number, job, _unheard)


def _event(ray: ModuleType, task: Any, number: int) -> Done[Any] | Failed:
    try:
        found: Done[Any] | Failed | Refused = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        return Failed(number, _last(str(error)))
    except ray.exceptions.RayError as error:
        reason = str(error).partition(". ")[0]
        return Failed(number, f"its worker died ({reason})", died=True)
    if isinstance(found, Refused):
        raise UserError(found.reason)
    return found


def lacking(wanted: Mapping[str, int | None], mark: str, version: str) -> list[str]:
    """What a machine lacks of files (by path, with their bytes; -1: of a folder)."""
    problems = [
        f"{path}: {'no such file or folder' if found is None else 'another file is there'}"
        for path, bytes_ in wanted.items()
        if (found := _size(Path(path))) != bytes_
    ]
    if not os.path.exists(mark):
        problems.append(f"{os.path.dirname(mark)}: is not the same folder there")
    if version != jaxsign.__version__:
        problems.append(f"jaxsign {jaxsign.__version__}, not {version}")
    return problems


def _size(path: Path) -> int | None:
    """Bytes of a file, -1 of a folder, None where there is nothing."""
    if path.is_dir():
        return -1
    return path.stat().st_size if path.exists() else None


def _machines(ray: ModuleType) -> list[dict[str, Any]]:
    """Those that jobs may run on."""
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]


def _probe(address: str, patience: float) -> None:
    """Raises UserError unless a cluster answers, and soon."""
    command = [sys.executable, "-c", _PROBE, address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
        reason = _cause(done.stderr) if done.returncode else ""
    except subprocess.TimeoutExpired:
        reason = f"nobody answers within {patience:g} s"
    if reason:
        raise UserError(
            f"--ray {address}: no cluster of Ray can be used there: {reason}\nExpected HOST:PORT "
            "as `ray start --head` tells it, from a machine of that cluster (`ray status` works "
            "there); auto, the cluster that this machine belongs to; or local"
        )


def _last(text: str) -> str:
    """The last line that says something."""
    return ([line.strip() for line in text.splitlines() if line.strip()] or ["no reason told"])[-1]


def _cause(trace: str) -> str:
    """The first error of a chain, which those behind it do not tell."""
    told = [line for line in trace.splitlines() if re.match(r"[\w.]+(Error|Exception): ", line)]
    return told[0][:400] if told else _last(trace)


def _silently(do: Callable[..., Any], **options: Any) -> None:
    """Does what Ray would say much about."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        do(**options)


class _WithoutRay:
    """A stream without what Ray's own thread prints: pages of advice for a worker that died."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes a text."""
        if threading.current_thread().name.startswith("ray_"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _ray() -> ModuleType:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ImportError as error:
        raise UserError("--ray needs Ray: pip install 'jaxsign[ray]'") from error
    return ray
