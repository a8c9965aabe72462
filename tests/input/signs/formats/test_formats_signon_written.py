"""SignON's folders as they are written, with the post-processed points of its generation A."""

import making
import numpy as np
import pytest

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.input.signs import formats, signon_parts
from jaxsign.input.signs.views import signon


def written(tmp_path, *words, size=(64, 48)):
    held = [making.clip(6, seed, fps=25.0, size=size, visibility=False) for seed in range(2)]
    entries = [formats.Entry(f"a/{i}", (("YES", "NO")[i],), "", "s0", "train") for i in range(2)]
    formats.write_collection(making.collection(held, entries), tmp_path / "clips", "clips")
    out = tmp_path / "signon"
    command = ["convert", str(tmp_path / "clips"), "--to", "signon", "--out", str(out), *words]
    return held, out, cli.main(command)


def test_postprocessed_points_stand_beside_the_raw_ones(tmp_path, capsys):
    held, out, status = written(tmp_path, "--postprocessed")
    assert status == 0 and "shape of their film" not in capsys.readouterr().out
    for i, clip in enumerate(held):
        raw = np.load(out / "mediapipe" / "a" / f"{i}.npy")
        np.testing.assert_allclose(raw, signon.points75(clip), rtol=1e-6)
        joints = np.load(out / "mediapipe_post" / "joints" / "a" / f"{i}.npy")
        assert joints.dtype == np.float64 and joints.shape == (6, 75, 3)
        np.testing.assert_array_equal(joints, signon.postprocess(clip))
        points = signon.SignonView(generation="A", output="points")(clip)
        np.testing.assert_array_equal(joints.astype(np.float32), points)
    data = configs.base().data
    data.train.path, data.kind = str(out), "Mediapipe_Cleaned"
    cleaned = signon_parts.gather(data, "train")
    assert [entry.glosses for entry in cleaned.entries] == [("YES",), ("NO",)]
    np.testing.assert_allclose(cleaned.arrays(1)[""], signon.postprocess(held[1]), atol=1e-6)


def test_the_shape_of_films_is_given_where_clips_do_not_tell_it(tmp_path, capsys):
    held, out, status = written(tmp_path, "--postprocessed", size=(0, 0))
    assert status == 0 and "--aspect gives height / width" in capsys.readouterr().out
    (tmp_path / "b").mkdir()
    held, out, status = written(tmp_path / "b", "--postprocessed", "--aspect", "0.75", size=(0, 0))
    assert status == 0 and "--aspect" not in capsys.readouterr().out
    joints = np.load(out / "mediapipe_post" / "joints" / "a" / "0.npy")
    np.testing.assert_array_equal(joints, signon.postprocess(held[0], 0.75))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--aspect", "0.75"), "together with --postprocessed"),
        (("--postprocessed", "--aspect", "-1"), "expected height / width above 0"),
        (("--postprocessed", "--to", "pose"), "no option 'postprocessed'"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, capsys, words, said):
    _, out, status = written(tmp_path, *words)
    assert status == 1 and said in capsys.readouterr().err and not out.exists()


def test_plain_folders_have_no_such_points(tmp_path):
    _, out, _ = written(tmp_path)
    assert sorted(path.name for path in out.iterdir()) == [
        "glosses.csv",
        "mediapipe",
        "samples.csv",
    ]
