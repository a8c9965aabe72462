"""Processes that train together: how they find each other, and what they tell each other."""

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jaxsign import cli, machines
from jaxsign.errors import UserError
from jaxsign.machines import channel, finding, links, roll_call
from jaxsign.machines.finding import Seat

STEP = {
    "SLURM_JOB_ID": "70001", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODEID": "0",
    "SLURM_STEP_NODELIST": "gpu[007-008]", "SLURM_STEP_TASKS_PER_NODE": "2,1",
}  # fmt: skip


def test_told_by_hand():
    found = finding.find("node1:8476", 2, 3, {})
    assert found == Seat("node1", 8476, 2, 3)
    assert finding.find("[::1]:8476", 0, 2, {}) == Seat("::1", 8476, 0, 2)
    assert finding.find("", None, None, {}) is None
    assert finding.find("", None, 1, STEP) is None


def test_a_pod_of_an_indexed_job_knows_its_number():
    assert finding.find("train-0.train:8476", None, 2, {"JOB_COMPLETION_INDEX": "1"}).index == 1
    # The variable alone says nothing: jobs have many pods that do other work.
    assert finding.find("", None, None, {"JOB_COMPLETION_INDEX": "1"}) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("", 1, 2), "belong together"),
        (("node1:8476", None, 2), "belong together"),
        (("node1", 0, 2), "expected HOST:PORT"),
        (("node1:web", 0, 2), "expected HOST:PORT"),
        (("node1:8476", 2, 2), "numbered from 0 to 1"),
    ],
)
def test_half_of_it_is_refused(words, message):
    with pytest.raises(UserError, match=message):
        finding.find(*words, {})


def test_tasks_of_a_step_of_slurm_find_each_other():
    found = finding.find("", None, None, STEP)
    assert (found.host, found.index, found.count) == ("gpu007", 1, 3)
    assert found.devices == (1,)  # two tasks on this node
    assert finding.find("", None, None, {**STEP, "SLURM_NODEID": "1"}).devices is None
    assert finding.find("", None, None, {**STEP, "SLURM_GPUS_PER_TASK": "1"}).devices is None
    assert finding.find("", None, None, {**STEP, "CUDA_VISIBLE_DEVICES": "3"}).devices is None
    other = finding.find("", None, None, {**STEP, "SLURM_STEP_ID": "1"})
    assert 61440 <= found.port != other.port < 65536


def test_slurm_with_one_task_or_without_a_step_is_alone():
    assert finding.find("", None, None, {**STEP, "SLURM_STEP_NUM_TASKS": "1"}) is None
    batch = {key: value for key, value in STEP.items() if "STEP" not in key}
    assert finding.find("", None, None, {**batch, "SLURM_NTASKS": "3"}) is None


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,other", "node1"),
        ("gpu[003-007,12],other", "gpu003"),
        ("rack[2-3]n[1,5]", "rack2n1"),
    ],
)
def test_the_first_node_of_slurms_list(nodes, first):
    assert finding.first_host(nodes) == first


def seats(count):
    port = links.free_port("127.0.0.1")
    return [Seat("127.0.0.1", port, index, count) for index in range(count)]


def each(work, values):
    """What `work` gives for each value, in threads of their own; errors as values."""

    def tried(value):
        try:
            return work(value)
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(tried, values))


class Ends:
    """Takes the place of what ends a process."""

    def __init__(self):
        self.reasons, self.ended = [], threading.Event()

    def __call__(self, reason):
        self.reasons.append(reason)
        self.ended.set()


def talking(count, end=None, grace=0.2):
    """Machines and channels of `count` processes, all in this one."""

    def join(seat):
        present = roll_call.call(seat, 20)
        made = channel.Channel(present.names, seat.index, present.connections, end or Ends(), grace)
        return machines.Machines(seat.index, present.names, made), made

    return each(join, seats(count))


def test_values_of_all_reach_all():
    end = Ends()
    pairs = talking(3, end)
    found = each(lambda pair: pair[0].gather({"n": pair[0].index}), pairs)
    assert found == [[{"n": 0}, {"n": 1}, {"n": 2}]] * 3
    assert each(lambda pair: pair[0].of_first(pair[0].index), pairs) == [0, 0, 0]
    votes = [machines.Ballot(here) for here, _ in pairs]

    def vote(index):
        return [votes[index].ask(index == 1 and n >= 3) for n in range(20)].index(True)

    answers = each(vote, range(3))
    assert len({*answers}) == 1 and 3 <= answers[0] < 10
    for _ in range(20):  # nobody is missed where all leave, whoever is the first to do so
        each(lambda pair: pair[1].close(), pairs)
        pairs = talking(3, end)
    each(lambda pair: pair[1].close(), pairs)
    assert not end.reasons


