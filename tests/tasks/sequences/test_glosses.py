"""Clean-up rules before errors are counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign.tasks.sequences import glosses

SOME = (
    "loc-NORD", "cl-KOMMEN", "poss-MEIN", "lh-HABEN", "qu-WAS", "REGEN-PLUSPLUS", "__EMOTION__",
    "__LEFTHAND__", "S", "T", "SCH", "NN", "A+B", "SONNE", "S0NNE", "HABEN2", "WIE", "AUSSEHEN",
    "WIE AUSSEHEN", "NORDRAUM", "RAUM", "ZEIGEN", "__PU__BERG", "loc-cl-WEST", "",
)  # fmt: skip


@pytest.mark.parametrize(
    ("given_glosses", "expected"),
    [
        ("loc-NORD cl-KOMMEN lh-loc-WEST", "NORD KOMMEN WEST"),
        ("__EMOTION__ REGEN __PU__ __EPENTHESIS__ __ON__", "REGEN"),
        ("REGEN-PLUSPLUS REGEN SONNE", "REGEN SONNE"),
        ("S0NNE SONNE HABEN2", "SONNE HABEN"),
        ("A B C REGEN SCH I NN", "A+B+C REGEN SCH+I+NN"),
        ("A+B C", "A+B+C"),
        ("WIE AUSSEHEN MORGEN", "WIE-AUSSEHEN MORGEN"),
        ("NORDRAUM RAUM", "NORD RAUM"),
        ("ZEIGEN ZEIGEN-BILDSCHIRM", "ZEIGEN-BILDSCHIRM"),
        ("MORGEN REGEN MORGEN", "MORGEN REGEN MORGEN"),
        ("__EMOTION__", ""),
        ("", ""),
    ],
)
def test_phoenix_rules(given_glosses, expected):
    assert glosses.phoenix(given_glosses.split()) == tuple(expected.split())


@given(st.lists(st.sampled_from(SOME)))
def test_twice_is_once(words):
    once = glosses.phoenix(words)
    assert glosses.phoenix(once) == once
    assert glosses.as_is(words) == tuple(words)
