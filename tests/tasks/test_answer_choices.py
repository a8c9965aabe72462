"""What an answer was chosen from, as pages and tables show it."""

import math

import numpy as np
import pytest

from jaxsign.tasks.classes.answers import ClassAnswer
from jaxsign.tasks.classes.nothing import TOLD, Nothing
from jaxsign.tasks.sequences.answers import Hypothesis, SequenceAnswer

LOGITS = {"gloss": np.log([0.1, 0.7, 0.2]), "cat": np.log([0.4, 0.6])}
NAMES = {"gloss": ("YES", "NO (NEVER)", "TEA"), "cat": None}


def test_signs_are_chosen_from_the_best_of_every_head():
    answer = ClassAnswer(LOGITS, NAMES)
    assert answer.said() == "NO (NEVER), 1"
    found = answer.choices()
    assert [name for name, _ in found["gloss"]] == ["NO (NEVER)", "TEA", "YES"]
    assert [p for _, p in found["gloss"]] == pytest.approx([0.7, 0.2, 0.1])
    assert [name for name, _ in found["category"]] == ["1", "0"]
    assert ClassAnswer(LOGITS, NAMES, Nothing("gloss", 0.8)).said() == TOLD


def test_sentences_are_chosen_from_their_readings():
    readings = ((1, 0), math.log(0.5)), ((), math.log(0.25))
    hypotheses = tuple(Hypothesis(glosses, log, None, log) for glosses, log in readings)
    answer = SequenceAnswer(hypotheses, "beam", ("YES", "NO"))
    assert answer.said() == "NO YES"
    (found,) = answer.choices().values()
    assert [text for text, _ in found] == ["NO YES", "(nothing)"]
    assert [p for _, p in found] == pytest.approx([0.5, 0.25])