def test_what_differs_is_named_to_all():
    pairs = talking(2)
    entries = [{"lr": "1", "rows": "4"}, {"lr": "2", "rows": "4"}]
    found = each(lambda pair: pair[0].agree(entries[pair[0].index]), pairs)
    assert found[0] == found[1]
    assert "lr: 1 in process 0" in found[0] and "2 in process 1" in found[0]
    assert "rows" not in found[0]
    each(lambda pair: pair[1].close(), pairs)


def test_why_one_ends_reaches_all():
    end = Ends()
    pairs = talking(3, end, grace=5)
    each(lambda pair: pair[1].fail("no data") if pair[0].index == 1 else None, pairs)
    # Who waits for a round hears it there.
    told = each(lambda pair: pair[0].gather(1), [pairs[0], pairs[2]])
    assert all("process 1" in text and text.endswith("ended: no data") for text in told)
    each(lambda pair: pair[1].fail("as well"), [pairs[0], pairs[2]])
    assert not end.reasons


def test_one_that_is_gone_ends_who_waits_for_a_device():
    end = Ends()

    def first(seat):
        present = roll_call.call(seat, 20)
        return channel.Channel(present.names, 0, present.connections, end, 0.2)

    def other(seat):
        roll_call.call(seat, 20).connections[0].close()  # as its process's end does

    each(lambda seat: other(seat) if seat.index else first(seat), seats(2))
    assert end.ended.wait(10)
    assert "process 1" in end.reasons[0] and "is gone" in end.reasons[0]


def test_a_connection_that_is_reset_is_at_its_end():
    """So ends that of a process that is killed before it has read all."""
    with links.listening("127.0.0.1", 0) as server:
        other = socket.create_connection(server.getsockname())
        link = links.Connection(server.accept()[0])
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    assert link.read(10) is None
    assert link.is_closed()
    link.close()


def test_who_has_not_come_is_named_to_all_who_have():
    few = seats(4)[:2]
    found = each(lambda seat: roll_call.call(seat, 1), few)
    assert found[0] == found[1]
    assert "processes 2, 3 of 4 did not come" in found[0] and "here are process 0" in found[0]


def test_the_first_one_is_missed():
    with pytest.raises(UserError, match="process 1 of 2 did not reach process 0 at 127.0.0.1"):
        roll_call.call(seats(2)[1], 0.5)


def test_two_of_one_number_and_other_counts_are_refused():
    three = seats(3)
    found = each(lambda seat: roll_call.call(seat, 5), [three[0], three[1], three[1]])
    assert "two processes say that they are process 1" in found[0]
    two = seats(2)
    more = Seat("127.0.0.1", two[0].port, 1, 3)
    found = each(lambda seat: roll_call.call(seat, 5), [two[0], more])
    assert found[0] == found[1]
    assert "is told that there are 3 processes, process 0 that 2" in found[0]


def test_a_stranger_at_the_port_does_not_matter():
    two = seats(2)

    def come(seat):
        if isinstance(seat, Seat):
            return roll_call.call(seat, 20).names
        with socket.create_connection(("127.0.0.1", two[0].port), 5) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return None

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(come, two[0])
        for _ in range(100):
            try:
                come("stranger")
                break
            except OSError:
                threading.Event().wait(0.05)
        assert come(two[1]) == first.result()


def test_a_port_that_is_taken_is_told():
    two = seats(2)
    with links.listening("127.0.0.1", two[0].port):
        with pytest.raises(UserError, match=r"process 0 cannot listen .* Expected a free port"):
            roll_call.call(two[0], 1)


def test_the_command_line_names_who_does_not_come(tmp_path, capsys):
    address = f"127.0.0.1:{links.free_port('127.0.0.1')}"
    words = ["train", "--config", "fslr_transformer:synthetic", "--workdir", str(tmp_path / "run")]
    together = ["--coordinator", address, "--processes", "2", "--process-id", "0", "--wait", "1"]
    assert cli.main([*words, *together]) == 1
    assert "process 1 of 2 did not come" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
