"""Vectors of words: the text file, its cache, and vectors of letters."""

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input import files, words
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from tests import helpers

LINES = ("cup 1 2 3", "stop -1 0.5 2e-1", "Light 4 4 4", "light 5 5 5", ". . 7 7 7")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXSIGN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "words"


def write(tmp_path, lines=LINES, end="\n"):
    path = tmp_path / "vectors.txt"
    path.write_text(end.join(lines) + end)
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_names_are_looked_up_as_the_original_does(tmp_path, end):
    names = ("__background__", "cup/glass/bottle", "a stop", "LIGHT", "Light", "unicorn")
    found = words.of_names(write(tmp_path, end=end), names, 3)
    wanted = [[0, 0, 0], [1, 2, 3], [-1, 0.5, 0.2], [5, 5, 5], [4, 4, 4]]
    np.testing.assert_array_equal(found.table[:5], np.float32(wanted))
    assert found.absent == ("unicorn",)
    np.testing.assert_array_equal(found.table[5], words.of_names("", ["unicorn"], 3).table[0])


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path):
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    found = words.of_names(path, ["cup"], 3)
    assert found.table.tolist() == [[1, 2, 3]] and not found.absent


def test_vectors_of_letters_are_the_same_everywhere():
    found = words.of_names("", ["bag", "bed"], 4)
    expected = [[-0.101, -0.196, 0.093, 1.442], [0.945, -0.467, -0.187, 0.234]]
    np.testing.assert_allclose(found.table, expected, atol=5e-4)
    many = words.of_names("", [f"name {i}" for i in range(300)], 50).table
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1) < 0.02


@pytest.mark.parametrize("head", [(), ("2 3",)])
def test_a_word_with_a_space_and_the_head_of_another_form(tmp_path, head):
    found = words.of_names(write(tmp_path, (*head, *LINES)), ["cup", ". ."], 3)
    assert found.table.tolist() == [[1, 2, 3], [7, 7, 7]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bag 1 2", "line 6: 2 numbers"),
        ("bag", "line 6: 0 numbers"),
        ("bag 1 2 3 4", "line 6: 4 numbers"),
        ("bag 1 2 nan", "line 6: holds what is no number"),
        ("bag 1 2 1e99", "line 6: holds what is no finite number"),
        ("bag 1 2 1-1", "line 6: holds what is no finite number"),
        ("other 1 x 2", "line 6: holds what is no number"),
    ],
)
def test_broken_lines(tmp_path, cache, line, told):
    with pytest.raises(UserError, match=told):
        words.of_names(write(tmp_path, (*LINES, line)), ["bag"], 3)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"cup 1 2 3 4\n", "vectors of 4 numbers, the net takes 3.*net.word_dim=4"),
        (b"PK\3\4 more", r"vectors.txt: is no text file of word vectors \(a zip archive\)"),
        (b"\n", "holds no vectors"),
        (b"", "holds no vectors"),
    ],
)
def test_files_of_another_kind(tmp_path, content, told):
    (tmp_path / "vectors.txt").write_bytes(content)
    with pytest.raises(UserError, match=told):
        words.of_names(tmp_path / "vectors.txt", ["bag"], 3)


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(UserError, match="no such file.*glove.6B.200d.txt"):
        words.of_names(tmp_path / "vectors.txt", ["bag"], 3)


def test_what_was_found_is_kept_until_the_file_changes(tmp_path, cache):
    path = write(tmp_path)
    words.of_names(path, ["cup"], 3)
    (kept,) = cache.iterdir()
    held = files.read_npz(kept)
    files.write_npz(kept, held | {"table": held["table"] * 2})
    assert words.of_names(path, ["cup"], 3).table.tolist() == [[2, 4, 6]]  # from the cache
    kept.write_bytes(b"damaged")
    assert words.of_names(path, ["cup"], 3).table.tolist() == [[1, 2, 3]]
    write(tmp_path, ("cup 3 2 1", *LINES[1:]))  # as large as before
    assert words.of_names(path, ["cup"], 3).table.tolist() == [[3, 2, 1]]


@pytest.mark.parametrize("place", ["", "/dev/null/none"])
def test_no_cache_and_one_that_cannot_be_written(tmp_path, monkeypatch, place):
    monkeypatch.setenv("JAXSIGN_CACHE", place)
    assert words.of_names(write(tmp_path), ["cup"], 3).table.tolist() == [[1, 2, 3]]


@pytest.mark.shared
def test_glove_knows_all_classes_of_action_genome():
    path = helpers.SHARED / "data/glove_50d/glove.6B.50d.subset.txt"
    found = words.of_names(path, ACTION_GENOME.objects, 50)
    assert not found.absent and not found.table[0].any() and found.table[1:].any(axis=1).all()
    cup = next(line for line in path.read_text().splitlines() if line.startswith("cup "))
    row = found.table[ACTION_GENOME.objects.index("cup/glass/bottle")]
    np.testing.assert_array_equal(row, np.float32(cup.split(" ")[1:]))
