"""The contract of a task, kept by each: its numbers, and what is shown of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.input import places
from jaxsign.sections.kinds import KINDS
from jaxsign.tasks import measures, naming
from jaxsign.tasks.classes import weighting

RECIPES = ("fslr_transformer", "asl_hybrid", "whisper_sign", "small:masked")
EPOCH = {
    "classify": {
        "examples": 4.0, "loss": 2.0, "loss/gloss": 3.0, "correct/gloss": 1.0, "loss/cat": 1.0,
        "correct/cat": 2.0,
    },
    "masked": {"examples": 4.0, "loss": 2.0, "error": 30.0, "size": 60.0},
    "ctc_attention": {
        "examples": 4.0, "tokens": 8.0, "loss/ctc": 2.0, "loss/attention": 4.0,
        "loss/auxiliary": 0.0, "words": 8.0, "deletions": 1.0, "insertions": 0.0,
        "substitutions": 1.0, "sentences": 4.0, "wrong_sentences": 2.0,
    },
}  # fmt: skip


class Net(nets.Net):
    """Stands where a net is needed and none is called."""

    outputs = ("logits", "ctc_log_probs", "frames")


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


class Constant(nets.Net):
    """Logits [0, log 3], whatever comes in: p = (1/4, 3/4)."""

    @nn.compact
    def __call__(self, x, valid=None, *, train=False, progress=None):
        self.param("unused", nn.initializers.zeros, ())
        return {"logits": {"gloss": jnp.tile(jnp.log(jnp.array([1.0, 3.0])), (len(x), 1))}}


def test_balanced_classes_count_alike_in_training_and_validation_stays_as_it_is():
    config = configs.load("fslr_transformer")
    config.task.heads, config.loss.weights = ("gloss",), (1.0,)
    config.loss.update(class_weights="balanced", class_counts=((3, 1),))
    task = tasks.build(config, Constant())
    np.testing.assert_allclose(task.lost.class_weights, [(4 / 6, 4 / 2)])
    batch = {
        "x": np.zeros((4, 2, 1), np.float32),
        "valid": np.ones((4, 2), bool),
        "weight": np.ones(4, np.float32),
        "share": np.full(4, 0.25, np.float32),
        "gloss": np.array([0, 0, 1, 1]),
    }
    factors = np.array([4 / 6, 4 / 6, 2, 2])
    np.testing.assert_allclose(task.shares(batch)["share/gloss"], factors)
    batch["share/gloss"] = np.full(4, 1 / factors.sum(), np.float32)  # as the step does
    each = np.log([4, 4, 4 / 3, 4 / 3])
    now = {"loss_weights": jnp.ones(1), "epoch": 0.0, "step": 0}
    params = {"unused": jnp.zeros(())}
    loss, sums, _ = task.loss({"params": params}, batch, jax.random.key(0), now)
    wanted = each @ factors / factors.sum()  # as torch's CrossEntropyLoss(weight=factors)
    np.testing.assert_allclose([loss, sums["loss"] / 4], wanted, rtol=1e-6)
    found = task.evaluate({"params": params}, batch, now)
    np.testing.assert_allclose(found.sums["loss"], each.sum(), rtol=1e-6)


def test_classes_are_not_balanced_where_there_is_more_than_one_label_a_clip():
    config = configs.load("whisper_sign")
    config.data.sampler = config.loss.class_weights = "balanced"
    assert [text.partition(":")[0] for text in tasks.check(config)] == [
        "data.sampler=balanced",
        "loss.class_weights=balanced",
    ]


def test_classes_are_balanced_once():
    config = configs.load("fslr_transformer")
    config.data.sampler = config.loss.class_weights = "balanced"
    assert tasks.check(config) == [
        "data.sampler and loss.class_weights both balance the classes: set one"
    ]


def test_weights_of_classes_are_those_of_scikit_learn():
    loss = configs.base().loss
    loss.class_counts = ((6, 2, 0, 4), (12,))
    assert weighting.of_classes(loss) == ()
    loss.class_weights = "balanced"
    assert weighting.of_classes(loss) == ((12 / 18, 2.0, 0.0, 1.0), (1.0,))
    loss.name = "label_smoothing"
    with pytest.raises(UserError, match="without label smoothing. Set loss.name=ce"):
        weighting.of_classes(loss)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_learning_has_a_task_and_sources(name):
    config = configs.base()
    config.task.name, config.data.source = name, "nothing of that name"
    assert issubclass(tasks.kind(config), tasks.Task)
    with pytest.raises(UserError, match="data.source='nothing of that name'"):
        places.check(config)


def test_names_that_look_alike_are_told():
    names = {"gloss": ("hello", "hello\u200b", "thank you", "thank  You", "tea"), "cat": ("a", "b")}
    (told,) = naming.look_alike(names)
    assert "classes of gloss" in told and r"'hello' and 'hello\u200b'" in told
    assert "'thank you' and 'thank  You'" in told and "tea" not in told
