import pytest
from collections_of_clips import GOOGLE_250, in_memory

from jaxsign.errors import UserError
from jaxsign.input.signs.preparing import choosing, everyday

PUBLISHED = """hello please thankyou bye mom dad boy girl man child drink sleep go happy sad hungry
thirsty sick bad red blue green yellow black white""".split()


def test_the_25_signs_of_google_in_the_published_order():
    assert len(GOOGLE_250) == 250
    found = choosing.choose(in_memory([(sign, "1") for sign in GOOGLE_250]))
    assert list(found.glosses) == PUBLISHED
    assert list(found.classes()[0]) == PUBLISHED
    assert {entry.glosses[0] for entry in found.entries} == set(PUBLISHED) and len(found) == 25


def test_no_everyday_word_is_named_twice():
    assert len(set(everyday.WORDS)) == len(everyday.WORDS)
    assert all(choosing.plain(word) == word for word in everyday.WORDS)


def test_the_most_frequent_others_fill_up():
    rows = [("rare", "")] + [("often", "")] * 3 + [("HELLO", "")] + [("some", "")] * 2
    found = choosing.choose(in_memory(rows + [("Thank You", "")], glosses=("rare", "some")), (), 4)
    assert found.glosses == ("HELLO", "Thank You", "often", "some")
    assert len(found) == 7
    assert len(choosing.everyday_signs(in_memory(rows), 25)) == 4


def test_signs_that_a_person_names_are_numbered_in_that_order():
    collection = in_memory([("b", "1"), ("a", "1"), ("c", "2"), ("b", "2")])
    found = choosing.choose(collection, ["c", "b"])
    assert found.glosses == ("c", "b")
    assert [entry.name for entry in found.entries] == ["c000", "c002", "c003"]
    assert found.read(1).landmarks.tobytes() == collection.read(2).landmarks.tobytes()


def test_a_sentence_needs_all_of_its_signs():
    rows = [(("a", "b"), ""), (("a", "c"), ""), ("a", ""), ((), "")]
    assert len(choosing.choose(in_memory(rows), ["a", "b"])) == 2


def test_wrong_names_are_all_told():
    collection = in_memory([("hello", "1"), ("bye", "1")], glosses=("hello", "bye", "zebra"))
    text = "(?s)'helo' is unknown. Did you mean 'hello'.*'zebra' has no clip.*'bye' is named 2"
    with pytest.raises(UserError, match=text):
        choosing.choose(collection, ["helo", "zebra", "bye", "bye"])
    with pytest.raises(UserError, match="no labels"):
        choosing.choose(in_memory([((), "")]))
