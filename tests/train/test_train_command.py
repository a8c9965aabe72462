"""What `jaxsign train` does before and around a run."""

import datetime
import subprocess

from jaxsign.train import commands

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


def test_a_run_without_a_folder_gets_one_by_recipe_commit_and_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commands.new_folder("configs/mine.py:small", NOW) == "runs/mine_small_260102_030405"

    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        done = subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "--short", "HEAD")
    assert commands.new_folder("mine", NOW) == f"runs/mine_{commit}_260102_030405"
    monkeypatch.setenv("PATH", "")
    assert commands.new_folder("mine", NOW) == "runs/mine_260102_030405"
