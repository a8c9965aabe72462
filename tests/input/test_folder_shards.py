"""Parts of a folder: who makes what, and how their tables become one."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign import cli, locking
from jaxsign.errors import UserError
from jaxsign.input.folders import shards


@given(files=st.lists(st.text(), unique=True), count=st.integers(1, 40))
def test_parts_are_disjoint_complete_and_alike_in_size(files, count):
    parts = [shards.Shard(number, count).of(files) for number in range(1, count + 1)]
    assert sorted(name for part in parts for name in part) == sorted(files)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(part == [name for name in files if name in part] for part in parts)


@pytest.mark.parametrize("word", ["0/3", "4/3", "a/b", "3", "1/0", "-1/2", "1/2/3", "1.5/2", ""])
@pytest.mark.parametrize(
    "verb",
    [
        ["extract", ".", "--out", "o"],
        ["features", ".", "--out", "o", "--weights", "w"],
        ["detect", ".", "--out", "o", "--detector", ".", "--mode", "sgdet"],
    ],
)
def test_what_is_no_part_is_refused(verb, word, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main([*verb, f"--shard={word}"])
    assert stopped.value.code == 2
    assert f"{word!r}: expected I/N with I from 1 to N, such as 2/8" in capsys.readouterr().err


@dataclasses.dataclass
class Row:
    """A line of a table."""

    name: str
    value: int = 0


def folder(out, number=1, count=1):
    return shards.SharedFolder(out, "walk", "walks here", shards.Shard(number, count))


def table(out, number=1, count=1):
    return shards.SharedReport(folder(out, number, count), Row)


def tables(out):
    return {path.name: path.read_text() for path in out.glob("*.csv")}


def test_parts_that_end_add_their_rows_to_one_sorted_table(tmp_path):
    one, two = table(tmp_path, 1, 2), table(tmp_path, 2, 2)
    one.begin({})
    two.begin({})
    assert set(tables(tmp_path)) == {"walk-1-of-2.csv", "walk-2-of-2.csv"}
    assert one.others_work() and two.others_work()
    with two.kept({"b": Row("b", 2)}):
        pass
    assert not one.others_work()
    with pytest.raises(KeyError), one.kept({"a": Row("a"), "c": Row("c", 1)}):
        raise KeyError
    assert tables(tmp_path) == {"walk.csv": "name,value\na,0\nb,2\nc,1\n"}


@pytest.mark.parametrize(("number", "count"), [(1, 2), (2, 3), (1, 1)])
def test_what_a_killed_part_left_is_taken_up_by_the_next_who_may(tmp_path, number, count):
    killed = table(tmp_path, 1, 2)
    killed.begin({})
    killed.append(Row("a", 5))
    with (tmp_path / "walk-1-of-2.csv").open("a") as file:
        file.write("half a li")
    assert table(tmp_path, 2, 2).others_work()
    assert table(tmp_path, 2, 2).take_up() == {}  # it may be at work
    assert table(tmp_path, number, count).take_up() == {"a": Row("a", 5)}
    assert tables(tmp_path) == {"walk.csv": "name,value\na,5\n"}


def test_the_same_part_and_parts_of_another_number_are_locked_out(tmp_path):
    with folder(tmp_path, 1, 2).alone(), folder(tmp_path, 2, 2).alone():
        with pytest.raises(UserError, match=r"another process \(number \d+\) walks here"):
            folder(tmp_path, 1, 2).alone().__enter__()
        with pytest.raises(UserError, match=r"parts of 2 \(--shard I/2\) here.* parts of 3"):
            folder(tmp_path, 2, 3).alone().__enter__()
        with pytest.raises(UserError, match=r"parts of 2 .* belong to the whole \(no --shard\)"):
            folder(tmp_path).alone().__enter__()
    with folder(tmp_path).alone(), pytest.raises(UserError, match="makes the whole .no --shard"):
        folder(tmp_path, 1, 2).alone().__enter__()
    with folder(tmp_path, 2, 3).alone():
        pass


def test_the_door_is_waited_for(tmp_path):
    with folder(tmp_path).door():
        assert locking.held(tmp_path, ".walk.door.lock")
    assert not locking.held(tmp_path, ".walk.door.lock")
