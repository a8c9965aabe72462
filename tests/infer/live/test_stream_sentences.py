"""`jaxsign stream --sentences`: each read as a stream of its own, told when its pause is known."""

import csv
import io
import json
import re
import sys

import numpy as np
import pytest
import stream_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign import cli
from jaxsign.infer.live import sentences, subtitles, telling
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import pauses
from jaxsign.input.signs.rows import Chunk
from jaxsign.tasks.following import Emitted

FRAMES, RATE = 30, 30.0  # of a sign
REST = 0  # of the ids that `LocalNet` reads


def landmarks(ids):
    """float32 [T, 543, 3]: a second of every id, told by a hand; none for 0."""
    x = np.full((len(ids) * FRAMES, 543, 3), np.nan, np.float32)
    for place, height in ((11, 0.3), (12, 0.3), (23, 0.9), (24, 0.9)):
        x[:, clips.POSE.start + place] = (0.1 * (place % 2), height, 0)
    for number, one in enumerate(ids):
        if one != REST:
            x[number * FRAMES : (number + 1) * FRAMES, clips.LEFT_HAND] = (one, 0.4, 0)
    return x


@pytest.fixture(scope="module")
def recogniser():
    return stream_runs.recogniser(stream_runs.run(normalise=False), seconds=1.0)


def told(recogniser, x, sizes=(), pause=0.8, first=0.0):
    """What is told of landmarks that come in pieces of these sizes; signs, then sentences."""
    recogniser.reset()
    listener = sentences.SentenceListener(recogniser, pauses.PauseCutter(pause))
    found, start = [], 0
    for size in [*sizes, len(x)]:
        times = first + np.arange(start, min(start + size, len(x))) / RATE
        found += listener.push(Chunk(x[start : start + size], times))
        start += size
    found += listener.finish()
    signs = tuple(sign for one in found for sign in one.signs)
    whole = tuple(one.sentence for one in found if one.sentence is not None)
    assert signs == tuple(sign for one in whole for sign in one.signs)
    return signs, whole


IDS = [0, 0, 1, 2, 0, 0, 3, 1, 1, 2, 0, 0, 4]
FEW = [0, 1, 2, 0, 3]


def test_pauses_part_sentences(recogniser):
    _, found = told(recogniser, landmarks(IDS))
    assert [one.text for one in found] == ["HELLO YES", "NO HELLO YES", "TEA"]
    assert [one.start for one in found] == pytest.approx([2, 6, 12], abs=0.1)
    assert [one.end for one in found] == pytest.approx([4, 10, 13], abs=0.1)
    # Known once the hands were away for the pause; the last one ends with the stream.
    assert [one.emitted for one in found] == pytest.approx([4.8, 10.8, 12.97], abs=0.1)
    assert recogniser.cost.rows < 60 * (8 + 3)  # pauses are not read
    assert recogniser.seen.traits["rate"] == pytest.approx(RATE)  # nor do they slow it down


def test_a_sentence_is_heard_as_a_stream_of_its_own(recogniser):
    x = landmarks(IDS)
    _, (_, second, _) = told(recogniser, x)
    cut = slice(6 * FRAMES - 6, 10 * FRAMES + 24)  # a margin before it, the pause behind it
    recogniser.reset()
    heard = recogniser.push(Chunk(x[cut], np.arange(cut.start, cut.stop) / RATE))
    alone = [sign for one in [*heard, recogniser.finish()] for sign in one.signs]
    assert second.signs == tuple(alone)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=8), st.sampled_from([0.3, 0.7]))
def test_the_pieces_of_a_stream_do_not_matter(recogniser, sizes, pause):
    x = landmarks(FEW)
    assert told(recogniser, x, sizes, pause) == told(recogniser, x, pause=pause)


def test_a_stream_of_rest_has_no_sentence(recogniser):
    assert told(recogniser, landmarks([0, 0, 0])) == ((), ())


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return stream_runs.save_run(tmp_path_factory.mktemp("sentences") / "run")


def wandering(tmp_path):
    """A clip file of hands that wander for 3 s, twice, with 2 s between."""
    rng = np.random.default_rng(1)
    x = landmarks([0] * 10)
    for start in (30, 180):
        way = 0.4 + rng.normal(0, 0.02, (90, 543, 3)).cumsum(0)
        x[start : start + 90, clips.LEFT_HAND] = way[:, clips.LEFT_HAND]
    return clips.Clip(x, np.arange(len(x)) / RATE, fps=RATE).save(tmp_path / "a.clip.npz")


