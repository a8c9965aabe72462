"""The table of recipes of scene graphs: it goes on where it stopped, and tells means."""

import pytest

from benchmarks import scene_recipes
from jaxsign.screen import Console

RECIPES = "sttran:synthetic", "easg:synthetic"


def learner(calls, stop=None):
    def learn(recipe, words, seed, folder):
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append((recipe, seed))
        numbers = {
            f"{cut} {split}": 80.0 + seed for cut in ("R@20", "mR@20") for split in ("val", "test")
        }
        return {**numbers, "seconds": 60.0}

    return learn


def test_a_stopped_table_goes_on_with_what_is_left(tmp_path, capsys):
    first, second, out = [], [], tmp_path / "t.json"
    with pytest.raises(KeyboardInterrupt):
        scene_recipes.measure(RECIPES, (), (1, 2), out, learner(first, stop=3))
    found = scene_recipes.measure(RECIPES, (), (1, 2), out, learner(second))
    assert len(first) == 3 and second == [("easg:synthetic", 2)]
    Console(width=140).print(scene_recipes.table(found))
    told = capsys.readouterr().out
    assert "sttran:synthetic" in told and "81.5 ± 0.7" in told


def test_a_tiny_recipe_is_trained_and_told_on_both_splits(tmp_path):
    scenes = {"videos": 4, "val_videos": 2, "frames": (2, 3), "boxes": (1, 2)}
    words = [f"--config.data.synthetic_scenes.{key}={value}" for key, value in scenes.items()]
    words += ["--config.input.buckets=((3, 3, 2),)", "--config.train.epochs=1"]
    words += [f"--config.net.{key}=4" for key in ("word_dim", "map_dim", "ff_dim")]
    words += ["--config.net.hidden_dim=8", "--config.net.temporal_layers=1"]
    found = scene_recipes.train("sttran:synthetic", words, 1, tmp_path / "run")
    assert set(found) == {"R@20 val", "mR@20 val", "R@20 test", "mR@20 test", "seconds"}
    assert 0 < found["R@20 test"] <= 100
