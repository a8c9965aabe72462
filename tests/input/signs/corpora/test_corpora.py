"""Annotations of ELAN -> tables of signs -> splits -> clips."""

import csv
import dataclasses
import json
import shutil

import eafs
import making
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.corpora import cleaning, cutting, instances, presets, rows, sharing
from jaxsign.input.signs.extract import labels, video

pytest.importorskip("pympi")
OWN = """\
base = "vgt"
minimum = 4
split = "signer-common"
val_share = 0.2
test_share = 0.2
"""


def cells(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three sessions of VGT: two signers each, who sign two glosses; and a preset."""
    folder = tmp_path_factory.mktemp("corpus")
    for session in range(3):
        names = [f"CVGT_{session}_i{2 * session + i:03d}.mp4" for i in (1, 2)]
        media = [f"{eafs.VGT}/{name}" for name in (*names, "CVGT_all.mp4")]
        tiers = {
            "GlosRH i1": [(0, 200, "huis+"), (400, 800, "WG-1x"), (1000, 1040, "?")],
            "GlosRH i2": [(120, 480, "HUIS"), (480, 1200, "wg-1"), (1200, 1240, "ZELDEN")],
        }
        eafs.eaf(folder / f"elan/{session}/CVGT_{session}.eaf", tiers, media)
        for name in names:
            eafs.numbered(folder / "films/sessie" / name, 31)
    (folder / "own.toml").write_text(OWN)
    return folder


def words(corpus, step, *more):
    return ["corpus", step, *map(str, more), "--preset", str(corpus / "own.toml")]


def films(corpus):
    return ("--videos", corpus / "films")


@pytest.fixture(scope="module")
def tables_of(corpus):
    out = corpus / "tables"
    elan = words(corpus, "instances", corpus / "elan", *films(corpus), "--out", out)
    assert cli.main(elan) == 0 and cli.main(words(corpus, "split", out)) == 0
    return out


def test_signs_of_two_tiers_with_their_signers_and_films(tables_of):
    found = cells(tables_of / "instances.csv")
    assert list(found[0]) == [
        "Id", "Gloss", "start_ms", "end_ms", "EAF", "Participant", "Signer", "SourceVideo",
        "SampleVideo",
    ]  # fmt: skip
    assert list(found[0].values()) == [
        "0", "HUIS", "0", "200", "0/CVGT_0.eaf", "i002", "i1", "sessie/CVGT_0_i002.mp4",
        "CVGT_0.eaf_0.mp4",
    ]  # fmt: skip
    assert len(found) == 12 and {row["Gloss"] for row in found} == {"HUIS", "WG-1"}
    assert [row["Participant"] for row in found if row["Signer"] == "i2"][:2] == ["i001", "i001"]
    assert cells(tables_of / "glosses.csv") == [
        {"Gloss": "HUIS", "Count": "6"}, {"Gloss": "WG-1", "Count": "6"},
    ]  # fmt: skip


def test_where_no_gloss_is_frequent_enough_the_most_frequent_are_told(corpus, tmp_path, capsys):
    command = ["corpus", "instances", str(corpus / "elan"), "--preset", "vgt", "--out"]
    assert cli.main([*command, str(tmp_path), *map(str, films(corpus))]) == 1
    told = capsys.readouterr().err
    assert "at least 20 signs; found, at most: 'HUIS' 6, 'WG-1' 6, 'ZELDEN' 3. A file" in told
    assert "'minimum' takes fewer" in told and told.endswith("(docs/corpora.md)\n")


def test_a_split_shares_no_signer_and_is_the_same_again(corpus, tables_of):
    before = (tables_of / "split.csv").read_bytes()
    found = cells(tables_of / "split.csv")
    assert list(found[0])[-1] == "subset" and not {"EAF", "Signer"} & set(found[0])
    signers = {row["Participant"]: row["subset"] for row in found}
    assert all(signers[row["Participant"]] == row["subset"] for row in found)
    assert len(set(signers.values())) == 3
    assert cli.main(words(corpus, "split", tables_of)) == 0
    assert (tables_of / "split.csv").read_bytes() == before


def test_clips_begin_and_end_where_their_signs_do_and_a_second_run_changes_nothing(
    corpus, tables_of, tmp_path, capfd, caplog
):
    command = words(corpus, "cut", tables_of, *films(corpus), "--out", tmp_path / "data")
    assert cli.main([*command, "--workers", "1"]) == 0
    split = cells(tables_of / "split.csv")
    for row in split:
        start, end = int(row["start_ms"]) // 40, int(row["end_ms"]) // 40
        left, _ = eafs.greys(tmp_path / "data/clips" / row["SampleVideo"])
        assert left == list(range(start, end)), row
    samples = cells(tmp_path / "data/samples.csv")
    assert [row["Video"] for row in samples] == [row["SampleVideo"] for row in split]
    glosses = [row["Gloss"] for row in cells(tmp_path / "data/glosses.csv")]
    assert [glosses[int(row["Label"])] for row in samples] == [row["Gloss"] for row in split]
    assert [row["glosses"] for row in cells(tmp_path / "data/clips/labels.csv")] == [
        row["Gloss"] for row in split
    ]
    opened = formats.open_collection(tmp_path / "data", "signon")
    assert len(opened.problems) == 12  # nothing is extracted yet
    files = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    (tmp_path / "data/samples.csv").unlink()
    next(iter(sorted((tmp_path / "data/clips").glob("*.mp4")))).unlink()
    some = next((tmp_path / "data/clips").glob("*.mp4"))
    shutil.copy(some, tmp_path / "data/clips/of_another_split.mp4")
    report = (tmp_path / "data/cut.csv").read_text()
    lines = report.splitlines(keepends=True)
    other_rate = lines[-1].replace(",25.0,", ",10.0,")
    (tmp_path / "data/cut.csv").write_text("".join([*lines[:-1], other_rate]))
    capfd.readouterr()
    assert cli.main([*command, "--workers", "1"]) == 0
    said = capfd.readouterr().out
    assert other_rate != lines[-1] and "2 clips cut; 12 of 12" in said
    assert "holds 1 films that are no signs of this split, such as of_another" in caplog.text
    assert {path: path.read_bytes() for path in files} == {k: v for k, (v, _) in before.items()}
    same = [path for path in files if path.stat().st_mtime_ns == before[path][1]]
    assert len([path for path in same if path.suffix == ".mp4"]) == 10


def test_films_and_clips_lie_below_their_folders(tables_of, tmp_path):
    text = (tables_of / "split.csv").read_text()
    sample = cells(tables_of / "split.csv")[0]["SampleVideo"]
    for other in ("../x.mp4", "/tmp/x.mp4", "a/../../x.mp4"):
        (tmp_path / "split.csv").write_text(text.replace(sample, other))
        with pytest.raises(
            UserError, match=r"split.csv line 2: SampleVideo: '.*x.mp4' is no name for a file"
        ):
            rows.read(tmp_path / "split.csv")


def test_clips_of_landmarks_take_over_glosses_signers_and_subsets(tmp_path):
    one = rows.Instance("0", "A|B", 0, 80, "p", "x.mp4", "x.eaf_0.mp4", subset="val")
    signs = [one, dataclasses.replace(one, id="1", gloss="C", sample="x.eaf_1.mp4", subset="train")]
    cutting.write_tables(tmp_path, signs, {"C": 0, "A|B": 1})
    names = {sign.sample: sign.sample.removesuffix(".mp4") for sign in signs}
    for name in names.values():
        making.clip().save(tmp_path / f"out/{name}.clip.npz")
    labels.carry_over(tmp_path / "clips", tmp_path / "out", names, overwrite=False)
    opened = formats.open_collection(tmp_path / "out")
    assert opened.problems == [] and opened.classes()[0] == ("A|B", "C")
    assert sorted((e.glosses, e.signer, e.split) for e in opened.entries) == [
        (("A|B",), "p", "val"), (("C",), "p", "train"),
    ]  # fmt: skip


def test_a_film_that_cannot_be_cut_is_told_and_the_rest_is_done(tmp_path):
    eafs.numbered(tmp_path / "films/good.mp4", 10)
    (tmp_path / "films/empty.mp4").touch()
    (tmp_path / "films/text.mp4").write_text("no film\n" * 99)
    whole = (tmp_path / "films/good.mp4").read_bytes()
    (tmp_path / "films/short.mp4").write_bytes(whole[: len(whole) // 2])
    row = rows.Instance("0", "A", 0, 200, "p", "good.mp4", "a.mp4", subset="train")
    table = [
        row,
        dataclasses.replace(row, id="1", start=300, end=600, sample="b.mp4"),
        dataclasses.replace(row, id="2", film="empty.mp4", sample="c.mp4"),
        dataclasses.replace(row, id="3", film="none.mp4", sample="d.mp4"),
        dataclasses.replace(row, id="4", film="text.mp4", sample="e.mp4"),
        dataclasses.replace(row, id="5", film="short.mp4", sample="f.mp4"),
    ]
    rows.write(tmp_path, rows.SPLIT, table, ())
    rows.write_glosses(tmp_path, rows.SPLIT_GLOSSES, ["A"])
    paths = (tmp_path / rows.SPLIT, tmp_path / rows.SPLIT_GLOSSES, tmp_path / "films")
    found = cutting.cut(*paths, tmp_path / "data", presets.find("vgt"), workers=1)
    reasons = {one.sample: one.reason for one in found.rows}
    assert reasons["a.mp4"] == "" and found.made == 1 and len(found.failed) == 5
    assert "2 of its 8 frames: the film's last frame is at 360 ms" in reasons["b.mp4"]
    assert "empty.mp4" in reasons["c.mp4"] and "0 bytes" in reasons["c.mp4"]
    assert "none.mp4: no such file" in reasons["d.mp4"]
    assert "text.mp4: cannot be read as a video (it is a text file)" in reasons["e.mp4"]
    assert "short.mp4: cannot be read as a video" in reasons["f.mp4"]
    assert [row["Video"] for row in cells(tmp_path / "data/samples.csv")] == ["a.mp4"]
    assert [path.name for path in (tmp_path / "data/clips").glob("*.mp4")] == ["a.mp4"]


def test_ngt_takes_a_half_of_the_picture_for_each_signer(tmp_path):
    tiers = {"GlossR S1": [(80, 400, "HUIS")], "GlossR S2": [(120, 360, "HUIS"), (0, 80, "?X")]}
    media = [f"file:///D:/CNGT0001_S00{i}_b.mpg" for i in (1, 2)]
    people = {"GlossR S1": "S002", "GlossR S2": "S001"}
    eafs.eaf(tmp_path / "elan/CNGT0001.eaf", tiers, media, people)
    eafs.numbered(tmp_path / "films/CNGT0001.mp4", 20, (704, 288)).rename(
        tmp_path / "films/CNGT0001.mpg"
    )
    table = dataclasses.replace(presets.find("ngt"), minimum=2)
    found = instances.find(tmp_path / "elan", tmp_path / "films", table)
    assert found.problems == [] and found.signs == 3
    kept = [(row.participant, row.signer, row.side, row.film) for row in found.rows]
    assert kept == [
        ("S002", "S1", "left", "CNGT0001.mpg"), ("S001", "S2", "right", "CNGT0001.mpg"),
    ]  # fmt: skip
    split = [dataclasses.replace(row, subset="train") for row in found.rows]
    rows.write(tmp_path, rows.SPLIT, split, ())
    rows.write_glosses(tmp_path, rows.SPLIT_GLOSSES, ["HUIS"])
    paths = (tmp_path / rows.SPLIT, tmp_path / rows.SPLIT_GLOSSES, tmp_path / "films")
    assert not cutting.cut(*paths, tmp_path / "data", table, workers=1).failed
    clips = [tmp_path / "data/clips" / row.sample for row in split]
    with video.Video(clips[0]) as opened:
        assert next(iter(opened)).size == (352, 288)
    assert eafs.greys(clips[0])[0] == list(range(2, 10))
    assert eafs.greys(clips[1])[1] == list(range(3, 9))


def test_bsl_and_isl_have_films_participants_and_names_of_their_own(tmp_path):
    films_ = tmp_path / "films"
    eafs.eaf(tmp_path / "bsl/G1n.eaf", {"RH-IDgloss": [(0, 80, "A"), (0, 80, "FS:B")], "x": []})
    eafs.eaf(tmp_path / "bsl/G16n.eaf", {"RH-IDgloss": [(0, 80, "A")], "x": []})
    (films_ / "Personal Stories").mkdir(parents=True)
    (films_ / "G1n.mov").touch()
    table = dataclasses.replace(presets.find("bsl"), minimum=1)
    found = instances.find(tmp_path / "bsl", films_, table, {"G1n": 350})
    row = found.rows[0]
    assert len(found.rows) == 1 and (row.start, row.end, row.participant) == (350, 430, "G1n")
    assert row.sample == "350_430_G1n.mp4"
    name = "Personal Stories-12-Noeleen-Dublin"
    tiers = {
        "Lexical": [(0, 80, "B")],
        "Lexical Gloss": [(41, 79, "A"), (40, 80, "A"), (0, 80, "A.")],
    }
    eafs.eaf(tmp_path / f"isl/{name}.eaf", tiers)
    eafs.numbered(films_ / "a.mp4", 10).rename(films_ / f"Personal Stories/{name} (Converted).mov")
    table = dataclasses.replace(presets.find("isl"), minimum=1)
    found = instances.find(tmp_path / "isl", films_, table)
    assert [row.gloss for row in found.rows] == ["A"] and "no frame of its film" in found.problems[
        0
    ]
    assert found.rows[0].participant == "Noeleen-Dublin"
    assert found.rows[0].sample == f"40_80_{name} (Converted).mov"


def test_two_signs_whose_clips_would_have_one_name_are_told(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films/v.mp4").touch()
    for folder in "ab":
        eafs.eaf(tmp_path / f"elan/{folder}/v.eaf", {"G": [(0, 80, folder.upper())]})
    table = presets.Preset(("G",), participant="p", sample="{start}_{film}.mp4")
    found = instances.find(tmp_path / "elan", tmp_path / "films", table)
    assert [row.gloss for row in found.rows] == ["A"] and len(found.problems) == 1
    assert (
        "b/v.eaf: 'B' at 0 ms: its clip would have the name of that of a/v.eaf, 'A': 0_v"
        in (found.problems[0])
    )
    apart = dataclasses.replace(table, sample="{eaf}_{id}.mp4")
    assert not instances.find(tmp_path / "elan", tmp_path / "films", apart).problems


BAD = {
    "no tier": ("has no tier 'GlosRH i1'; found Other", {"tiers": {"Other": []}}),
    "crossing times": (
        "'GlosRH i1', 'A' from 400 to 100 ms: its end does not come after its start",
        {"crossed": True},
    ),
    "no film": ("its film is not there: ", {"film": False}),
    "no XML": ("is no annotation of ELAN (it is no XML)", {"content": "<ANNOTATION_DOC"}),
    "other XML": ("is no annotation of ELAN", {"content": "<a><b/></a>"}),
    "empty": ("is no annotation of ELAN", {"content": ""}),
    "another place": ("does not fit", {"media": ["file:///D:/x_i001.mp4"]}),
    "no medium": ("names 0 film(s)", {"media": []}),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_an_annotation_is_told_and_may_be_left_out(tmp_path, capsys, name):
    expected, change = BAD[name]
    path, media = tmp_path / "elan/bad.eaf", [f"{eafs.VGT}/x_i001.mp4"]
    good = {"GlosRH i1": [(0, 80, "A"), (100, 400, "A")]}
    eafs.eaf(tmp_path / "elan/good.eaf", good, media)
    eafs.eaf(path, change.get("tiers", good), change.get("media", media))
    if "content" in change:
        path.write_text(change["content"])
    if "crossed" in change:
        text = path.read_text()
        for old, new in (("100", "-"), ("400", "100"), ("-", "400")):
            text = text.replace(f'TIME_VALUE="{old}"', f'TIME_VALUE="{new}"')
        path.write_text(text)
    if "film" in change:
        eafs.eaf(path, good, [f"{eafs.VGT}/y_i001.mp4"])
    (tmp_path / "films/sessie").mkdir(parents=True)
    (tmp_path / "films/sessie/x_i001.mp4").touch()
    (tmp_path / "own.toml").write_text('base = "vgt"\nminimum = 1')
    command = words(tmp_path, "instances", tmp_path / "elan", *films(tmp_path))
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert str(path) in told and expected in told and not (tmp_path / "out").exists()
    assert cli.main([*command, "--out", str(tmp_path / "out"), "--skip"]) == 0
    assert "left out: " in capsys.readouterr().out
    assert len(cells(tmp_path / "out/instances.csv")) == (3 if name == "crossing times" else 2)


WRONG = {
    'base = "vgd"': "base 'vgd' is unknown",
    "minimun = 2": "no field 'minimun'. Did you mean 'minimum'",
    'tiers = "a"': "tiers='a': expected a list",
    'tiers = ["a"]\nminimum = "2"': "minimum='2': expected a whole number: 1 or more",
    'tiers = ["a"]\nsides = 3': "sides=3: expected keys and values",
    'tiers = ["a"]\nsides = {S1 = "top"}': "expected left or right for each",
    'tiers = ["a"]\ncrop = [1, 2]': "crop=[1, 2], sides={}: expected width and height",
    'tiers = ["a"]\nval_share = 0.5\ntest_share = 0.5': "leave some for training",
    "tiers = []": "expected at least one name",
    'tiers = ["a"]\ndrops = ["("]': "pattern '('",
    'tiers = ["a"]\nsplit = "x"': "split='x'",
    'tiers = ["a"]\nclean_up = [["a"]]': "expected a list (a list (text, text) ...)",
    "minimum 2": "is no TOML",
    "minimum = 2": "tiers",
    'tiers = ["a"]\nminimum = -3': "minimum=-3: expected 1 or more",
    'tiers = ["a"]\nval_share = 7.0': "val_share=7",
    'tiers = ["a"]\ntest_share = nan': "test_share=nan",
    'tiers = ["a"]\nclean_up = [["a", "\\\\9"]]': "in its place",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_table_of_ones_own_that_makes_no_sense_is_told(tmp_path, text):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(UserError) as found:
        presets.find(str(tmp_path / "own.toml"))
    assert WRONG[text] in str(found.value) and "own.toml" in str(found.value)


def test_an_unknown_corpus_is_told():
    with pytest.raises(UserError, match="no such corpus. Did you mean 'vgt'"):
        presets.find("vgd")


def test_ties_of_counts_stand_as_they_come_and_empty_glosses_are_dropped():
    assert cleaning.counts("BACAB") == [("B", 2), ("A", 2), ("C", 1)]
    table = dataclasses.replace(presets.find("vgt"), minimum=2)
    glosses = [cleaning.clean(text, table) for text in ("§", "(loc:boven)", "a+", "A", "b", "?")]
    assert cleaning.frequent(glosses, table) == [False, False, True, True, False, False]


def test_too_few_signers_are_told(tmp_path):
    row = rows.Instance("0", "A", 0, 80, "p", "x.mp4", "a.mp4")
    other = dataclasses.replace(row, sample="b.mp4", participant="q")
    with pytest.raises(UserError, match="cannot be split like that: of 2 signer"):
        sharing.split([row, other], presets.find("bsl"), tmp_path)


def test_offsets_that_are_none_are_told(corpus, tmp_path, capsys):
    (tmp_path / "o.json").write_text(json.dumps({"a": "1"}))
    command = words(corpus, "instances", corpus / "elan", *films(corpus), "--out", tmp_path / "o")
    assert cli.main([*command, "--offsets", str(tmp_path / "o.json")]) == 1
    assert "milliseconds" in capsys.readouterr().err
