"""What is typed wrongly is told before any work."""

from jaxsign import cli


def test_words_that_make_no_sense(tmp_path, capsys):
    place = ["extract", str(tmp_path), "--out", str(tmp_path / "clips")]
    for words, message in (
        ([], "No landmark model given"),
        (["--model", "m.task", "--workers", "-1"], "--workers -1"),
        (["--model", "m.task", "--target-fps", "0"], "--target-fps 0"),
        (["--model", "m.task"], "m.task: no such file"),
    ):
        assert cli.main([*place, *words]) == 1
        assert message in capsys.readouterr().err
