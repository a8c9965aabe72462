"""Macro scores of an epoch, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.tasks.classes import macro

CLASSES = 7


def epoch(seed=0, sizes=(9, 4, 1), languages=2):
    rng = np.random.default_rng(seed)
    return [
        (
            rng.integers(0, CLASSES, n),
            rng.integers(0, CLASSES - 1, n),
            rng.integers(0, languages, n),
        )
        for n in sizes
    ]


def added(batches, languages=2, rows=10):
    """Sums of batches of one size, filled up with rows that do not count, as the loop adds them."""
    totals = {}
    for batch in batches:
        gap = rows - len(batch[0])
        predicted, truth, language = (np.pad(ids, (0, gap)).astype(np.int32) for ids in batch)
        real = (np.arange(rows) < rows - gap).astype(np.float32)
        found = macro.sums(predicted, truth, real, language, CLASSES, languages)
        totals = {name: np.asarray(n) + totals.get(name, 0) for name, n in found.items()}
    return totals


def sklearn_scores(predicted, truth):
    three = metrics.precision_recall_fscore_support(
        truth, predicted, average="macro", zero_division=0
    )
    return dict(zip(("precision", "recall", "f1"), three[:3], strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_the_epoch_whatever_its_batches(seed):
    batches = epoch(seed)
    predicted, truth, language = (np.concatenate(part) for part in zip(*batches, strict=True))
    found = macro.means(added(batches), 2)
    wanted = sklearn_scores(predicted, truth)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-6)
    each = [sklearn_scores(p, t)["f1"] for p, t, _ in batches]
    mean = np.average(each, weights=[len(t) for _, t, _ in batches])
    assert found["f1_batchmean"] == pytest.approx(mean, rel=1e-6)
    for i in range(2):
        own = language == i
        assert found[f"acc_{i}"] == pytest.approx((predicted == truth)[own].mean())
        wanted = sklearn_scores(predicted[own], truth[own])["f1"]
        assert found[f"f1_{i}"] == pytest.approx(wanted, rel=1e-6)


def test_a_language_without_rows_has_no_scores():
    found = macro.means(added(epoch(languages=1)), 2)
    assert np.isnan([found["acc_1"], found["f1_1"], found["f1_batchmean_1"]]).all()
    assert found["f1"] == found["f1_0"]
    assert np.isnan(list(macro.means({}, 1).values())).all()


def test_the_recipe_turns_them_on_and_they_are_columns_that_can_choose():
    config = configs.load("fslr_transformer")
    assert not [c for c in tasks.build(config, nets.Net()).columns if "f1" in c.name]
    config.task.macro, config.task.heads, config.task.monitor = True, ("gloss",), "f1/gloss"
    config.loss.weights = (1.0,)
    config.data.parts = ("vgt", "ngt")
    task = tasks.build(config, nets.Net())
    names = [column.name for column in task.columns]
    assert names[:2] == ["val_gloss_acc", "train_gloss_acc"]
    assert names[2:12] == [
        "val_gloss_f1", "val_gloss_f1_batchmean", "val_gloss_precision", "val_gloss_recall",
        "val_gloss_acc_0", "val_gloss_f1_0", "val_gloss_f1_batchmean_0", "val_gloss_acc_1",
        "val_gloss_f1_1", "val_gloss_f1_batchmean_1",
    ]  # fmt: skip
    assert names[12:] == [name.replace("val", "train") for name in names[2:12]]
    sums = {f"macro/gloss/{name}": value for name, value in added(epoch()).items()}
    sums |= {"examples": 14.0, "loss": 1.0, "loss/gloss": 1.0, "correct/gloss": 3.0}
    means = task.summarise(sums)
    assert {column.key for column in task.columns} <= set(means)
    assert task.numbers(config)["f1/gloss"].score(means) == means["f1/gloss"]
    assert tasks.check(config) == []
    # Before the first step there is nothing.
    assert np.isnan(task.summarise({k: v for k, v in sums.items() if "macro" not in k})["f1/gloss"])
