"""The contract of a task, kept by each: its numbers, and what is shown of them."""

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.tasks import measures

RECIPES = ("fslr_transformer", "asl_hybrid", "whisper_sign")
EPOCH = {
    "classify": {
        "examples": 4.0, "loss": 2.0, "loss/gloss": 3.0, "correct/gloss": 1.0, "loss/cat": 1.0,
        "correct/cat": 2.0,
    },
    "ctc_attention": {
        "examples": 4.0, "tokens": 8.0, "loss/ctc": 2.0, "loss/attention": 4.0,
        "loss/auxiliary": 0.0, "words": 8.0, "deletions": 1.0, "insertions": 0.0,
        "substitutions": 1.0, "sentences": 4.0, "wrong_sentences": 2.0,
    },
}  # fmt: skip


class Net(nets.Net):
    """Stands where a net is needed and none is called."""

    outputs = ("logits", "ctc_log_probs")


def made(recipe):
    config = configs.load(recipe)
    return config, tasks.build(config, Net())


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_shown_and_chosen_by_is_among_the_means(recipe):
    config, task = made(recipe)
    means = task.summarise(EPOCH[config.task.name])
    numbers = task.numbers(config)
    assert {number.key for number in numbers.values()} <= set(means)
    assert config.task.monitor in numbers and tasks.check(config) == []
    columns = task.columns
    assert {column.key for column in columns} <= set(means)
    assert set(task.panel.curves) <= {column.name for column in columns}
    assert task.line(means) and len({column.name for column in columns}) == len(columns)


def test_numbers_are_told_as_people_read_them():
    config, task = made("whisper_sign")
    means = task.summarise(EPOCH["ctc_attention"])
    wer = task.numbers(config)["wer"]
    assert (wer.words, wer.shown(means["wer"])) == ("validation word error rate", "25.0 %")
    assert wer.score(means) == -0.25 and wer.value(-0.25) == 0.25
    assert task.line(means) == "val WER 25.0 %  (del 12.5  ins 0.0  sub 12.5)"
    assert task.epoch_tags(means) == {"val/ctc": 0.5, "val/attention": 0.5}
    config, task = made("fslr_transformer")
    means = task.summarise(EPOCH["classify"])
    assert task.numbers(config)["gloss"].shown(means["acc/gloss"]) == "0.2500"
    assert task.line(means) == "val acc gloss 0.250  cat 0.500"


def test_an_unknown_monitor_is_refused():
    config = configs.load("fslr_transformer")
    config.task.monitor = "wer"
    assert "task.monitor='wer': expected one of ('gloss', 'cat', 'loss'" in tasks.check(config)[0]
    config.task.monitor = "gloss"
    config.train.stop_monitor, config.schedule.monitor = "loss", "los"
    (wrong,) = tasks.check(config)
    assert wrong.startswith("schedule.monitor='los'")
    config.schedule.monitor = "loss/cat"
    watched = tasks.monitors(config)
    assert [n.key for n in (watched.best, watched.stop, watched.steer)] == [
        "acc/gloss", "loss", "loss/cat",
    ]  # fmt: skip
    config.task.name = "clasify"
    with pytest.raises(UserError, match="Did you mean 'classify'"):
        tasks.check(config)


def test_only_changing_weights_have_columns():
    config, task = made("fslr_transformer")
    assert task.rates(config, 0).columns == {}
    np.testing.assert_array_equal(task.rates(config, 0).now["loss_weights"], [0.5, 0.5])
    config.loss.update(curriculum="gloss-first", curriculum_epochs=2)
    rates = task.rates(config, 0)
    assert rates.columns == {
        "alpha": 0.9, "beta": 0.1, "curriculum_phase": "Gloss-first curriculum phase (epoch 1/2)",
    }  # fmt: skip
    config, task = made("whisper_sign")
    assert task.rates(config, 0) == measures.Rates()


def test_a_survey_gives_the_middle_frames_of_labels():
    _, task = made("whisper_sign")
    spans = np.array([[[0, 3], [4, 9]], [[-1, -1], [-1, -1]], [[2, 3], [-1, -1]]])
    rows = [{"index": np.array([1, 0, -1]), "spans": spans}]
    assert task.survey(rows, 3) == [None, [1, 6], None]
