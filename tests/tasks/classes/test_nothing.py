"""When an answer means none of the signs."""

import numpy as np
import pytest

from jaxsign import run_files
from jaxsign.errors import UserError
from jaxsign.tasks.classes import answers, nothing

NAMES = ("A", "B", "-")


def logits(*rows):
    return np.log(np.array(rows, np.float32))


# Two signs rightly, one of no sign rightly, one of no sign taken for A without being sure.
TRUTH = np.array([0, 1, 2, 2])
SAID = logits([0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.5, 0.3, 0.2])


def test_the_threshold_tells_clips_of_no_sign_best():
    found = nothing.choose("gloss", TRUTH, SAID, NAMES, "-")
    assert found.threshold == pytest.approx(0.65) and found.number == 2
    told = found.told(TRUTH, SAID)
    assert (told["precision"], told["recall"]) == (1.0, 1.0)
    assert (told["signs_kept"], told["kept_right"]) == (1.0, 1.0)
    assert "precision 100.0%" in nothing.spelt(told)


def test_without_a_class_of_no_sign_most_right_answers_stay():
    sure = np.linspace(0.5, 0.99, 100)
    rows = np.log(np.stack([sure, 1 - sure], -1).astype(np.float32))
    found = nothing.choose("gloss", np.zeros(100, int), rows, ("A", "B"), "")
    assert (~found.is_none(rows)).mean() == pytest.approx(0.95)
    assert found.told(np.zeros(100, int), rows)["precision"] is None


@pytest.mark.parametrize(
    ("truth", "no_sign", "text"),
    [(TRUTH, "_", "'_' is no class of gloss"), (np.array([0, 1, 0, 1]), "-", "no validation clip")],
)
def test_a_class_that_cannot_be_is_refused(truth, no_sign, text):
    with pytest.raises(UserError, match=text):
        nothing.choose("gloss", truth, SAID, NAMES, no_sign)


def test_it_is_read_as_it_was_written(tmp_path):
    assert nothing.read(tmp_path) is None
    found = nothing.Nothing("gloss", 0.7, "-", 2)
    found.write(tmp_path)
    assert nothing.read(tmp_path) == found
    (tmp_path / run_files.NONE).write_text("{}")
    with pytest.raises(UserError, match="none.json: not readable.*evaluate --none"):
        nothing.read(tmp_path)


def test_an_answer_says_that_it_is_none_of_the_signs():
    names = {"gloss": NAMES}
    unsure = answers.ClassAnswer({"gloss": SAID[3]}, names, nothing.Nothing("gloss", 0.7))
    assert unsure.line() == "none of these (best: A (0) 0.500)"
    assert unsure.json()["none_of_these"] is True and "None of these" in unsure.text("c")
    sure = answers.ClassAnswer({"gloss": SAID[0]}, names, nothing.Nothing("gloss", 0.7))
    assert sure.json()["none_of_these"] is False and "none" not in sure.line()
    assert "none_of_these" not in answers.ClassAnswer({"gloss": SAID[3]}, names).json()
