"""Control characters of files never reach a terminal."""

import io

import numpy as np

from jaxsign import cli, terminal


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def test_control_characters_are_shown_as_codes():
    for kind in (io.StringIO, Terminal):
        stream = kind()
        terminal.Escaping(stream).write("a\x1b[2J\x07\u202eb\x9b\n\tü手‍")
        assert stream.getvalue() == "a\\u001b[2J\\u0007\\u202eb\\u009b\n\tü手‍"


def test_colours_and_bars_of_the_program_stay_on_a_terminal_alone():
    own = "\x1b[1;32mgood\x1b[0m\r\x1b[2K\x1b[1A\x1b[?25l"
    streams = Terminal(), io.StringIO()
    for stream in streams:
        terminal.Escaping(stream).write(own)
    assert streams[0].getvalue() == own and "\x1b" not in streams[1].getvalue()


def test_a_label_cannot_clear_the_screen(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", X=np.full((4, 156), 0.5, np.float32))
    (tmp_path / "labels.csv").write_text("file,gloss,cat\na,evil\x9b\x07\u202e,0\n")
    assert cli.main(["inspect", str(tmp_path)]) == 0
    assert cli.main(["inspect", str(tmp_path / "no\x1b[2J")]) == 1
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err and not {"\x07", "\u202e", "\x9b"} & set(
        captured.out
    )
    assert "no\\u001b[2J: no such file" in captured.err
