"""Ctrl-C is never lost, and leaves no trace of the program's parts."""

import importlib
import os
import signal
import subprocess
import sys
import time

import pytest
from helpers import ROOT

from jaxsign import cli, interrupts


class Interrupted:
    """Ctrl-C is pressed as it goes, where nothing can be raised."""

    def __init__(self, error=None):
        self.error = error

    def __del__(self):
        if self.error:
            raise self.error
        signal.raise_signal(signal.SIGINT)


def pressed(*_):
    Interrupted()
    time.sleep(10)


def test_ctrl_c_in_a_destructor_ends_the_block(capfd):
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), interrupts.never_lost():
        pressed()
    assert sys.unraisablehook is before and capfd.readouterr().err == ""


def test_ctrl_c_in_a_destructor_at_the_end_comes_within_the_block():
    with pytest.raises(KeyboardInterrupt), interrupts.never_lost():
        Interrupted()


def test_ctrl_c_in_a_destructor_ends_a_verb(monkeypatch, capsys):
    monkeypatch.setattr(cli, "_run", lambda words, again: pressed())
    assert cli.main(["inspect"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_other_errors_of_destructors_are_shown_as_before():
    shown = []
    before, sys.unraisablehook = sys.unraisablehook, lambda what: shown.append(what.exc_value)
    try:
        with interrupts.never_lost():
            Interrupted(error := ValueError("x"))
    finally:
        sys.unraisablehook = before
    assert shown == [error]


STARTING = """
import signal, sys

class Pressed:
    def find_spec(self, name, *_):
        if name == "jaxsign.cli":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Pressed())
from jaxsign import __main__
sys.exit(__main__.main())
"""


def test_ctrl_c_while_the_program_starts_is_one_line():
    ended = subprocess.run([sys.executable, "-c", STARTING], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")


def test_ctrl_c_that_is_ignored_stays_so():
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    interrupts.end_at_once()
    assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    interrupts.raise_again()
    assert signal.signal(signal.SIGINT, signal.SIG_IGN) is signal.default_int_handler
    try:
        interrupts.end_at_once()
        interrupts.raise_again()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_while_a_module_is_loaded_comes_behind_it(tmp_path, monkeypatch):
    """Native modules make an ImportError of it, or abort."""
    (tmp_path / "slow_to_load.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(0.05)\nwhole = 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts.never_lost():
        slow = importlib.import_module("slow_to_load")
        assert slow.whole
        for _ in range(500):
            time.sleep(0.01)
        pytest.fail("it never came")
    assert signal.getsignal(signal.SIGINT) is before and sys.modules.pop("slow_to_load").whole


LEAVING = """
import threading, time
from jaxsign import interrupts

def work():
    with interrupts.unstoppable():
        begun.set()
        time.sleep(100)

begun = threading.Event()
threading.Thread(target=work).start()
begun.wait()
print("told")
raise SystemExit(interrupts.leave(7))
"""


def test_the_program_does_not_wait_for_what_cannot_be_stopped():
    words = [sys.executable, "-c", LEAVING]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (7, "told\n")
    assert interrupts.leave(3) == 3


def test_what_comes_late_to_a_loop_that_is_closed_is_not_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(str(what.exc_value)))
    with interrupts.never_lost():
        Interrupted(RuntimeError("Event loop is closed"))
        Interrupted(RuntimeError("another"))
    assert told == ["another"]


ORPHAN = """
import multiprocessing, os, time
from jaxsign import interrupts

def work():
    interrupts.end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work).start()
    time.sleep(60)
"""


def test_a_worker_ends_with_a_parent_that_is_killed(tmp_path):
    (tmp_path / "orphan.py").write_text(ORPHAN)
    words = [sys.executable, str(tmp_path / "orphan.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout.readline().strip().isdecimal()  # the worker is at work
        parent.kill()
        begun = time.monotonic()
        assert parent.stdout.read() == ""  # ends when the worker, who holds it too, has ended
        assert time.monotonic() - begun < 30
