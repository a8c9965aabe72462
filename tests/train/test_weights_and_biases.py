"""Weights & Biases gets a run's numbers, and never stops one."""

import logging
import threading

import pytest

from jaxsign.train import weights_and_biases


class Service:
    """Stands in for the package: keeps what it is told, or fails from a call on."""

    def __init__(self, fails=""):
        self.told, self.fails, self.id = [], fails, "run"

    def _call(self, name, /, *words, **named):
        if name == self.fails:
            raise ConnectionError("no network")
        self.told.append((name, words, named))
        return self

    def __getattr__(self, name):
        return lambda *words, **named: self._call(name, *words, **named)


def told(service, workdir, choice="on", started="2026-01-01"):
    config = {"optim": {"lr": 0.1}}
    board = weights_and_biases.Board(choice, workdir, started, config, service)
    board.scalars({"train/loss": 0.5}, 3)
    board.scalars({"train/loss": 0.4}, 4)
    board.close()
    board.scalars({"train/loss": 0.3}, 5)
    return service.told


def test_config_numbers_and_the_best_checkpoint_are_sent(tmp_path):
    (tmp_path / "checkpoints" / "best").mkdir(parents=True)
    init, *logs, artifact, folder, sent, finish = told(Service(), tmp_path)
    assert init[2]["project"] == "slr" and init[2]["name"] == tmp_path.name
    assert init[2]["config"] == {"optim": {"lr": 0.1}} and init[2]["resume"] == "allow"
    assert logs == [
        ("log", ({"train/loss": 0.5},), {"step": 3}), ("log", ({"train/loss": 0.4},), {"step": 4}),
    ]  # fmt: skip
    assert artifact == ("Artifact", ("run-best",), {"type": "model"})
    assert folder[1] == (str(tmp_path / "checkpoints" / "best"),)
    assert [sent[0], finish[0]] == ["log_artifact", "finish"]
    again, other = (told(Service(), tmp_path, started=s)[0][2]["id"] for s in ("2026-01-01", "x"))
    assert init[2]["id"] == again != other


def test_it_is_on_where_there_is_a_key_or_the_recipe_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert told(Service(), tmp_path, "auto") == [] == told(Service(), tmp_path, "off")
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert told(Service(), tmp_path, "auto") and not told(Service(), tmp_path, "off")


@pytest.mark.parametrize("call", ["init", "log", "finish"])
def test_a_failure_is_told_once_and_ends_nothing_else(tmp_path, caplog, call):
    with caplog.at_level(logging.WARNING, logger="jaxsign"):
        told(Service(call), tmp_path)
    (record,) = caplog.records
    assert "ConnectionError: no network. Nothing more is sent" in record.getMessage()


def test_a_service_that_never_answers_holds_nothing_up(tmp_path, caplog):
    over = threading.Event()

    class Silent(Service):
        def init(self, **named):
            over.wait(30)
            raise ConnectionError("given up")

    with caplog.at_level(logging.WARNING, logger="jaxsign"):
        board = weights_and_biases.Board("on", tmp_path, "", {}, Silent(), patience=0.05)
        board.scalars({"train/loss": 0.5}, 3)
        sender = board._thread
        board.close()
        over.set()
        sender.join(5)
    (record,) = caplog.records
    assert "no answer for 0.05 seconds" in record.getMessage()
