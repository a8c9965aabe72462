"""Control characters of files never reach a terminal."""

import io

import numpy as np
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from jaxsign import cli, screen, terminal


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def test_control_characters_are_shown_as_codes():
    for kind in (io.StringIO, Terminal):
        stream = kind()
        terminal.Escaping(stream).write("a\x1b[2J\x07\u202eb\x9b\n\tü手‍")
        assert stream.getvalue() == "a\\u001b[2J\\u0007\\u202eb\\u009b\n\tü手‍"


EVIL = "a\x1b[1A\x1b[2K\x1b[31mok\rb"
SHOWN = "a\\u001b[1A\\u001b[2K\\u001b[31mok\\u000db"


def test_codes_of_colours_and_bars_are_no_exception():
    for stream in (Terminal(), io.StringIO()):
        terminal.Escaping(stream).write(EVIL)
        assert stream.getvalue() == SHOWN


def test_a_console_colours_its_own_and_shows_what_it_is_given(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", terminal.Escaping(stream))
    monkeypatch.setenv("TERM", "xterm")
    console = screen.Console(
        width=100, force_terminal=True, color_system="standard", highlight=False
    )
    table = Table(EVIL)
    table.add_row(Text(EVIL.replace("\r", ""), "bold"))
    with Progress(console=console) as bar:
        bar.add_task(EVIL.replace("[31m", ""), total=1)
        console.print(table)
        console.print(EVIL, style="green", markup=False)
    text = stream.getvalue()
    assert text.count(SHOWN) >= 2 and SHOWN.replace("\\u000d", "") in text
    assert "\x1b[1ma\\u001b" in text and "\x1b[32m" in text  # the console's own colours
    assert "\x1b[?25l" in text and "a\x1b" not in text and "ok\r" not in text


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
