"""What is typed wrongly is told before any work."""

import pytest

from jaxsign import cli


def test_words_that_make_no_sense(tmp_path, capsys):
    place = ["extract", str(tmp_path), "--out", str(tmp_path / "clips")]
    for words, message in (
        ([], "No landmark model given"),
        (["--model", "m.task"], "m.task: no such file"),
    ):
        assert cli.main([*place, *words]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["extract", "features", "detect", "predict", "embed"])
def test_how_films_are_thinned_is_one_thing(verb, capsys):
    for words, message in (
        (["--target-fps", "0"], "--target-fps: '0': expected 0.01 to 1000"),
        (["--every-nth", "0"], "--every-nth: "),
        (["--every-nth", "2", "--target-fps", "5"], "not allowed with"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main([verb, *words])
        assert ended.value.code == 2 and message in capsys.readouterr().err
