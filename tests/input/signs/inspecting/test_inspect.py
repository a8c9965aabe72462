"""jaxsign inspect: every available format, arrays, warnings, pictures, bad files."""

import dataclasses
import json

import numpy as np
import pytest
from helpers import SHARED
from PIL import Image

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.inspecting import arrays, checks
from jaxsign.input.signs.inspecting.inspect import inspect


def recorded(frames=24, seed=0):
    """A person whose right hand is seen from frame 6 on."""
    rng = np.random.default_rng(seed)
    points = np.full((frames, 543, 3), np.nan, np.float32)
    points[:, clips.POSE] = rng.uniform(0.3, 0.7, (33, 3))
    pose = points[:, clips.POSE]
    pose[:, 0], pose[:, 11], pose[:, 12] = (0.5, 0.2, 0), (0.7, 0.4, 0), (0.3, 0.4, 0)
    pose[:, 15], pose[:, 16] = (0.7, 0.8, 0), (0.3, 0.8, 0)
    hand = (0.3, 0.8, 0) + rng.uniform(-0.05, 0.05, (frames, 21, 3))
    hand[:, 0] = (0.3, 0.8, 0)
    points[6:, clips.RIGHT_HAND] = hand[6:]
    points[:, clips.FACE] = rng.uniform(0.4, 0.6, (468, 3))
    points[:, clips.FACE] += np.linspace(0, 0.01, frames)[:, None, None]
    return clips.Clip(points, np.arange(frames) / 20, (640, 480), 20.0, "camera")


def facts_of(path, capsys, *words):
    assert cli.main(["inspect", str(path), "--json", *map(str, words)]) == 0
    return json.loads(capsys.readouterr().out)


def test_facts_of_a_clip(tmp_path, capsys):
    path = recorded().save(tmp_path / "hello.clip.npz")
    facts = facts_of(path, capsys)
    assert facts["format"] == "clips" and facts["name"] == "hello"
    assert (facts["frames"], facts["fps"], facts["frame_size"]) == (24, 20.0, [640, 480])
    assert facts["duration_s"] == pytest.approx(1.2)
    right, left = facts["presence"]["right_hand"], facts["presence"]["left_hand"]
    assert right["share"] == 0.75 and right["longest_gap_frames"] == 6
    assert right["timeline"] == [0.0] * 6 + [1.0] * 18
    assert left["share"] == 0 and facts["presence"]["pose"]["gaps"] == 0
    assert facts["warnings"] == []


def test_what_a_person_reads(tmp_path, capsys):
    path = recorded().save(tmp_path / "hello.clip.npz")
    assert cli.main(["inspect", str(path), "--png", str(tmp_path / "p" / "a.png")]) == 0
    text = capsys.readouterr().out
    for words in ("24 frames, 1.20 s, 20 frames/s", "640 x 480", "right hand", "75%", "······██"):
        assert words in text
    with Image.open(tmp_path / "p" / "a.png") as picture:
        assert picture.width > 4 * picture.height
    assert [p.name for p in (tmp_path / "p").iterdir()] == ["a.png"]


def changed(**parts):
    clip = recorded()
    points = clip.landmarks.copy()
    for name, change in parts.items():
        points[:, getattr(clips, name)] = change(points[:, getattr(clips, name)])
    return dataclasses.replace(clip, landmarks=points)


def half(points):
    points[3, 4, 1] = np.nan
    return points


