"""Films and frames that are not as they should be, and what cannot be written."""

import dataclasses
import errno
import shutil
from fractions import Fraction

import av
import detecting
import detectors
import numpy as np
import PIL.Image
import pytest

from jaxsign import locking
from jaxsign.errors import UserError
from jaxsign.input.folders import shards
from jaxsign.input.scenes import cutting, detect_table, scene, videos
from jaxsign.tasks.detections import looking


def test_frames_that_cannot_be_read_are_left_out_and_told(looker, tmp_path, capsys):
    place = detecting.write(
        tmp_path / "set", detecting.of_video("a", "val", 7), detecting.of_video("b", "val", 1)
    )
    image, frames = PIL.Image.fromarray(detectors.frame(0)), place / "frames" / "a"
    image.convert("L").save(frames / "1.png")
    image.convert("CMYK").save(frames / "2.png", format="jpeg")
    content = (frames / "3.png").read_bytes()
    (frames / "3.png").write_bytes(content[: len(content) // 2])
    image.resize((1, 1)).save(frames / "4.png")
    PIL.Image.fromarray(np.zeros((48, 64), np.uint16)).save(frames / "5.png")
    (frames / "6.png").unlink()
    (place / "frames" / "b" / "0.png").write_bytes(b"nothing")
    made, failed = detecting.detect(looker, place, tmp_path / "out")
    assert failed == 1 and made["a"].frames == ("a/0.png", "a/1.png", "a/2.png")
    assert len(made["a"].truth.boxes) == 9
    rows = detect_table.table(tmp_path / "out").read()
    reason = rows["a.scene.npz"].reason
    assert reason.startswith("4 frames left out") and "3.png: cannot be read as a pict" in reason
    assert "4.png: is 1 x 1, but its boxes are told of 64 x 48" in reason
    assert "5.png: holds I;16, expected colours of 8 bits" in reason and "1 more" in reason
    assert "none of its frames can be read" in rows["b.scene.npz"].reason
    assert "none of its frames can be read" in capsys.readouterr().out


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    place = tmp_path_factory.mktemp("films")
    for name, count in (("long", 7), ("one", 1)):
        detecting.movie(place / f"{name}.mp4", count)
    (place / "none.mp4").write_bytes(b"")
    content = (place / "long.mp4").read_bytes()
    (place / "cut.mp4").write_bytes(content[: len(content) // 2])
    return place


def test_films(looker, films, tmp_path):
    made, failed = detecting.detect(looker, films, tmp_path)
    assert failed == 2 and sorted(made) == ["long", "one"]
    assert made["long"].frames == tuple(f"{i:06d}" for i in range(7)) and len(made["one"]) == 1
    np.testing.assert_allclose(made["long"].times, np.arange(7) / 10)
    assert made["long"].truth is None and made["long"].image_sizes.tolist() == [[64, 48]] * 7
    reasons = {row.file: row.reason for row in detect_table.table(tmp_path).read().values()}
    assert "is empty (0 bytes)" in reasons["none.scene.npz"]
    assert "cannot be read as a video" in reasons["cut.scene.npz"]
    thin = videos.FilmOptions(target_fps=5)
    kept = list(videos.film_frames(films / "long.mp4", thin))
    assert [frame.name for frame in kept] == ["000000", "000002", "000004", "000006"]


def test_a_broken_end_fails_unless_the_rest_is_asked_for(looker, tmp_path):
    whole = detecting.movie(tmp_path / "whole.mkv", 24).read_bytes()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    for keep, name in ((False, "strict"), (True, "kept")):
        options = videos.FilmOptions(keep_partial=keep)
        out = tmp_path / name
        made, failed = detecting.detect(looker, tmp_path / "films", out, options=options)
        assert failed == (not keep) and len(made) == keep
        reason = detect_table.table(out).read()["cut.scene.npz"].reason
        assert "damaged: " in reason and ("--keep-partial" in reason) != keep
    assert 2 < len(made["cut"]) < 24


def test_frames_of_changing_size_in_one_film(looker, tmp_path):
    sizes = (64, 48), (64, 48), (48, 64), (80, 48)
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, (width, height) in enumerate(sizes):
            coder = av.CodecContext.create("mjpeg", "w")
            coder.width, coder.height, coder.pix_fmt = width, height, "yuvj420p"
            coder.time_base = Fraction(1, 10)
            image = PIL.Image.fromarray(detectors.frame(number, (height, width)))
            frame = av.VideoFrame.from_image(image).reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            for packet in (*coder.encode(frame), *coder.encode()):
                packet.stream = stream
                container.mux(packet)
    made, failed = detecting.detect(looker, tmp_path / "film.mkv", tmp_path / "out")
    assert not failed and made["film"].image_sizes.tolist() == [[*size] for size in sizes]
    limits = made["film"].image_sizes[made["film"].box_frames]
    assert len(limits) and (made["film"].boxes[:, 2:] <= limits).all()


def test_a_picture_of_one_pixel(looker, tmp_path):
    listed = detecting.of_video("a", "train", 1) | {"width": 1, "height": 1}
    listed["frames"][0] |= {"boxes": [{"box": [0, 0, 1, 1], "label": n} for n in ("person", "cup")],
                            "relations": [[0, "at", 1], [0, "near", 1]]}  # fmt: skip
    place = detecting.write(tmp_path / "set", listed)
    PIL.Image.new("RGB", (1, 1), (9, 8, 7)).save(place / "frames" / "a" / "0.png")
    made, failed = detecting.detect(looker, place, tmp_path / "out", "predcls")
    assert not failed and np.isfinite(made["a"].union_features).all()
    np.testing.assert_array_equal(made["a"].boxes, [[0, 0, 1, 1]] * 2)


def test_more_than_a_hundred_objects_in_a_frame(looker, tmp_path):
    listed = detecting.of_video("a", "train", 2)
    cups = [{"box": [i % 50, i // 10, i % 50 + 9, i // 10 + 9], "label": "cup"} for i in range(150)]
    listed["frames"][1]["boxes"] = [*listed["frames"][1]["boxes"], *cups]
    place = detecting.write(tmp_path / "set", listed)
    given, _ = detecting.detect(looker, place, tmp_path / "p", "predcls")
    assert given["a"].boxes_of_frames.tolist() == [3, 153]
    # A box has the features that it has among few.
    seen = looker.see([detectors.frame(1)])
    last = given["a"].boxes[-3:]
    alone, _ = looker.look(seen, np.zeros(3, int), last)
    np.testing.assert_allclose(given["a"].features[-3:], alone, rtol=1e-3, atol=1e-3)
    found, failed = detecting.detect(looker, place, tmp_path / "s")
    assert not failed and found["a"].boxes_of_frames[1] >= 153


def test_failures_are_those_of_films_that_are_there(looker, tmp_path):
    place, other, out = tmp_path / "films", tmp_path / "other", tmp_path / "out"
    for path in (place / "a.mp4", place / "b.mp4", other / "c.mp4"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert detecting.detect(looker, place, out)[1] == 2
    (place / "a.mp4").unlink()
    assert detecting.detect(looker, place, out)[1] == 1
    assert detecting.detect(looker, other, out)[1] == 1
    assert set(detect_table.table(out).read()) == {"b.scene.npz", "c.scene.npz"}


def test_a_film_without_boxes_is_no_scene_where_boxes_are_given(looker, films, tmp_path):
    made, failed = detecting.detect(looker, films / "one.mp4", tmp_path, "predcls")
    assert failed == 1 and not made
    assert "Give --boxes FILE, or --mode sgdet" in detect_table.table(tmp_path).read()[
        "one.scene.npz"
    ].reason  # fmt: skip


def test_folders_of_pictures(looker, tmp_path):
    place = tmp_path / "pictures"
    (place / "good").mkdir(parents=True)
    (place / "several").mkdir()
    for i in range(3):
        PIL.Image.fromarray(detectors.frame(i)).save(place / "good" / f"{i}.png")
        size = (48, 64) if i else (40, 64)
        PIL.Image.fromarray(detectors.frame(i, size)).save(place / "several" / f"{i}.png")
    (place / "good" / "1.png").write_bytes(b"nothing")
    made, failed = detecting.detect(looker, place, tmp_path / "out")
    assert failed == 1 and made["good"].frames == ("0.png", "2.png")
    rows = detect_table.table(tmp_path / "out").read()
    assert "1.png cannot be read" in rows["good.scene.npz"].reason
    assert "expected pictures of one size" in rows["several.scene.npz"].reason


def test_a_film_in_one_go_and_in_pieces_has_the_same_boxes(looker, tmp_path):
    # Chunks of three frames: the whole film's are 3, 3 and 1, those of its pieces 3, 1 and 3.
    for name, numbers in {"whole": range(7), "first": range(4), "second": range(4, 7)}.items():
        (tmp_path / "films" / name).mkdir(parents=True)
        for i in numbers:
            image = PIL.Image.fromarray(detectors.frame(i))
            image.save(tmp_path / "films" / name / f"{i}.png")
    made, failed = detecting.detect(looker, tmp_path / "films", tmp_path / "out")
    pieces = [dataclasses.replace(made[name], times=None) for name in ("first", "second")]
    whole, joined = made["whole"].known, cutting.joined(pieces).known
    assert not failed and made["whole"].frames == cutting.joined(pieces).frames
    assert len(whole["boxes"]) > 7 and len(whole["pairs"]) and joined.keys() == {*whole} - {"times"}
    for name, value in joined.items():
        np.testing.assert_allclose(value, whole[name], rtol=1e-3, atol=1e-3, err_msg=name)


def test_nothing_detected(looker, annotated, tmp_path, monkeypatch):
    monkeypatch.setattr(looker, "likely", looking.Likely(least=1.0))
    made, failed = detecting.detect(looker, annotated, tmp_path)
    assert not failed and not len(made["c"].boxes) and len(made["c"].truth.pairs) == 6
    # To learn there are the true boxes all the same.
    assert len(made["a"].boxes) == 12 and made["a"].labels.tolist() == [1, 2, 3] * 4
    assert (made["a"].scores == 1).all() and made["a"].labelled.all()


def test_nothing_detected_in_some_frames(looker, tmp_path, monkeypatch):
    find = looker.find

    def but_the_first(seen):
        found = find(seen)
        later = found.frames > 0
        return looking.SeenBoxes(*(value[later] for value in vars(found).values()))

    monkeypatch.setattr(looker, "find", but_the_first)
    film = detecting.movie(tmp_path / "film.mp4", 4)  # chunks of three frames, and of one
    made, failed = detecting.detect(looker, film, tmp_path / "out")
    there = made["film"].boxes_of_frames > 0
    assert not failed and there.tolist() == [False, True, True, False]
    assert set(made["film"].pair_frames) <= {1, 2}


def test_two_runs_in_one_folder_are_refused(looker, annotated, tmp_path):
    with (
        locking.alone(tmp_path, ".detect.lock", "--out", "makes scenes in this folder"),
        pytest.raises(UserError, match=r"another process \(number \d+\) makes scenes in this"),
    ):
        detecting.detect(looker, annotated, tmp_path)


def test_parts_of_two_numbers_at_once_are_refused(looker, annotated, tmp_path):
    with (
        locking.alone(tmp_path, ".detect-1-of-2.lock", "--out", "makes scenes in this folder"),
        pytest.raises(UserError, match=r"makes parts of 2 \(--shard I/2\) here.* parts of 3"),
    ):
        detecting.detect(looker, annotated, tmp_path, shard=shards.Shard(2, 3))


def cannot_write(monkeypatch, letter, number, reason):
    """Scenes whose names begin with a letter cannot be written."""
    save = scene.Scene.save

    def fails(self, path):
        if path.name.startswith(letter):
            raise OSError(number, reason)
        return save(self, path)

    monkeypatch.setattr(scene.Scene, "save", fails)


def test_what_cannot_be_written_costs_one_scene(looker, annotated, tmp_path, monkeypatch):
    cannot_write(monkeypatch, "b", errno.EIO, "Input/output error")
    made, failed = detecting.detect(looker, annotated, tmp_path)
    assert failed == 1 and sorted(made) == ["a", "c"]
    row = detect_table.table(tmp_path).read()["b.scene.npz"]
    assert "cannot be written (Input/output error)" in row.reason


def test_a_full_disk_is_told_once_and_what_is_written_stays(
    looker, annotated, tmp_path, monkeypatch
):
    cannot_write(monkeypatch, "b", errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError, match="its disk is full. The scenes that are written stay"):
        detecting.detect(looker, annotated, tmp_path)
    assert [path.name for path in tmp_path.glob("*.npz")] == ["a.scene.npz"]
    assert list(detect_table.table(tmp_path).read()) == ["a.scene.npz"]
    monkeypatch.undo()
    assert sorted(detecting.detect(looker, annotated, tmp_path)[0]) == ["a", "b", "c"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(UserError, match="GB are needed, 0.00 GB are free"):
        detecting.detect(looker, annotated, tmp_path / "new", "predcls")
