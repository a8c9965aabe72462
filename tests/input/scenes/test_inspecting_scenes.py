"""`jaxsign inspect` of scenes: what is counted, and that there are pictures."""

import json

import numpy as np
from PIL import Image

from jaxsign import cli
from tests.input.scenes.layout_folder import a_box, a_frame, a_video, write
from tests.input.scenes.test_scene import made


def folder(path):
    more = a_frame(1, boxes=[a_box("person"), a_box("person"), a_box()], relations=[])
    return write(path, a_video("a", split="train"), a_video("b", [more], split="val"))


def test_counts(tmp_path, capsys):
    assert cli.main(["inspect", str(folder(tmp_path)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["splits"] == {"train": 1, "val": 1} and found["kind"] == "scenes"
    assert (found["frames"], found["boxes"], found["pairs"]) == ([2, 1], [3, 3, 3], [2, 2, 0])
    assert list(found["objects"].items()) == [("person", 4), ("cup", 3), ("dog", 2)]
    assert found["relations"] == {"look": {"at": 2, "away": 2}, "touch": {"holds": 2, "near": 2}}
    assert found["labelled"] == 4 and not found["features"]


def test_tables(tmp_path, capsys):
    given = made(
        labelled=np.array([True, False]),
        relations=np.array([[1, 0, 0, 1], [0] * 4], bool),
        features=np.ones((4, 8), np.float32),
    )
    for name in ("a", "b"):
        given.save(tmp_path / f"{name}.scene.npz")
    (tmp_path / "c.scene.npz").write_bytes(b"PK")
    assert cli.main(["inspect", str(tmp_path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "videos 3 unreadable 1 frames 4" in told and "c.scene.npz: " in told
    assert "pairs 4, 2 of them not labelled relations 4 features 8 a box: 2" in told
    assert "never: 1 (holding)" in told
    assert cli.main(["inspect", str(tmp_path), "--clip", "bb"]) == 1
    assert "no video 'bb'. Did you mean 'b'?" in capsys.readouterr().err


def test_pictures(tmp_path, capsys):
    folder(tmp_path)
    Image.new("RGB", (64, 48), "red").save(tmp_path / "red.jpg")
    (tmp_path / "frames/a").mkdir(parents=True)
    (tmp_path / "red.jpg").rename(tmp_path / "frames/a/0.jpg")
    start = ["inspect", str(tmp_path), "--png"]
    assert cli.main([*start, str(tmp_path / "all.png")]) == 0
    assert cli.main([*start, str(tmp_path / "one.png"), "--clip", "a"]) == 0
    assert f"Picture: {tmp_path / 'one.png'}" in capsys.readouterr().out.replace("\n", "")
    with Image.open(tmp_path / "all.png") as image:
        assert image.width > 1000
    with Image.open(tmp_path / "one.png") as image:
        colours = np.asarray(image.convert("RGB")).astype(int)
    # The first frame lies on its picture, the second on white.
    pink = (colours[..., 0] > 240) & (abs(colours[..., 1] - 64) < 16)
    assert pink[:, : pink.shape[1] // 2].sum() > 20_000 and not pink[:, pink.shape[1] // 2 :].any()
    assert cli.main([*start, str(tmp_path / "one.jpg")]) == 1
    assert cli.main([*start, str(tmp_path / "x.png"), "--person", "2"]) == 1
