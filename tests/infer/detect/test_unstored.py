"""Training on annotated frames that a detector looks at, without a store of scenes."""

import dataclasses
import json
import shutil

import detectors
import numpy as np
import PIL.Image
import pytest

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer.detect import folder
from jaxsign.input.scenes import scene, videos, vocabulary
from jaxsign.tasks.scenes import making, unstored
from jaxsign.train import setup
from tests.input.scenes.action_genome_folder import an_object, of_frames

NET = {"hidden_dim": 8, "word_dim": 4, "map_dim": 8, "classifier_dim": 8, "ff_dim": 8}
TINY = [f"--config.net.{key}={value}" for key, value in NET.items()]
SHARE = 0.34  # of three training videos one is held back


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    """Three videos to learn from and one to test on, of three frames of 64 x 48 pixels each."""
    place = tmp_path_factory.mktemp("genome") / "set"
    entries = {}
    for number, split in enumerate(("train", "train", "train", "test")):
        (place / "frames" / f"{number}.mp4").mkdir(parents=True)
        for frame in range(3):
            key = f"{number}.mp4/{frame:06d}.png"
            told = [an_object(split=split), an_object("book", (20.0, 10.0, 30.0, 30.0), split)]
            entries[key] = told[: 1 + (frame + number) % 2]
            image = PIL.Image.fromarray(detectors.frame(number + frame))
            image.save(place / "frames" / key)
    return of_frames(place, entries)


@pytest.fixture(scope="module")
def looker():
    """Looks at two frames at once, so that every video comes in parts."""
    return detectors.detector(vocabulary.ACTION_GENOME.objects, chunk=2)


@pytest.fixture(scope="module")
def detector_run(tmp_path_factory):
    """The run folder of an imported detector, which sees frames small."""
    out = tmp_path_factory.mktemp("detector")
    words = ["import", str(detectors.file(out)), "--workdir", str(out / "run")]
    assert cli.main([*words, f"--config.net.short_side={detectors.SIDE}"]) == 0
    return out / "run"


def recipe(genome, detector, *words):
    own = [f"--config.data.train.path={genome}", f"--config.net.detector={detector}"]
    return configs.load("sttran", [*own, f"--config.data.val_share={SHARE}", *TINY, *words])


def stored(genome, looker, mode, out):
    """The scenes that detect writes, by split."""
    options = videos.GenomeOptions(mode != "predcls", SHARE)
    found = videos.of_source(genome, out, options, videos.FilmOptions())
    plan = folder.DetectPlan(out, making.SceneMaker(looker, mode, found.words), {})
    assert folder.detect(plan, found.videos) == 0
    split = {f"{one.name}{scene.SUFFIX}": one.split for one in found.videos}
    made = {name: [] for name in ("train", "val", "test")}
    for path in sorted(out.glob("*.npz")):
        made[split[path.name]].append(scene.load(path))
    return made


def same(one, other):
    for field in dataclasses.fields(scene.Scene):
        ours, theirs = (vars(of)[field.name] for of in (one, other))
        if field.name == "source":
            continue
        if isinstance(ours, scene.Scene):
            same(ours, theirs)
        elif isinstance(ours, np.ndarray):
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
        else:
            assert ours == theirs, field.name


@pytest.mark.parametrize("mode", making.MODES)
def test_scenes_are_those_that_detect_writes(genome, looker, tmp_path, mode):
    config = recipe(genome, "", f"--config.net.mode={mode}")
    wanted = stored(genome, looker, mode, tmp_path / "scenes")
    for split, scenes in wanted.items():
        found = unstored.of_genome(config, split, looker, training=split == "train")
        assert len(found.ids) == len(scenes) == {"train": 2}.get(split, 1)
        for index, one in enumerate(scenes):
            same(found.read(index), one)


def test_boxes_are_assigned_to_learn_from_alone(genome, looker):
    config = recipe(genome, "", "--config.net.mode=sgdet")
    learnt, judged = (
        unstored.of_genome(config, "train", looker, training=training).read(0)
        for training in (True, False)
    )
    assert learnt.labelled.all() and learnt.truth is None
    assert not judged.labelled.any() and judged.truth is not None


