"""Folders of pictures are films, wherever a film is taken."""

import io

import extract_fakes as fakes
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from jaxsign.errors import UserError
from jaxsign.infer import clip_items
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.folder import FeatureJob
from jaxsign.infer.live import frames as live_frames
from jaxsign.infer.live import inputs as live_inputs
from jaxsign.input import tables
from jaxsign.input.folders import progress
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import films, folder, opening, videos, work
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.inspecting.inspect import inspect
from jaxsign.input.signs.preparing import label_table, labelled_videos


def pictures(place, count=12, *, size=(64, 48), name="f{}.png"):
    """Pictures 1 to `count`, as bright as their numbers."""
    place.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        Image.new("RGB", size, (number, number, 100)).save(place / name.format(number))
    return place


def test_frames_come_by_their_numbers_at_the_rate(tmp_path):
    place = pictures(tmp_path / "a")
    (place / "._f1.png").write_bytes(b"macOS")
    (place / "x.preview.png").write_bytes(b"ours")
    for rate, expected in ((0.0, 25), (10.0, 10)):
        with opening.film(place, rate=rate) as film:
            frames = [(frame.seconds, frame.pixels(), frame.size) for frame in film]
        assert (film.rate, film.damage, film.seconds) == (expected, "", 12 / expected)
        np.testing.assert_allclose([f[0] for f in frames], np.arange(12) / expected)
        assert [f[1][0, 0].tolist() for f in frames] == [[i, i, 100] for i in range(1, 13)]
        assert frames[0][2] == (64, 48) and frames[0][1].shape == (48, 64, 3)


def test_capitals_do_not_change_the_order_of_pictures(tmp_path):
    place = pictures(tmp_path / "a")
    for number in (2, 10):
        (place / f"f{number}.png").rename(place / f"F{number}.PNG")
    (place / "Thumbs.db").touch()
    with opening.film(place) as film:
        assert [f.pixels()[0, 0, 0] for f in film] == [*range(1, 13)]


