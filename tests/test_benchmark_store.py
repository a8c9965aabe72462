"""The benchmark of stores runs and reports; no time is asserted."""

from benchmarks import command, store


def test_opening_reading_and_shuffling_are_reported(capsys):
    command.main(*store.MEASURES, argv=["--check"])
    printed = " ".join(capsys.readouterr().out.split())
    for words in ("open", "random", "shuffled", "60 clips x 4", "MB"):
        assert words in printed
