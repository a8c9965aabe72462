"""The table of small sets: what is trained, how it goes on, how it is told."""

from benchmarks import small_sets
from jaxsign import config as configs
from jaxsign.screen import Console


def learner(calls, stop=None):
    def learn(data, cell, seed, folder):
        if len(calls) == stop:
            raise KeyboardInterrupt
        calls.append((cell.row, cell.column, seed))
        return small_sets.Found(cell.share, 2.0)

    return dict.fromkeys(small_sets.COLUMNS, learn)


def test_a_stopped_table_goes_on_with_what_is_left(tmp_path, capsys):
    first, second = [], []
    try:
        small_sets.measure(tmp_path, tmp_path / "t.json", True, learner(first, stop=3))
    except KeyboardInterrupt:
        pass
    found = small_sets.measure(tmp_path, tmp_path / "t.json", True, learner(second))
    assert len(first) == 3 and len(second) == 5 and not set(first) & set(second)
    console = Console(width=100)
    console.print(small_sets.table(found))
    out = capsys.readouterr().out
    assert "signwish 0.1" in out and "25.0 (2 s)" in out and "signon" not in out


def test_the_whole_table_has_three_seeds_of_all_but_the_baseline():
    every = list(small_sets.cells(quick=False))
    assert len(every) == len(set(every)) == 6 + 6 * 3 * (len(small_sets.COLUMNS) - 1)
    quick = set(small_sets.cells(quick=True))
    assert quick < set(every)


def test_seeds_are_told_with_their_spread():
    own = [small_sets.Found(share, 4.0) for share in (0.8, 0.9, 1.0)]
    assert small_sets._spelt(own) == "90.0 ± 10.0 (4 s)"


def test_a_row_is_a_share_of_a_set(tmp_path):
    cell = small_sets.Cell("traduttore", 0.25, "small")
    config = configs.load("small", small_sets.words(tmp_path, cell, 2))
    assert config.data.test.path == str(tmp_path / "traduttore_keypoints")
    assert (config.data.learning_curve, config.seed) == (0.25, 2)
