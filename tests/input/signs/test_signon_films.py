"""SignON's films: 16 frames, cut at random or in the middle, decoded where they are used."""

import io
import pickle

import av
import numpy as np
import pytest
from PIL import Image

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import batching, film, windows
from jaxsign.input.signs import frames as pictures
from jaxsign.input.signs import signon_films, views
from jaxsign.input.signs.augment import frames as operations
from jaxsign.tasks.classes import examples


def a_film(path, count, size=(48, 36)):
    """Grey frames, each 5 brighter than the one before; the right half is black."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with film.Writer(path, 25) as writer:
        for i in range(count):
            x = np.full((size[1], size[0], 3), 40 + 5 * i, np.uint8)
            x[:, size[0] // 2 :] = 0
            writer.add(Image.fromarray(x), i / 25)
    return path


def a_stream(size, count=3):
    """Bytes of an MPEG transport stream: two of them follow each other as one film."""
    held = io.BytesIO()
    with av.open(held, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(count):
            picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8))
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return held.getvalue()


def a_folder(folder, counts=(20, 40)):
    rows = ["Id,Label,Participant,Video,Subset"]
    for i, count in enumerate(counts):
        a_film(folder / "clips" / f"f{i}.mp4", count)
        rows.append(f"{i},{i},S0,f{i}.mp4,train")
    (folder / "samples.csv").write_text("\n".join(rows) + "\n")
    return folder


def a_recipe(folder, **augment):
    config = configs.base()
    config.view = {"name": "frames", "size": 56, "shorter": 64}
    config.task.heads, config.net.num_gloss = ("gloss",), 0
    config.data.source, config.data.kind = "signon", "RGB_Full"
    config.data.train.path = str(folder)
    config.input.augment.frames.update(augment)
    return config


def test_a_film_is_16_frames_of_its_middle(tmp_path):
    files = signon_films.FilmFiles()
    for count in (1, 5, 20, 40):
        path = a_film(tmp_path / f"{count}.mp4", count)
        x = files.array(path)[""]
        assert x.shape == (16, 36, 48, 3) and x.dtype == np.uint8 and files.frames(path) == 16
        wanted = 40 + 5 * windows.fixed_length(count)
        np.testing.assert_allclose(x[:, :, :20].mean((1, 2, 3)), wanted, atol=3)


def test_films_are_examples_of_one_size_that_workers_can_decode(tmp_path):
    made = examples.open_examples(a_recipe(a_folder(tmp_path)), "train")
    assert made.ids == ["f0", "f1"] and made.source.lengths.tolist() == [16, 16]
    x = pickle.loads(pickle.dumps(made)).example(1)["x"]
    whole = signon_films.FilmFiles().array(tmp_path / "clips" / "f1.mp4")[""]
    middle = pictures.centre(pictures.resize_shorter(whole, 64), 56)
    np.testing.assert_array_equal(x, middle)
    batch = next(iter(batching.EvalBatches(made, batching.BatchOptions(2))))
    assert batch["x"].shape == (2, 16, 56, 56, 3) and batch["x"].dtype == np.uint8
    assert batch["valid"].all() and batch["language"].tolist() == [0, 0]


def test_a_film_is_decoded_once_for_an_example(tmp_path):
    config = a_recipe(a_folder(tmp_path))
    config.input.cache_mb = 0
    made = examples.open_examples(config, "train")
    assert made.frame_shape == (56, 56, 3)
    (tmp_path / "clips" / "f0.mp4").unlink()  # the shape is known: nobody asks it again
    row = made.example(1)
    assert made.stack([row], (16,))["x"].shape == made.blank((16,), 1)["x"].shape


def test_a_film_is_cut_and_mirrored_by_one_draw(tmp_path):
    config = a_recipe(a_folder(tmp_path, (1,)), crop=1.0, flip=0.5)
    made = examples.open_examples(config, "train", training=True)
    found = [made.example(0, np.random.default_rng(seed))["x"] for seed in range(8)]
    for x in found:
        assert x.shape == (16, 56, 56, 3) and x.dtype == np.uint8
        np.testing.assert_array_equal(x, np.broadcast_to(x[:1], x.shape))  # one picture 16 times
    assert len({x.tobytes() for x in found}) == 8
    brighter = [x[0, :, :5].mean() >= x[0, :, -5:].mean() for x in found]
    assert 0 < sum(brighter) < 8
    np.testing.assert_array_equal(
        made.example(0)["x"], examples.open_examples(config, "train").example(0)["x"]
    )


@pytest.mark.parametrize("size", [(64, 85), (85, 64), (10, 400)])
def test_boxes_lie_inside_and_have_the_asked_share_and_shape(size):
    height, width = size
    for seed in range(50):
        rng = np.random.default_rng(seed)
        top, left, high, wide = operations.draw_box(height, width, rng, (0.08, 1.0), (3 / 4, 4 / 3))
        assert 0 <= top <= height - high and 0 <= left <= width - wide
        assert 0.7 < wide / high < 1.45
        if size != (10, 400):
            assert 0.07 < high * wide / (height * width) <= 1


def test_resizing_is_bilinear_about_the_pixels_middles():
    x = np.zeros((1, 2, 2, 3), np.uint8)
    x[0, :, 1] = 100
    np.testing.assert_array_equal(pictures.resize(x, 2, 4)[0, 0, :, 0], [0, 25, 75, 100])
    # Made smaller without antialiasing: only the nearest two pixels count.
    line = np.repeat(np.arange(8, dtype=np.uint8)[None, None, :, None] * 10, 3, axis=3)
    np.testing.assert_array_equal(pictures.resize(line, 1, 2)[0, 0, :, 0], [15, 55])
    assert pictures.resize_shorter(np.zeros((1, 36, 48, 3), np.uint8), 256).shape[1:3] == (256, 341)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty (0 bytes)"),
        (b"Id,Label\n0,1\n", "cannot be read as a video"),
        (None, "cannot be read as a video"),
    ],
)
def test_what_is_no_film_is_told_before_anything_starts(tmp_path, content, said):
    folder = a_folder(tmp_path)
    path = folder / "clips" / "f1.mp4"
    path.write_bytes(path.read_bytes()[:600] if content is None else content)
    with pytest.raises(UserError) as caught:
        examples.open_examples(a_recipe(folder), "train")
    assert said in str(caught.value) and "f1.mp4" in str(caught.value)
    path.unlink()
    with pytest.raises(UserError, match=r"f1.mp4: no such file .*line 3"):
        examples.open_examples(a_recipe(folder), "train")


def test_a_film_whose_frames_cannot_all_be_decoded_is_refused(tmp_path):
    path = a_film(tmp_path / "a.mp4", 40)
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    for start, size in packets[10:12]:
        content[start : start + size] = bytes(size)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.mp4: decoding failed at .*Convert the film"):
        signon_films.FilmFiles().array(path)


def test_frames_of_two_sizes_are_told(tmp_path):
    path = tmp_path / "two.ts"
    path.write_bytes(a_stream((64, 48), 8) + a_stream((32, 32), 8))
    with pytest.raises(UserError, match="two.ts: has frames of two sizes, 32 x 32 and 64 x 48"):
        signon_films.FilmFiles().array(path)


def test_pictures_and_points_are_not_taken_for_each_other(tmp_path):
    config = a_recipe(a_folder(tmp_path, (3,)))
    config.input.fixed_length = 8
    with pytest.raises(UserError, match="fixed_length=8, but view 'frames' always has 16"):
        views.of_recipe(config)
    config.input.fixed_length = 16
    assert views.of_recipe(config)(np.zeros((16, 64, 64, 3), np.uint8)).shape == (16, 56, 56, 3)
    with pytest.raises(UserError, match=r"found \[4, 75, 3\] float64"):
        views.of_recipe(config)(np.zeros((4, 75, 3)))
    config.view = {"name": "signon"}
    with pytest.raises(UserError, match="data.kind='RGB_Full', expected no view of points"):
        examples.open_examples(config, "train").example(0)