ODD = {
    "no frame shows a single point": dataclasses.replace(
        recorded(), landmarks=np.full((24, 543, 3), np.nan)
    ),
    "no hand in any frame": changed(RIGHT_HAND=lambda p: p * np.nan),
    "look like pixels": dataclasses.replace(
        recorded(), landmarks=recorded().landmarks * (640, 480, 640)
    ),
    "outside the image": dataclasses.replace(recorded(), landmarks=recorded().landmarks * 2 - 1),
    "1 of 24 frames hold points with only some coordinates": changed(POSE=half),
    "left hand: all points at (0, 0)": changed(LEFT_HAND=np.zeros_like),
    "y may point up": dataclasses.replace(
        recorded(), landmarks=np.float32((0, 1, 0)) - np.float32((-1, 1, -1)) * recorded().landmarks
    ),
    "sides swapped": changed(RIGHT_HAND=lambda p: p + np.float32((0.4, 0, 0))),
    "1 of 23 timestamps repeat": dataclasses.replace(
        recorded(), timestamps=np.r_[0, 0, np.arange(1, 23)] / 20
    ),
    "1 holes in the timestamps, the longest of 1.05 s": dataclasses.replace(
        recorded(), timestamps=np.arange(24) / 20 + (np.arange(24) > 9)
    ),
    "fps says 20, the timestamps say 10": dataclasses.replace(
        recorded(), timestamps=np.arange(24) / 10
    ),
    "23 of 24 frames repeat": dataclasses.replace(
        recorded(), landmarks=np.repeat(recorded().landmarks[8:9], 24, 0)
    ),
    "a single frame": dataclasses.replace(
        recorded(), landmarks=recorded().landmarks[8:9], timestamps=np.zeros(1)
    ),
}


@pytest.mark.parametrize("text", ODD)
def test_warnings(text):
    found = checks.warnings(ODD[text])
    assert any(text in warning for warning in found), found


