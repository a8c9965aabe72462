"""`jaxsign validate` of scenes."""

from jaxsign import cli
from jaxsign.input.scenes import action_genome, validate, vocabulary
from tests.input.scenes.action_genome_folder import an_object, of_frames
from tests.input.scenes.test_scene import made

KEYS = ("A.mp4/000001.png", "A.mp4/000002.png", "A.mp4/000003.png")


def test_action_genome(tmp_path, capsys):
    of_frames(tmp_path, {key: [an_object("bag")] for key in KEYS})
    frames = tmp_path / "frames/A.mp4"
    frames.mkdir(parents=True)
    for key in KEYS:
        (tmp_path / "frames" / key).touch()
    assert action_genome.recognises(tmp_path) and cli.main(["validate", str(tmp_path)]) == 0
    assert "train: 1 videos, 3 frames, 6 boxes, 3 pairs, 12 relations" in capsys.readouterr().out
    (tmp_path / "frames" / KEYS[1]).unlink()
    assert cli.main(["validate", str(tmp_path)]) == 2
    assert f"1 frames of 1 videos are absent: {KEYS[1]}" in capsys.readouterr().out


def test_scene_files(tmp_path, capsys):
    made().save(tmp_path / "a.scene.npz")
    assert cli.main(["validate", str(tmp_path)]) == 0
    boxes = made().boxes.copy()
    boxes[0] += 100
    made(boxes=boxes).save(tmp_path / "b.scene.npz")
    (tmp_path / "c.scene.npz").write_bytes(b"no scene")
    assert cli.main(["validate", str(tmp_path)]) == 2
    told = capsys.readouterr().out
    assert "1 boxes lie outside the image" in told and "c.scene.npz" in told


def test_scene_files_of_several_classes_are_an_issue_as_they_are_in_training(tmp_path):
    made().save(tmp_path / "a.scene.npz")
    words = vocabulary.Vocabulary(("__background__", "person", "dog"), made().vocabulary.groups)
    made(vocabulary=words).save(tmp_path / "b.scene.npz")
    report = validate.scene_files(sorted(tmp_path.iterdir()))
    assert report.exit_code == 2 and "b.scene.npz: objects are other names" in report.issues[0]


def test_boxes_without_width_or_height_are_told_and_no_issue(tmp_path):
    boxes = made().boxes.copy()
    boxes[0, 2] = boxes[0, 0]
    made(boxes=boxes).save(tmp_path / "a.scene.npz")
    found = validate.scene_files([tmp_path / "a.scene.npz"])
    told = f"  no width or height in 1 boxes of 1 videos: {tmp_path / 'a.scene.npz'}"
    assert (found.exit_code, found.lines[1:]) == (0, (told,))


def test_frames_without_a_person_and_videos_without_a_pair_are_told_and_no_issue(tmp_path):
    labels = made().labels.copy()
    labels[0] = 2

    def lines(path, **changed):
        made(labels=labels, **changed).save(path)
        found = validate.scene_files([path])
        assert found.exit_code == 0
        return found.lines[1:]

    assert lines(tmp_path / "a.scene.npz") == ()  # something else is the subject there
    names = ("pairs", "pair_frames", "relations", "labelled")
    second, none = ({name: made().arrays()[name][at:] for name in names} for at in (1, 2))
    one, alone = tmp_path / "b.scene.npz", tmp_path / "c.scene.npz"
    assert lines(one, **second) == (f"  no person in 1 frames of 1 videos: {one}",)
    assert lines(alone, **none) == (
        f"  no person in 1 frames of 1 videos: {alone}",
        f"  no pair in any frame of 1 videos: {alone}",
    )


def test_a_folder_of_nothing_is_not_well(tmp_path, capsys):
    assert cli.main(["validate", str(tmp_path)]) == 1
    assert "in none of the known formats. It holds nothing" in capsys.readouterr().err
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 300\n"
    (tmp_path / "vidor.json").write_text(pointer)
    assert cli.main(["validate", str(tmp_path)]) == 1
    assert "vidor.json: is a Git LFS pointer" in capsys.readouterr().err
