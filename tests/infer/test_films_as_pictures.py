"""Films for nets that look at whole pictures: predict and embed take them without landmarks."""

import numpy as np
import pytest
from PIL import Image

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer import clip_items, files
from jaxsign.infer import run as runs
from jaxsign.input import film
from jaxsign.tasks.classes import examples


def a_film(path, count):
    """Frames 48 x 36 that grow brighter to the right and with time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with film.Writer(path, 25) as writer:
        for i in range(count):
            row = np.linspace(10, 150, 48).astype(np.uint8)[None, :, None] + np.uint8(4 * i)
            writer.add(Image.fromarray(np.broadcast_to(row, (36, 48, 3)).copy()), i / 25)


@pytest.fixture
def run(tmp_path):
    """VTN as it is loaded, without its numbers: nothing is asked of the net here."""
    config = configs.load("signon:vtn", ["--config.net.num_gloss=2"])
    config.view = {"name": "frames", "size": 32, "shorter": 36}
    net = nets.build(**config.net.to_dict())
    variables = {"params": {part.name: {} for part in net.optional_parts}}
    return runs.Run(tmp_path, "best", config, {"gloss": None}, net, variables, {})


def test_a_film_is_what_it_was_in_training(tmp_path, run):
    folder = tmp_path / "data"
    for i, count in enumerate((20, 5)):
        a_film(folder / "clips" / f"f{i}.mp4", count)
    (folder / "samples.csv").write_text(
        "Id,Label,Participant,Video,Subset\n0,0,A,f0.mp4,train\n1,1,A,f1.mp4,train\n"
    )
    config = run.config.copy_and_resolve_references()
    config.data.train.path = str(folder)
    trained = examples.open_examples(config, "train")
    found = clip_items.find(folder / "clips", view=run.view)
    assert [item.name for item in found] == ["f0.mp4", "f1.mp4"]
    for i, item in enumerate(found):
        clip = files.read(item, run)
        assert clip.x.dtype == np.uint8 and clip.x.shape == (16, 32, 32, 3) and clip.valid.all()
        np.testing.assert_array_equal(clip.x, trained.example(i)["x"])
        run.check(clip.x, item.name)


def test_what_is_no_film_is_told_by_its_name_and_the_rest_is_read(tmp_path, run):
    a_film(tmp_path / "films" / "good.mp4", 3)
    (tmp_path / "films" / "empty.mp4").touch()
    empty, good = clip_items.find(tmp_path / "films", view=run.view)
    assert len(files.read(good, run).x) == 16
    with pytest.raises(UserError, match=r"empty.mp4: is empty \(0 bytes\)"):
        files.read(empty, run)


def test_a_folder_of_pictures_is_a_film(tmp_path, run):
    for i in range(20):
        picture = Image.new("RGB", (48, 36), (10 * i, 0, 0))
        (tmp_path / "sign").mkdir(exist_ok=True)
        picture.save(tmp_path / "sign" / f"{i}.png")
    (item,) = clip_items.find(tmp_path / "sign", view=run.view)
    assert len(np.unique(files.read(item, run).x[..., 0])) > 5