def test_a_picture_is_turned_as_it_says(tmp_path):
    place = pictures(tmp_path / "a", 2, name="{}.jpg")
    image = Image.new("L", (64, 48))
    image.paste(255, (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by a quarter clockwise to show it
    for number in (1, 2):
        image.save(place / f"{number}.jpg", exif=exif)
    with opening.film(place) as film:
        frame = next(iter(film))
    shown = frame.pixels()
    assert frame.size == (48, 64) and shown[5, -6].min() > 200 and shown[5, 5].max() < 50


def test_what_is_no_film_is_named(tmp_path):
    place = pictures(tmp_path / "sizes", 3)
    Image.new("RGB", (32, 48)).save(place / "f2.png")
    with opening.film(place) as film, pytest.raises(UserError) as told:
        list(film)
    assert "f1.png is 64 x 48 and f2.png is 32 x 48; expected pictures of one size" in str(
        told.value
    )
    place = pictures(pictures(tmp_path / "twice", 2), 2, name="f{}.jpg")
    with pytest.raises(UserError, match=r"f1\.(jpg|png) and f1\.(jpg|png) have one name"):
        opening.film(place)
    with pytest.raises(UserError, match="holds no pictures"):
        opening.film(pictures(tmp_path / "one", 1))


def test_pictures_of_other_kinds_are_no_film(tmp_path):
    for name in ("history", "confusion", "f1"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    assert videos.below(tmp_path) == [] and not videos.is_film(tmp_path)
    with pytest.raises(UserError, match="names differ by numbers alone"):
        videos.find(tmp_path, tmp_path / "out")


def test_a_damaged_picture_is_damage_of_the_film(tmp_path):
    place = pictures(tmp_path / "a", 4)
    (place / "f2.png").write_bytes(b"no picture at all")
    with opening.film(place) as film:
        assert [frame.seconds for frame in film] == [0, 0.08, 0.12]
    assert film.damage == "f2.png cannot be read (it is a text file)"
    (place / "f2.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\nsize 12345\n")
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(place / "f3.png")
    with opening.film(place) as film:
        assert [frame.seconds for frame in film] == [0, 0.12]
    assert film.damage.startswith(
        "f2.png is a Git LFS pointer, not the file itself of 12,345 bytes"
    )
    assert film.damage.endswith(" (and 1 more)")
    (place / "f2.png").unlink()
    with opening.film(place) as film:
        assert len(list(film)) == 2
    assert film.damage == "f3.png holds I;16, expected colours of 8 bits"


def test_extraction_makes_clips_previews_and_labels(tmp_path, caplog):
    place, out = tmp_path / "films", tmp_path / "clips"
    for name in ("ana/1", "ana/v1.2", "ben/1"):
        pictures(place / name, 5)
    (place / "labels.csv").write_text("file,gloss\nana/1,hi\nana/v1.2,bye\nben/1,hi\n")

    def extract(**options):
        plan = work.ExtractionPlan(out, fakes.Fake, preview="sheet", **options)
        display = progress.Display("video", Console(file=io.StringIO()))
        return folder.extract(place, plan, workers=1, display=display)

    result = extract(settings=ExtractionSettings())
    assert [row.video for row in result.rows] == ["ana/1", "ana/v1.2", "ben/1"]
    assert result.made == 3 and not result.failed
    assert "ana/1 and 2 more: pictures tell no frames a second; 25 assumed" in caplog.text
    clip = clips.load(out / "ana" / "v1.2.clip.npz")
    assert (len(clip), clip.fps, clip.frame_size) == (5, 25, (64, 48))
    assert (out / "ben" / "1.preview.png").is_file()
    rows = tables.read_rows(out / "labels.csv", ("file",))
    assert [row.cells["file"] for row in rows][1] == "ana/v1.2.clip.npz"
    assert extract(settings=ExtractionSettings()).made == 0
    pictures(place / "ben" / "1", 6)
    with pytest.raises(UserError, match="videos have changed"):
        extract(settings=ExtractionSettings())


def test_films_that_are_found(tmp_path, caplog):
    place = pictures(tmp_path / "a", 3)
    pictures(tmp_path / "logo", 1)
    found = videos.find(tmp_path, tmp_path / "out")
    assert [(one.name, one.path) for one in found] == [("a", place)]
    assert found[0].bytes == sum(path.stat().st_size for path in place.iterdir())
    assert [(one.name, one.path) for one in videos.find(place, tmp_path)] == [("a", place)]
    fakes.movie(tmp_path / "b.mp4", 2)
    assert [one.name for one in videos.find(tmp_path, tmp_path / "out")] == ["b.mp4"]
    assert [one.name for one in videos.below(tmp_path)] == ["b.mp4"]
    assert caplog.text.count(f"its folders of pictures ({place}) are left out") == 1


def test_other_verbs_take_them(tmp_path, caplog):
    place = pictures(tmp_path / "films" / "a", 3)
    (item,) = clip_items.find(tmp_path / "films", films.Finder(fakes.Fake))
    clip = item.collection.read(0)
    assert (item.path, len(clip), clip.fps) == (place, 3, 25)
    assert "25 assumed" in caplog.text
    caplog.clear()
    given = films.Finder(fakes.Fake, ExtractionSettings(source_fps=10))
    (stream,) = live_inputs.open_all(
        live_inputs.find([str(place)], given), None, films=given, fps=10.0
    )
    assert stream.fps == 10 and [c.times[0] for c in stream.chunks()] == [0, 0.1, 0.2]
    assert live_frames.rate_of(place, 10.0) == 10 and "assumed" not in caplog.text
    assert [seconds for seconds, _ in live_frames.film(place, rate=10.0)] == [0, 0.1, 0.2]
    assert live_frames.rate_of(place) == 25 and "25 assumed" in caplog.text
    assert features_inputs.find(tmp_path / "films", tmp_path / "out") == {"a": place}
    images = list(features_inputs.images(place, ExtractionSettings()))
    assert [image[0, 0, 0] for _, image, _ in images] == [1, 2, 3]
    assert FeatureJob("a", place).bytes == sum(path.stat().st_size for path in place.iterdir())
    with pytest.raises(UserError, match="a: is a film. Extract the landmarks first"):
        inspect(place)
    with pytest.raises(UserError, match="films: holds 1 film\\. Extract"):
        inspect(tmp_path / "films")


def test_tables_may_name_the_folder_by_its_pictures(tmp_path):
    pictures(tmp_path / "films" / "01April" / "1", 2)
    (tmp_path / "t.csv").write_text("folder,signer,file,label\nx,S1,01April/1/*.png,REGEN\n")
    table = label_table.read(tmp_path / "t.csv")
    places, problems = labelled_videos.located(table, tmp_path / "films", tmp_path / "out")
    assert places == {"01April/1": "01April/1"} and problems == []