def test_a_run_learns_and_is_judged_without_a_store(
    genome, looker, detector_run, tmp_path, monkeypatch
):
    run, store = tmp_path / "run", tmp_path / "store"
    monkeypatch.chdir(detector_run.parent)
    train = ["train", "--config", "sttran", "--workdir", str(run), *TINY]
    train += [f"--config.data.train.path={genome}", f"--config.net.detector={detector_run.name}"]
    train += [f"--config.data.val_share={SHARE}", "--config.train.epochs=1"]
    assert cli.main(train) == 0
    config = configs.load_run_config(run)
    assert config.task.detector and config.net.union_dim == 256
    monkeypatch.chdir(tmp_path)
    judge = ["evaluate", "--workdir", str(run), "--split", "test", "--save-results"]
    told = tmp_path / "told.json", tmp_path / "of_store.json"
    assert cli.main([*judge, str(told[0])]) == 0
    made = stored(genome, looker, "predcls", store)["test"]
    assert made[0].detector == config.task.detector
    for path in store.glob("[!3]*.npz"):  # a file tells no split
        path.unlink()
    assert cli.main([*judge, str(told[1]), "--data", str(store)]) == 0
    numbers, of_store = (json.loads(path.read_text())["recall"] for path in told)
    assert numbers == of_store and max(numbers["no"].values()) > 0


def test_a_mistake_is_told_before_all_frames_are_looked_at(genome, detector_run, tmp_path, capsys):
    words = ["train", "--config", "sttran", "--workdir", str(tmp_path / "run"), *TINY]
    words += [f"--config.data.train.path={genome}", f"--config.net.detector={detector_run}"]
    assert cli.main([*words, "--config.train.trainable=nowhere/.*"]) == 1
    told = capsys.readouterr()
    assert "nowhere" in told.err
    assert "frames of a video first" in told.out and "3 videos" not in told.out


def test_a_run_that_is_older_than_the_key_goes_on(tmp_path):
    config = recipe(tmp_path, "")
    configs.save_run_config(config, tmp_path)
    told = json.loads((tmp_path / "config.json").read_text())
    del told["net"]["detector"]
    (tmp_path / "config.json").write_text(json.dumps(told))
    stored = configs.load_run_config(tmp_path)
    configs.as_begun(config, stored)
    configs.check_same_run(config, stored, tmp_path)


def test_what_cannot_be_looked_at_is_told(genome, looker, tmp_path, capsys):
    config = recipe(genome, "")

    def opened(**more):
        return unstored.of_genome(config, "test", looker, training=False, **more)

    place = shutil.copytree(genome, tmp_path / "set")
    config.data.train.path = str(place)
    (place / "frames" / "3.mp4" / "000001.png").write_bytes(b"no picture")
    (place / "features").mkdir()
    found = opened()
    assert len(found.read(0)) == 2 and "features is not read" in found.remarks[0]
    assert "3.mp4: 2 frames" in (said := capsys.readouterr().out) and "000001.png" in said
    with pytest.raises(UserError, match="keeps the features of its 1 videos in memory.*detect"):
        opened(free=1000.0)
    config.task.detector = "another"
    with pytest.raises(UserError, match="features of the detector .*made with another"):
        opened()
    config.task.detector = ""
    shutil.rmtree(place / "frames" / "3.mp4")
    with pytest.raises(UserError, match=r"(?s)cannot be looked at:.*none of its 3 annotated"):
        opened()


def test_detectors_that_there_are_not_are_refused(genome, detector_run, tmp_path):
    def refused(match, *words, detector=detector_run):
        with pytest.raises(UserError, match=match):
            setup.prepare(recipe(genome, detector, *words), tmp_path / "run")

    refused("is not a run folder", detector=tmp_path)
    refused("is a file, expected the folder of a run", detector=detectors.file(tmp_path))
    refused("looks at the frames of data.source=action_genome", "--config.data.source=scenes")
    refused("both give features", "--config.data.action_genome.features=here")
    refused("would hold all features", "--config.input.workers=2")
