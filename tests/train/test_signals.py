"""A stop request is answered at once."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jaxsign.train import signals

ANSWER = "stopping after this step; once more = now"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_answered_and_the_second_one_stops_now(capfd, number):
    before = signal.getsignal(number)
    with signals.StopRequest() as stop:
        os.kill(os.getpid(), number)
        assert stop.requested
        told = ""
        while ANSWER not in told:  # by a thread of its own
            time.sleep(0.01)
            told += capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.pause()
    assert signal.getsignal(number) == before
    assert signal.set_wakeup_fd(-1) == -1


BUSY = """
import hashlib
from jaxsign.train import signals
with signals.StopRequest(grace=0.1):
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # no handler can run in it, as in a compile
"""


def test_a_signal_is_answered_where_no_handler_can_run():
    busy = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert busy.stdout.readline() == "begun\n"
    busy.send_signal(signal.SIGINT)
    assert [busy.stderr.readline() for _ in range(2)] == ["\n", f"{ANSWER}\n"]
    assert busy.poll() is None
    busy.send_signal(signal.SIGINT)
    assert busy.wait(timeout=10) == 130