def test_a_good_clip_has_no_warning_also_without_depth():
    clip = recorded()
    flat = clip.landmarks.copy()
    flat[..., 2] = np.nan
    assert checks.warnings(clip) == checks.warnings(dataclasses.replace(clip, landmarks=flat)) == []


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data"
    rows = ["file,gloss,split"]
    for i, (gloss, split) in enumerate(
        [("HELLO", "train"), ("HELLO", "train"), ("TEA", "train"), ("TEA", "val")]
    ):
        recorded(10 + 10 * i, seed=i).save(place / "ana" / f"{i}.clip.npz")
        rows.append(f"ana/{i}.clip.npz,{gloss},{split}")
    (place / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return place


def test_facts_of_a_folder(folder, tmp_path, capsys):
    facts = facts_of(folder, capsys, "--png", tmp_path / "sheet.png")
    assert facts["clips"] == facts["read"] == 4 and facts["unreadable"] == 0
    assert facts["glosses"] == {"HELLO": 2, "TEA": 2}
    assert facts["splits"] == {"train": 3, "val": 1}
    lengths = facts["lengths"]
    assert (lengths["min"], lengths["median"], lengths["max"], lengths["total"]) == (
        10,
        25,
        40,
        100,
    )
    assert sum(lengths["histogram"]["counts"]) == 4
    right = facts["presence"]["right_hand"]
    assert right["share"] == pytest.approx(np.mean([1 - 6 / n for n in (10, 20, 30, 40)]))
    assert facts["presence"]["left_hand"]["clips_without"] == 4
    assert Image.open(tmp_path / "sheet.png").width > 300


def test_a_folder_as_a_person_reads_it(folder, capsys):
    (folder / "ana" / "2.clip.npz").write_bytes(b"PK nothing")
    faster = dataclasses.replace(recorded(), fps=25.0, timestamps=np.arange(24) / 25)
    faster.save(folder / "ana" / "1.clip.npz")
    assert cli.main(["inspect", str(folder)]) == 0
    text = capsys.readouterr().out
    told = ("unreadable  1", "train 3, val 1", "20 in 2, 25 in 1", "HELLO", "problems (1)")
    for words in (*told, "2.clip.npz"):
        assert words in text, text


def test_the_same_warning_of_many_clips_is_one_line(folder, capsys):
    for i in range(3):
        still = dataclasses.replace(
            recorded(20 + i), landmarks=np.repeat(recorded().landmarks[8:9], 20 + i, 0)
        )
        still.save(folder / "still" / f"{i}.clip.npz")
    facts = facts_of(folder, capsys)
    odd = ["ana/0", "still/0", "still/1", "still/2"]
    assert [warning["clip"] for warning in facts["warnings"]] == odd
    assert cli.main(["inspect", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "warnings (2)" in text and "ana/0: no hand in 6 of 10 frames" in text
    assert "still/0: 19 of 20 frames repeat the one before, and alike in 2 more" in text


def test_all_lists_every_class(tmp_path, capsys):
    rows = [f"{i},WORD{i:02d}" for i in range(15)]
    for i in range(15):
        recorded(10).save(tmp_path / "d" / f"{i}.clip.npz")
    (tmp_path / "d" / "labels.csv").write_text("\n".join(["file,gloss", *rows]) + "\n")
    assert cli.main(["inspect", str(tmp_path / "d")]) == 0
    some = capsys.readouterr().out
    # Twelve, and the rarest one.
    assert sum(f"WORD{i:02d}" in some for i in range(15)) == 13 and "(all: --all)" in some
    assert cli.main(["inspect", str(tmp_path / "d"), "--all"]) == 0
    every = capsys.readouterr().out
    assert all(f"WORD{i:02d}" in every for i in range(15)) and "(all: --all)" not in every


def test_sample_and_one_clip_of_a_folder(folder, capsys):
    assert facts_of(folder, capsys, "--sample", 2)["read"] == 2
    assert facts_of(folder, capsys, "--all")["read"] == 4
    for name in ("ana/3", "3"):
        facts = facts_of(folder, capsys, "--clip", name)
        assert (facts["frames"], facts["glosses"], facts["split"]) == (40, ["TEA"], "val")
    with pytest.raises(UserError, match="no clip 'ana/4'.*Did you mean 'ana/"):
        inspect(folder, clip="ana/4")


def test_every_format_that_can_be_written(folder, tmp_path, capsys):
    tried = []
    for name in formats.names():
        if not formats.get(name).writer:
            continue
        try:
            formats.write_collection(formats.open_collection(folder), tmp_path / name, name)
        except UserError as error:
            assert "not installed" in str(error), error
            continue
        facts = facts_of(tmp_path / name, capsys, "--format", name)
        assert facts["format"] == name and facts["clips"] == 4, name
        assert set(facts["glosses"]) == {"HELLO", "TEA"}, name
        assert facts["presence"]["right_hand"]["share"] > 0.6, name
        tried.append(name)
    assert {"clips", "fslr"} <= set(tried)


def test_image_features_and_frames(tmp_path, capsys):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "f.npz", X2048=rng.random((9, 2048), np.float32))
    facts = facts_of(tmp_path / "f.npz", capsys)
    assert facts["arrays"][0]["kind"] == "features" and facts["warnings"] == []
    np.save(tmp_path / "i.npy", rng.integers(0, 256, (9, 30, 40, 3), dtype=np.uint8))
    assert cli.main(["inspect", str(tmp_path / "i.npy"), "--png", str(tmp_path / "i.png")]) == 0
    assert "images 40 x 30, 9 frames" in capsys.readouterr().out
    assert Image.open(tmp_path / "i.png").width > 300
    np.save(tmp_path / "odd.npy", rng.normal(size=(3, 2048)).astype(np.float32))
    assert "never negative" in facts_of(tmp_path / "odd.npy", capsys)["warnings"][0]
    facts = facts_of(tmp_path, capsys)
    kinds = [file["arrays"][0]["kind"] for file in facts["files"]]
    assert kinds == ["features", "frames", "features"]
    with pytest.raises(UserError, match="no picture"):
        inspect(tmp_path / "f.npz", png=tmp_path / "f.png")


def test_an_unknown_folder_is_told_in_a_few_lines(tmp_path, capsys):
    for word in "abcde":
        for number in range(6):
            (tmp_path / word / str(number)).mkdir(parents=True)
            np.save(tmp_path / word / str(number) / "0.npy", np.ones(1000))
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "._0.npy").write_text("")
    assert cli.main(["inspect", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for text in ("30 .npy files 3 deep (a/0/0.npy)", "1 .txt file (notes.txt)", "3 of them shown"):
        assert text in printed
    assert "mp_data" in printed and "1662" in printed and len(printed.splitlines()) < 35
    facts = facts_of(tmp_path, capsys)
    assert len(facts["files"]) == 3 and facts["array_files"] == 30
    assert set(facts["nearest"]) == {"mp_data", "signon", "whispersign"}
    assert len(facts_of(tmp_path, capsys, "--all")["files"]) == 30
    with pytest.raises(
        UserError, match="(?s)holds 30 .npy files 3 deep.*mp_data.*or another: clips"
    ):
        formats.open_collection(tmp_path)


def test_features_without_a_finite_number_are_valid_json(tmp_path, capsys):
    np.save(tmp_path / "nan.npy", np.full((3, 2048), np.nan, np.float32))
    facts = facts_of(tmp_path / "nan.npy", capsys)
    assert facts["arrays"][0]["numbers"] == {"zeros": 0, "bad_frames": 3}
    assert "3 frames hold NaN" in facts["warnings"][0]
    assert cli.main(["inspect", str(tmp_path / "nan.npy")]) == 0
    assert "no finite number" in capsys.readouterr().out


def test_features_beside_keypoints_are_told(tmp_path, capsys):
    from run_helpers import save_clip

    path = save_clip(tmp_path / "a.npz", 7, X2048=np.ones((7, 2048), np.float32))
    assert cli.main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert "fslr" in text and "X2048" in text and "also in this file" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut.clip.npz", "cut.clip.npz"),
        ("text.npz", "not an .npz file"),
        ("pickled.npy", "pickled objects"),
        ("short.npy", "not a readable .npy file"),
        ("video.txt", "none of the known formats"),
        ("absent", "no such file"),
        ("video.mp4", "jaxsign extract"),
    ],
)
def test_bad_files(tmp_path, capsys, name, words):
    good = recorded().save(tmp_path / "good.clip.npz").read_bytes()
    (tmp_path / "cut.clip.npz").write_bytes(good[:2000])
    (tmp_path / "text.npz").write_text("hello")
    np.save(tmp_path / "pickled.npy", np.asarray([{}], object))
    np.save(tmp_path / "short.npy", np.zeros((50, 2048)))
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:500])
    (tmp_path / "video.txt").write_text("x")
    (tmp_path / "video.mp4").write_bytes(b"x")
    assert cli.main(["inspect", str(tmp_path / name)]) == 1
    error = capsys.readouterr().err
    assert words in error and name in error