def run_verb(run_folder, *words):
    words = ["stream", "--workdir", str(run_folder), "--window", "1", *map(str, words)]
    return cli.main(words)


def test_the_verb_writes_sentences(run_folder, tmp_path, capsys):
    out, table, shown = (tmp_path / name for name in ("a.json", "a.csv", "a.vtt"))
    files = ["--json", out, "--csv", table, "--subtitles", shown]
    assert run_verb(run_folder, wandering(tmp_path), "--sentences", *files) == 0
    (stream,) = json.loads(out.read_text())["streams"]
    found = stream["sentences"]
    assert len(found) == 2
    names = [name for one in found for name in one["glosses"]]
    assert names == [sign["gloss"] for sign in stream["glosses"]]
    assert 0.7 < found[0]["start"] < found[0]["end"] <= found[0]["emitted"] < 5.3
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [" ".join(one["glosses"]) for one in found]
    assert [row["glosses"] for row in rows] == texts
    assert [row["sentence"] for row in rows] == ["1", "2"]
    cues = shown.read_text().split("\n\n")
    assert cues[0] == "WEBVTT" and [cue.splitlines()[2] for cue in cues[1:]] == texts
    printed = capsys.readouterr().out
    assert "in 2 sentences" in printed
    assert all(f"  {text}  (told" in printed for text in texts)


def test_a_pipe_without_times_is_cut_by_its_rate(run_folder, tmp_path, monkeypatch):
    clip = clips.load(wandering(tmp_path))
    lines = []
    for frame in clip.landmarks:
        points = [None if np.isnan(point).any() else point.tolist() for point in frame]
        lines.append(json.dumps({"landmarks": points}))
    told = []
    for words, text in ((["-", "--fps", RATE], "\n".join(lines)), ([tmp_path / "a.clip.npz"], "")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        out = tmp_path / f"{len(told)}.json"
        assert run_verb(run_folder, *words, "--sentences", "--json", out) == 0
        (stream,) = json.loads(out.read_text())["streams"]
        told.append([(one["glosses"], one["start"]) for one in stream["sentences"]])
        assert stream["summary"]["stream_seconds"] == pytest.approx(9.97, abs=0.01)
    assert told[0] == told[1] and len(told[0]) == 2


@pytest.mark.parametrize(
    "words, reason",
    [
        (["a.clip.npz", "--pause", "1"], "--pause goes with --sentences"),
        (["a.clip.npz", "--sentences", "--pause", "0"], "--pause 0: expected seconds above 0"),
        (["a.npy", "--sentences"], "which stored features do not tell"),
        (["a.clip.npz", "--subtitles", "a.txt"], r"a.txt: expected a name that ends in .srt"),
        (["a.npy", "b.npy", "--subtitles", "a.srt"], "--subtitles: of which of 2 streams"),
    ],
)
def test_what_cannot_be_cut_is_explained(run_folder, tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    wandering(tmp_path)
    np.save("a.npy", np.zeros((9, 42, 7), np.float32))
    np.save("b.npy", np.zeros((9, 42, 7), np.float32))
    assert run_verb(run_folder, *words) == 1
    assert re.search(reason, capsys.readouterr().err)


def test_subtitles_of_signs(tmp_path):
    signs = [
        Emitted("A < B", 0, 0.5, 1.75, 0.9, 2.0),
        Emitted("TEA\nTIME", 1, 3661.0, 3661.9996, 0.9, 3700.0),
    ]
    played = telling.Played("film.mp4", signs, None, {})
    subtitles.write(tmp_path / "a.srt", played)
    assert (tmp_path / "a.srt").read_text() == (
        "1\n00:00:00,500 --> 00:00:01,750\nA < B\n\n2\n01:01:01,000 --> 01:01:02,000\nTEA TIME\n"
    )
    subtitles.write(tmp_path / "a.vtt", played)
    assert "00:00:00.500 --> 00:00:01.750\nA &lt; B\n" in (tmp_path / "a.vtt").read_text()


def test_a_subtitle_stays_for_a_second_unless_the_next_one_comes(tmp_path):
    times = [(0.5, 0.5), (0.75, 0.8), (5.0, 5.04)]
    signs = [Emitted("A", 0, start, end, 0.9, 9.0) for start, end in times]
    subtitles.write(tmp_path / "a.srt", telling.Played("film.mp4", signs, None, {}))
    ends = [line[-12:] for line in (tmp_path / "a.srt").read_text().splitlines() if ">" in line]
    assert ends == ["00:00:00,750", "00:00:01,750", "00:00:06,000"]
