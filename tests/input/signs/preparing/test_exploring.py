import dataclasses

import numpy as np
import pytest
from collections_of_clips import a_clip, google_folder, in_memory
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.preparing import (
    exploring,
    exploring_figures,
    exploring_report,
    measuring,
)

PICTURES = {
    "signs_distribution.png",
    "participants_analysis.png",
    "landmark_analysis.png",
    "participant_sign_analysis.png",
}


def test_all_pictures_and_the_report(tmp_path):
    source = formats.open_collection(google_folder(tmp_path / "all"))
    found = exploring.explore(source, tmp_path / "out")
    assert {path.name for path in found.paths} == PICTURES | {"report.txt"}
    assert set(found.paths) == set((tmp_path / "out").iterdir())
    for name in PICTURES:
        pixels = np.asarray(Image.open(tmp_path / "out" / name).convert("L"))
        assert pixels.shape[0] > 250 and pixels.shape[1] > 600 and pixels.std() > 5
    text = (tmp_path / "out" / "report.txt").read_text()
    assert text == found.text + "\n"
    assert "clips       18" in text and "6 clips each" in text and "3 frames each" in text
    assert "left hand         33.3%   33.3%   33.3%" in text
    assert "pairs of signer and sign without a clip: 0.0%" in text


def test_without_signers_or_files(tmp_path):
    source = in_memory([("a", ""), ("b\x1b[2J", ""), ("a", "")])
    found = exploring.explore(source, tmp_path)
    text = (tmp_path / "report.txt").read_text()
    assert "b\\u001b[2J" in text and "\x1b" not in text  # it is read on terminals
    assert {p.name for p in found.paths} == {
        "signs_distribution.png",
        "landmark_analysis.png",
        "report.txt",
    }
    assert "does not tell who signs" in found.text and "no files of their own" in found.text


def test_panels_with_nothing_to_say_are_left_out(tmp_path):
    def titles(source):
        figure = exploring_figures.landmarks(measuring.measure(source))
        return [axes.get_title(loc="left") for axes in figure.axes]

    every = titles(formats.open_collection(google_folder(tmp_path / "all")))
    assert len(every) == 6 and any(title.startswith("size of files") for title in every)
    bare = titles(in_memory([((), ""), ((), "")]))
    assert len(bare) == 4 and not any(t.startswith(("size of", "length by")) for t in bare)


def test_counts_of_signers_and_signs():
    rows = [("a", "x")] * 3 + [("b", "x"), ("b", "y"), (("a", "b"), "y"), ((), "")]
    facts = measuring.measure(in_memory(rows, glosses=("a", "b", "never")))
    assert facts.signs == {"a": 4, "b": 3, "never": 0}
    assert facts.signers == {"x": 4, "y": 2}
    np.testing.assert_array_equal(facts.pairs(["x", "y"], ["a", "b"]), [[3, 1], [1, 2]])
    text = exploring_report.text(facts, ["one.png"])
    assert "unlabelled  1" in text and "clips of unknown signers: 1" in text


def test_only_so_many_are_drawn_and_always_the_same():
    source = in_memory([("a", str(i)) for i in range(50)])
    facts = [measuring.measure(source, rows=20, clips=5) for _ in range(2)]
    assert facts[0].entries == facts[1].entries and len(facts[0].entries) == 20
    read = [[clip.entry.name for clip in found.clips] for found in facts]
    assert read[0] == read[1] and len(set(read[0])) == 5
    assert set(read[0]) <= {entry.name for entry in facts[0].entries}
    other = measuring.measure(source, rows=20, clips=5, seed=1)
    assert other.entries != facts[0].entries
    assert "20 drawn at random" in exploring_report.text(facts[0], [])


def test_clips_that_cannot_be_read_are_told(tmp_path):
    folder = google_folder(tmp_path / "all", signs=("go",))
    broken = sorted(folder.rglob("*.parquet"))
    broken[0].write_bytes(b"no parquet")
    facts = measuring.measure(formats.open_collection(folder))
    assert len(facts.clips) == 5 and broken[0].name in facts.unread[0]
    assert "read        5 of 6" in exploring_report.text(facts, [])
    for path in broken:
        path.write_bytes(b"no parquet")
    with pytest.raises(UserError, match="none of 6 clips can be read"):
        measuring.measure(formats.open_collection(folder))


def test_what_is_missing_when():
    def half_a_hand(_):
        clip = a_clip(frames=40)
        landmarks = clip.landmarks.copy()
        landmarks[20:, 522:] = np.nan
        return dataclasses.replace(clip, landmarks=landmarks)

    source = in_memory([("a", "")])
    source.reader = half_a_hand
    clip = measuring.measure(source).clips[0]
    assert clip.missing["right_hand"] == clip.seen["right_hand"] == 0.5
    assert clip.timeline["right_hand"].tolist() == [True] * 10 + [False] * 10
    assert clip.missing["left_hand"] == pytest.approx(1 / 40)
