"""Files as texts call them that were written on another system."""

import pytest

from jaxsign.errors import UserError
from jaxsign.input import lookup

NFC, NFD = "café", "cafe\u0301"


def test_a_name_is_found_in_the_other_unicode_form_and_with_its_ending_in_capitals(tmp_path):
    place = tmp_path / "a"
    place.mkdir()
    for name in (f"{NFD}.JPG", f"._{NFD}.JPG", "1.jpg"):
        (place / name).touch()
    whole, stems = lookup.Lookup(tmp_path), lookup.Lookup(place, ".jpg")
    assert whole.path(f"a/{NFC}.jpg") == place / f"{NFD}.JPG" == stems.path(NFC)
    assert whole.path("a/1.jpg") == place / "1.jpg"
    assert whole.path("a/2.jpg") == place / "2.jpg" and "1.jpg" not in whole.near("a/2.jpg")


def test_two_files_of_one_name_are_refused_once_one_of_them_must_be_chosen(tmp_path):
    for name in (f"{NFC}.npz", f"{NFD}.npz"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match="are one name"):
        lookup.below(tmp_path, ".npz")
