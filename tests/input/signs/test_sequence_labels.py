"""Label sequences of clips and of their pieces."""

import numpy as np

from jaxsign.input.signs.sequence_labels import SequenceLabels, frames_needed


def labels():
    return SequenceLabels([(0,), (1, 1, 2)], 4, np.array([20, 40]))


def test_ids_are_classes_above_the_blank():
    stacked = labels().stack([labels().of_piece(1, ()), (), (1,)])
    np.testing.assert_array_equal(stacked["sequence"], [[2, 2, 3], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(stacked["sequence_valid"].sum(1), [3, 0, 1])


def test_a_single_gloss_belongs_to_pieces_of_at_least_half_its_clip():
    assert labels().of_piece(0, (5, 10)) == (1,)
    assert labels().of_piece(0, (5, 9)) == ()


def test_of_several_glosses_those_belong_whose_middle_lies_inside():
    made = labels()
    assert made.of_piece(1, (0, 40)) == (2, 2, 3)  # the whole clip needs no alignment
    assert made.of_piece(1, (0, 20)) is None
    made.alignment = [None, [5, 18, 30]]
    assert made.of_piece(1, (0, 18)) == (2,)
    assert made.of_piece(1, (5, 14)) == (2, 2)
    assert made.of_piece(1, (19, 11)) == ()
    assert made.several == [1]


def test_equal_neighbours_need_a_blank_between_them():
    assert frames_needed((2, 2, 3)) == 4 and frames_needed(()) == 0
    assert labels().fit((2, 2, 3), 13) and not labels().fit((2, 2, 3), 12)
