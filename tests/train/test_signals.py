"""A stop request is answered at once."""

import os
import signal

import pytest

from jaxsign.train import signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_answered_and_the_second_one_stops_now(capfd, number):
    before = signal.getsignal(number)
    with signals.StopRequest() as stop:
        os.kill(os.getpid(), number)
        assert stop.requested
        assert "stopping after this step; once more = now" in capfd.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
            signal.pause()
    assert signal.getsignal(number) == before
