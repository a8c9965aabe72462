"""Tables and lists of names as spreadsheets and editors of all systems save them."""

import json
import logging
import unicodedata

import pytest

from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.input import code_pages, labels, tables

COLUMNS = ("file", "gloss", "cat")


def write(folder, text, encoding="utf-8", name="labels.csv"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def cells(path, required=COLUMNS):
    return [list(row.cells.values()) for row in tables.read_rows(path, required)]


@pytest.mark.parametrize("separator", list(",;\t|"))
def test_the_separator_is_found_out(tmp_path, separator):
    rows = (COLUMNS, ("a", "0", "1"), ('"b, c; d"', "1", "1"))
    text = "\r\n".join(separator.join(row) for row in rows)
    expected = [["a", "0", "1"], ["b, c; d", "1", "1"]]
    assert cells(write(tmp_path, text)) == expected
    assert cells(write(tmp_path, text, "utf-8-sig")) == expected
    for first in (
        f"sep={separator}",
        f'"SEP={separator}"',
        f"sep={separator}{separator} ",
        "sep=:",
    ):
        path = write(tmp_path, f"{first}\n{text}")
        assert cells(path) == expected and tables.read_rows(path, COLUMNS)[0].number == 3


def test_rows_without_any_cell_are_left_out_and_counted(tmp_path, caplog):
    path = write(tmp_path, "file,gloss,cat\na,0,0\n,,\n\nb,1,0\n , ,\n")
    with caplog.at_level(logging.WARNING):
        rows = tables.read_rows(path, COLUMNS)
        tables.read_rows(path, COLUMNS[:1])
    assert [row.number for row in rows] == [2, 5]
    assert caplog.text.count("2 empty rows left out") == 1  # however often it is read
    with pytest.raises(UserError, match="has a header but no rows"):
        tables.read_rows(write(tmp_path, "file,gloss,cat\n,,\n"), COLUMNS)


def test_another_command_is_told_of_empty_rows_again(tmp_path, caplog):
    path = write(tmp_path, "file,gloss,cat\na,hi,c\n,,\n")
    for _ in range(2):
        telling.anew()
        tables.read_rows(path, COLUMNS)
    assert [row.getMessage() for row in caplog.records] == [f"{path}: 1 empty rows left out"] * 2


def test_rows_are_parsed_once_and_belong_to_who_asked(tmp_path):
    path = write(tmp_path, "file,gloss,cat\n" + "a,hi,0\n" * 30_000)
    first = tables.read_rows(path, COLUMNS)
    parsed = tables._rows.cache_info().misses
    first[0].cells["gloss"] = "changed"
    again = tables.read_rows(path, COLUMNS)
    assert again[0].cells["gloss"] == "hi" and len(again) == 30_000
    assert tables._rows.cache_info().misses == parsed
    write(tmp_path, "file,gloss,cat\n" + "a,by,0\n" * 30_000)
    assert tables.read_rows(path, COLUMNS)[0].cells["gloss"] == "by"


def test_what_other_programs_did_to_cells_is_undone(tmp_path):
    path = write(
        tmp_path, "file,gloss,cat,start,glosses\n.\\ana\\c.0,3.0,,0.5,3.0\nd,12.0,1.0,1,4.0\n"
    )
    assert cells(path) == [["ana/c.0", "3", "", "0.5", "3.0"], ["d", "12", "1", "1", "4.0"]]
    path = write(tmp_path, "file,gloss,cat\na,v2.0,0\nb,3.0,0\n")
    assert cells(path)[1][1] == "3.0"  # not a column of numbers


def test_a_table_without_a_header_is_told(tmp_path):
    for text in ("signer0,41\nsigner1,104\n", "a.mp4;hello\nb.mp4;bye\n", "a,hi\nb,hi\n"):
        with pytest.raises(UserError, match="has no header.*its first line is"):
            tables.read_rows(write(tmp_path, text), ("file", "gloss"))
        with pytest.raises(UserError, match="has no header"):
            tables.read_rows(write(tmp_path, text), known=("label", "video"))
    with pytest.raises(UserError, match=r"lacks the column\(s\) gloss; found file, Glosse"):
        tables.read_rows(write(tmp_path, "file,Glosse\na,hi\n"), ("file", "gloss"))


def test_columns_are_known_in_capitals_too(tmp_path):
    path = write(tmp_path, "File,GLOSS,Cat,Split,Mine\na,hi,x,val,1\n")
    (row,) = tables.read_rows(path, ("file", "gloss"))
    assert row.cells == {"file": "a", "gloss": "hi", "cat": "x", "split": "val", "Mine": "1"}
    path = write(tmp_path, "file,File,gloss\na,b,hi\n")
    assert tables.read_rows(path, ("file", "gloss"))[0].cells["File"] == "b"


def test_a_quotation_mark_that_is_not_closed_takes_no_rows_along(tmp_path):
    for text in ('a,0,0\n"b,1,0\nc,2,0\n', 'a,0,0\nb,"1,0\nc,2,"0\n', 'a,0,0\n"b"c,1,0\n'):
        with pytest.raises(UserError, match="csv line 3: not readable.*quotation mark"):
            tables.read_rows(write(tmp_path, f"file,gloss,cat\n{text}"), COLUMNS)
    kept = [["a", '0"', "0"], ['"b', "1\n2", "0"]]
    assert cells(write(tmp_path, 'file,gloss,cat\na,0",0\n"""b","1\n2",0\n')) == kept


WORDS = {
    "cp1250": "dziękuję cześć",
    "cp1251": "спасибо",
    "cp1252": "don’t forêt",
    "cp1253": "ευχαριστώ",
    "cp1254": "teşekkür",
    "cp1255": "תודה",
    "cp1257": "ačiū",
    "cp932": "ありがとう",
    "cp949": "감사합니다",
    "gb18030": "谢谢你好",
    "utf-16": "merci à tous",
    "utf-16-le": "你好",
    "utf-16-be": "plain",
    "utf-32": "plain",
    "utf-32-be": "merci à tous",
}


@pytest.mark.parametrize("page", WORDS)
def test_a_table_of_another_code_page_is_an_error_that_names_it(tmp_path, page):
    word = WORDS[page]
    path = write(tmp_path, f"file,gloss,cat\nc0,{word},x\n", page)
    with pytest.raises(UserError, match=f"no text in UTF-8.*--encoding {page} ") as told:
        tables.read_rows(path, COLUMNS)
    assert "''" not in str(told.value)
    with tables.encoded(page):
        assert cells(path) == [["c0", word, "x"]]
    with pytest.raises(UserError):  # it held within alone
        tables.read_rows(path, COLUMNS)


def test_an_encoding_that_there_is_not_or_that_does_not_fit(tmp_path):
    with pytest.raises(UserError, match="encoding 'cp999' is unknown"), tables.encoded("cp999"):
        pass
    path = write(tmp_path, "file,gloss,cat\nc0,\u3042,x\n", "cp932")
    with tables.encoded("ascii"), pytest.raises(UserError, match="no text in ascii.*cp932"):
        tables.read_rows(path, COLUMNS)
    # What is UTF-8 is read as such: one table of a folder may be, another not.
    with tables.encoded("cp1252"):
        assert cells(write(tmp_path, "file,gloss,cat\nc0,déjà,x\n")) == [["c0", "déjà", "x"]]
    assert code_pages.likely(b"\x9d\x81\x8d") == []


def test_both_unicode_forms_of_a_word_are_one(tmp_path):
    word = "cảm ơn"
    other = unicodedata.normalize("NFD", word)
    assert other != word
    path = write(tmp_path, f"file,gloss,cat\na,{word},0\nb,{other},0\n")
    assert [row[1] for row in cells(path)] == [word, word]
    path = write(tmp_path, json.dumps({"heads": {"gloss": [other, "x"]}}), name="labels.json")
    assert labels.read_names(path) == {"gloss": (word, "x")}
    path = write(tmp_path, json.dumps({word: 0, other: 1}), name="map.json")
    with pytest.raises(UserError, match="stands 2 times"):
        labels.read_numbers(path, "{}")


def test_lists_of_names_may_begin_with_a_byte_order_mark(tmp_path):
    path = write(tmp_path, '{"hello": 0, "thanks": 1}', "utf-8-sig", "map.JSON")
    assert labels.label_map(str(path), {}) == {"gloss": ("hello", "thanks")}
    assert labels.read_numbers(path, "{}") == {"hello": 0, "thanks": 1}
    path = write(tmp_path, "gloss_id;label;cat_id;category\n0;ja;0;wort\n", "utf-8-sig", "map.csv")
    assert labels.label_map(str(path), {}) == {"gloss": ("ja",), "cat": ("wort",)}
    path = write(tmp_path, "[" * 100_000, name="deep.json")
    with pytest.raises(UserError, match="nested too deep"):
        labels.label_map(str(path), {})


def test_json_is_read_to_some_depth_and_told_beyond(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 300 + "]" * 300)
    assert str(tables.read_json(path)).count("[") == 300
    path.write_text("[" * 20_000 + "]" * 20_000)
    with pytest.raises(ValueError, match="nested too deep"):
        tables.read_json(path)
