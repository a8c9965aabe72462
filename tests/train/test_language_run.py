"""SceneLLM's last stage with a tiny Gemma from a file: what learns, at which rate, resumed."""

import csv
import io

import numpy as np
import pytest
import recipes
from rich.console import Console
from test_language_net import TINY
from test_pretrained_gemma import weights as weights_of_gemma
from test_pretrained_gemma import written

from jaxsign.errors import UserError
from jaxsign.train import by_path, log, loop, weights

LR = 0.01


def config(pretrained):
    """One epoch with the language model frozen whole, then one in which its LoRA learns."""
    made = recipes.small("sttran:synthetic", None)
    made.unlock()
    made.net.update({"name": "scene_llm", "embed_dim": 8, "codebook_size": 6, "ot_step": 0, **TINY})
    made.log.tensorboard = False
    made.optim.update(lr=LR, weight_decay=0.0, lr_factors=((r"^language/.*lora_", 0.1),))
    made.schedule.update(name="constant", warmup_updates_before=0)
    made.train.update(epochs=1, pretrained=str(pretrained))
    made.input.batch_size = 2  # two steps an epoch
    made.stages = "still,speaks"
    frozen = {"still": ("^language/",), "speaks": (r"^language/.*/(kernel|weight)$",)}
    made.stage = {name: {"train": {"frozen": patterns}} for name, patterns in frozen.items()}
    return made


def train(place, pretrained, steps=None):
    text = io.StringIO()
    display = log.TrainingDisplay(live=False, console=Console(file=text, width=200))
    loop.train(config(pretrained), place, display, stop_after_steps=steps)
    return text.getvalue()


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    return written(tmp_path_factory.mktemp("gemma") / "tiny")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, gemma):
    place = tmp_path_factory.mktemp("language") / "run"
    return place, train(place, gemma)


def params_of(place):
    variables, _ = weights.load_variables(place, "last")
    return by_path.flat(variables["params"])


def numbers_of(place):
    """metrics.csv without what a clock tells."""
    with (place / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clock = [name for name in rows[0] if name.endswith("_time")]
    assert len(clock) == 3 and len(rows) == 2
    return [{k: v for k, v in row.items() if k not in clock} for row in rows]


def test_gemma_stays_as_its_file_and_only_lora_learns(whole):
    found = params_of(whole[0])
    for name in ("q_proj", "v_proj", "o_proj"):
        given = weights_of_gemma()[f"model.layers.1.self_attn.{name}.weight"].T
        np.testing.assert_array_equal(found[f"language/layer_1/self_attn/{name}/kernel"], given)
    learned = {
        path: (np.asarray(value) != 0).any() for path, value in found.items() if "lora_b" in path
    }
    assert learned == {path: "v_proj" in path for path in learned} and len(learned) == 4


def test_the_tables_tell_lora_at_its_own_rate(whole):
    still, speaks = whole[1].split("stage speaks")
    assert "frozen   language (" in still and "train    language (" not in still
    found = [line for line in speaks.splitlines() if " language (" in line]
    assert [line.split()[0] for line in sorted(found)] == ["frozen", "train", "unused"]
    (rate,) = [line for line in found if line.startswith("train")]
    assert " language (lora_a, lora_b) " in rate and rate.endswith("rate 0.001")
    assert "23 arrays" in still and "embed_tokens" in still


def test_a_run_that_is_stopped_in_either_stage_goes_on_to_the_same_numbers(whole, gemma, tmp_path):
    place = tmp_path / "run"
    for steps in (1, 2, None):
        train(place, gemma, steps)
    assert numbers_of(place) == numbers_of(whole[0])
    one, two = params_of(whole[0]), params_of(place)
    assert one.keys() == two.keys()
    for path in one:
        np.testing.assert_array_equal(one[path], two[path], err_msg=path)


def test_without_weights_a_run_says_what_to_give(tmp_path):
    with pytest.raises(UserError, match="train.pretrained is not set.*google/gemma-2-2b.*'random'"):
        train(tmp_path / "run", "")
    assert not (tmp_path / "run" / "config.json").exists()
