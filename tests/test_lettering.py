"""Labels in any script: a font that has the letters, else escapes and one warning."""

import warnings

import numpy as np
import pytest
from fontTools import fontBuilder
from fontTools.pens import ttGlyphPen
from PIL import Image

from jaxsign import lettering
from jaxsign.input.signs import drawing
from jaxsign.tasks import confusion


def make_font(path, letters):
    """A font whose letters are all the same black square."""
    names = [".notdef", *(f"g{ord(c):x}" for c in letters)]
    pen = ttGlyphPen.TTGlyphPen(None)
    for step, point in zip("mlll", ((100, 0), (900, 0), (900, 800), (100, 800)), strict=True):
        (pen.moveTo if step == "m" else pen.lineTo)(point)
    pen.closePath()
    square = pen.glyph()
    made = fontBuilder.FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap({ord(c): name for c, name in zip(letters, names[1:], strict=True)})
    made.setupGlyf(dict.fromkeys(names, square))
    made.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    made.setupHorizontalHeader(ascent=900, descent=-100)
    made.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    made.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    made.setupPost()
    made.save(path)
    return path


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """A font with two Chinese letters, and the Latin ones that go with them."""
    return make_font(tmp_path_factory.mktemp("fonts") / "Squares.ttf", "你好ab 12()")


def test_letters_that_no_font_has_are_escaped_with_one_warning(caplog):
    letters = lettering.Lettering([])
    with letters.drawn(["hello", "你好", "谢谢"]):
        pass
    assert letters.label("你好!") == r"\u4f60\u597d!"
    assert letters.label("سلام ελ Ж") == "سلام ελ Ж"
    (message,) = caplog.messages
    assert "letters of '你好' and 1 more: they are drawn as \\u4f60" in message
    assert "fonts-noto-cjk" in message and "fonts-noto-core" not in message
    assert letters.label("ขอบคุณ", 13) == r"\u0e02\u0e2d…"
    assert "fonts-noto-core" in caplog.messages[1]


def test_control_letters_and_spaces_do_no_harm(caplog):
    assert lettering.Lettering([]).label("a\x1b[2J\n b\u3000c") == r"a\x1b[2J  b c"
    assert caplog.messages == []


def test_a_font_that_has_the_letters_is_taken(squares, caplog):
    letters = lettering.Lettering([squares])
    assert letters.label("你好 (2)") == "你好 (2)"
    assert letters.font("你好", 20).getname()[0] == "Squares"
    assert letters.font("hello", 20).getname()[0] == "DejaVu Sans"
    import matplotlib

    with letters.drawn(["你好", "hello"]):
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "Squares"]
    assert matplotlib.rcParams["font.family"] != ["DejaVu Sans", "Squares"]
    assert caplog.messages == []


def test_matplotlib_draws_with_that_font_beside_its_own(squares):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    def picture(text):
        letters = lettering.Lettering([squares])
        with letters.drawn([text]):
            figure = Figure(figsize=(2, 0.5))
            figure.text(0.1, 0.3, letters.label(text))
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., 0]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (picture("x你") < 50).sum() > (picture("x") < 50).sum() + 50
        picture("$a$b_{")  # no formula


def test_confusion_matrices_have_no_boxes_and_no_foreign_warnings(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        confusion.draw(
            tmp_path / "a.png", np.array([0, 1, 2]), np.array([0, 1, 1]),
            title="Gloss", names=("你好", "$x", "ขอบคุณ"),
        )  # fmt: skip
    assert Image.open(tmp_path / "a.png").width > 100


def test_captions_take_any_letters():
    image = Image.new("RGB", (200, 60))
    page = drawing.sheet([image], ["你好 ขอบคุณ\x07"])
    assert page.height > 60