def test_wrong_options(folder, tmp_path):
    with pytest.raises(UserError, match=r"must end with \.png"):
        inspect(folder, clip="3", png=tmp_path / "a.jpg")
    with pytest.raises(UserError, match="format 'clip' is unknown.*clips"):
        inspect(folder, format="clip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty"):
        inspect(tmp_path / "empty")


def test_kinds_of_arrays():
    kind = arrays.kind_of
    assert kind("X", (4, 2048), np.dtype("f4"))[0] == "features"
    assert kind("a", (4, 9, 9, 3), np.dtype("u1"))[0] == "frames"
    assert kind("a", (4, 9, 9, 3), np.dtype("f4"))[0] == "other"
    assert kind("a", (4, 156), np.dtype("f4"))[0] == "keypoints"
    assert kind("a", (4, 75, 3), np.dtype("f4"))[0] == "landmarks"
    assert kind("a", (), np.dtype("U5"))[0] == "other"


@pytest.mark.shared
def test_a_real_recording(capsys):
    path = SHARED / "data" / "sign_clip_mit" / "landmarks543" / "test_video.npz"
    facts = facts_of(path, capsys)
    assert facts["frames"] == 48 and facts["presence"]["face"]["share"] == 1
    assert facts["presence"]["right_hand"]["share"] == pytest.approx(20 / 48)
    assert facts["warnings"] == ["no hand in 28 of 48 frames"]
