"""What `jaxsign train` does before and around a run."""

import datetime
import subprocess

import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import commands

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
PLAIN = configs.base()


def test_a_run_without_a_folder_gets_one_by_recipe_commit_and_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (
        commands.new_folder("configs/mine.py:small", NOW, PLAIN) == "runs/mine_small_260102_030405"
    )

    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "--short", "HEAD")
    assert commands.new_folder("mine", NOW, PLAIN) == f"runs/mine_{commit}_260102_030405"
    monkeypatch.setenv("PATH", "")
    assert commands.new_folder("mine", NOW, PLAIN) == "runs/mine_260102_030405"


def test_a_recipe_may_say_where_its_runs_lie():
    config = configs.load("fslr_transformer")
    config.log.folder = "output/{data}/{net}_{mode}_{time}"
    found = commands.new_folder("mine", NOW, config)
    assert found == "output/npz/sign_transformer_classify_20260102_030405"
    for wrong in ("output/{dataset}", "output/{", "output/{}", "{net.name}"):
        config.log.folder = wrong
        with pytest.raises(UserError, match=r"log.folder=.*\{data\}, \{net\}, \{mode\}, \{time\}"):
            commands.new_folder("mine", NOW, config)
