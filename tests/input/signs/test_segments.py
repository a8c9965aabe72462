"""Tables with starts and ends: parts of recordings are clips with names of their own."""

import json
import math

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import segments, tables
from jaxsign.input.segments import Segment
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, sources
from jaxsign.input.signs.extract import labels as extracted
from jaxsign.input.signs.preparing import label_table, labelled_videos, placing


def recording(frames=25, rate=25):
    points = np.full((frames, 543, 3), 0.5, np.float32)
    points[:, clips.POSE, 2] = np.arange(frames)[:, None]
    visibility = np.arange(frames)[:, None].repeat(33, 1)
    return clips.Clip(points, np.arange(frames) / rate, (64, 48), rate, "film.mp4", visibility)


def shown(clip):
    return clip.landmarks[:, clips.POSE.start, 2].astype(int).tolist()


@pytest.fixture
def folder(tmp_path):
    recording().save(tmp_path / "film.clip.npz")
    recording().save(tmp_path / "other.clip.npz")
    (tmp_path / "labels.csv").write_text(
        "file,gloss,cat,start,end\nfilm.clip.npz,0,0,0.0,0.4\nfilm,1,0,0.5,0.9\nother,1,0,,\n"
    )
    return tmp_path


CASES = [
    ({"start": "0.5", "end": "0.9"}, Segment(0.5, 0.9), "_500-900"),
    ({"Start": "0,5", "End": ""}, Segment(0.5, math.inf), "_500-end"),
    ({"start": "", "end": "-1"}, Segment(0, math.inf), "_0-end"),
    ({"frame_start": "30", "frame_end": "70"}, Segment(29, 70, "frames"), "_f30-70"),
    ({"start_frame": "30", "end_frame": "-1"}, Segment(29, math.inf, "frames"), "_f30-end"),
    ({"frame_start": "26", "frame_end": "50", "fps": "25"}, Segment(1, 2), "_1000-2000"),
]


@pytest.mark.parametrize(("cells", "wanted", "suffix"), CASES)
def test_the_columns_say_the_unit(cells, wanted, suffix):
    found = segments.of_cells(cells)
    assert found == wanted and found.suffix == suffix


@pytest.mark.parametrize(
    "cells", [{}, {"start": "", "end": ""}, {"frame_start": "1", "frame_end": "-1", "fps": "25"}]
)
def test_rows_without_a_part_mean_all(cells):
    assert segments.of_cells(cells) is None


@pytest.mark.parametrize(
    "cells",
    [
        {"start": "0.9", "end": "0.5"}, {"start": "-2"}, {"start": "soon"}, {"end": "nan"},
        {"start": "1", "end": "2", "frame_start": "3"}, {"frame_start": "3", "fps": "0"},
        {"frame_start": "1.5", "frame_end": "9"}, {"start_frame": "2", "end_frame": "8.5"},
        {"frame_start": "2.5", "fps": "25"}, {"start": "1_0"}, {"end": "٣"},
    ],
)  # fmt: skip
def test_what_names_no_part_is_told(cells):
    with pytest.raises(ValueError):
        segments.of_cells(cells)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Segment(30, 70), "from 30 to 70 s is not there: it has 0.96 s.*count frames"),
        (Segment(0.5, 70), "from 0.5 to 70 s is not there"),
        (Segment(30, 70, "frames"), "it has 25 frames.*are seconds"),
    ],
)
def test_a_part_that_the_recording_does_not_have_is_told(part, message):
    with pytest.raises(ValueError, match=message):
        part.frames(recording().timestamps)


def test_a_folder_of_clips_gives_a_clip_for_every_part(folder, tmp_path_factory):
    found = formats.open_collection(folder)
    by_name = {entry.name: i for i, entry in enumerate(found.entries)}
    assert set(by_name) == {"film_0-400", "film_500-900", "other"} and not found.problems
    first, second, whole = (found.read(by_name[name]) for name in sorted(by_name))
    assert shown(first) == list(range(10)) and shown(second) == list(range(13, 23))
    assert second.timestamps[0] == 0 and second.visibility[0, 0] == 13 and len(whole) == 25
    assert [found.frames(by_name[name]) for name in sorted(by_name)] == [10, 10, 25]
    assert found.entries[by_name["film_500-900"]].glosses == ("1",)
    # Parts have no file to link: they are written.
    out = tmp_path_factory.mktemp("out") / "placed"
    placing.place(folder, found, out)
    again = formats.open_collection(out)
    assert sorted(len(again.read(i)) for i in range(3)) == [10, 10, 25]
    with pytest.raises(UserError, match="start, end"):
        formats.open_collection(folder, fps=30)


@pytest.mark.parametrize(
    "row",
    [
        "film,1,0,0.9,0.5,", "film,1,0,soon,,", "film,-1,0,,,", "film,1e0,0,,,", "film,1_0,0,,,",
        "film,1.5,0,,,", "film,1,-2,,,", "film,1,0,,,tarin",
    ],
)  # fmt: skip
def test_a_file_whose_only_row_is_wrong_is_left_out(folder, tmp_path_factory, row):
    (folder / "labels.csv").write_text(f"file,gloss,cat,start,end,split\n{row}\nother,1.0,0,,,\n")
    found = formats.open_collection(folder)
    assert [(entry.name, entry.glosses) for entry in found.entries] == [("other", ("1",))]
    assert len(found.problems) == 1 and "labels.csv line 2" in found.problems[0]
    written = formats.write_collection(found, tmp_path_factory.mktemp("out") / "clips")
    assert (written.count, written.skipped) == (1, found.problems)


@pytest.mark.parametrize("cells", [("1e0", "2e0"), ("1_0", "2_0"), ("-1", "0"), ("1.5", "2.5")])
def test_what_is_nearly_a_number_is_no_name_of_a_class(folder, cells):
    (folder / "labels.csv").write_text(f"file,gloss,cat\nfilm,{cells[0]},0\nother,{cells[1]},0\n")
    data = configs.load("fslr_transformer").data
    data.source, data.train.path = "clips", str(folder)
    with pytest.raises(UserError, match=f"gloss='?{cells[0]}"):
        sources.open_source(data, "train")


def test_rows_with_problems_are_no_rows_of_a_table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text(
        "file,label,start,end,split\na,x,2,1,\nb,x,,,\nb,y,,,\nc,,,,\nd,x,,,tarin\n,x,,,\ne,-1,,,\n"
    )
    table = label_table.read(path)
    assert [(row.file, row.glosses) for row in table.rows] == [("b", ("x",)), ("e", ("-1",))]
    assert [text.split()[2] for text in table.problems] == ["2:", "4:", "5:", "6:", "7:"]


@pytest.mark.parametrize("source", ["clips", "collection"])
def test_training_data_are_cut(folder, source):
    data = configs.load("fslr_transformer").data
    data.source, data.train.path = source, str(folder)
    found = sources.open_source(data, "train")
    rows = [
        (name, len(found.read(i)), int(found.labels["gloss"][i]))
        for i, name in enumerate(found.ids)
    ]
    assert sorted(rows) == [("film_0-400", 10, 0), ("film_500-900", 10, 1), ("other", 25, 1)]
    assert sorted(found.lengths.tolist()) == [10, 10, 25]


def test_stored_arrays_are_not_cut(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((9, 156), np.float32))
    (tmp_path / "labels.csv").write_text("file,gloss,cat,start,end\na,0,0,0.1,0.2\n")
    data = configs.load("fslr_transformer").data
    data.source, data.train.path = "npz", str(tmp_path)
    with pytest.raises(UserError, match="start and end cut clips, not stored arrays"):
        sources.open_source(data, "train")


def test_a_table_of_films_gives_a_clip_for_every_part(tmp_path):
    path = tmp_path / "segments.csv"
    path.write_text("video,label,start,end\nfilm.mp4,hello,0.0,0.4\nfilm.mp4,thanks,0.5,0.9\n")
    table = label_table.read(path)
    assert not table.problems
    found = labelled_videos.collection(table, {"film.mp4": recording})
    assert [(e.name, e.glosses) for e in found.entries] == [
        ("film_0-400", ("hello",)), ("film_500-900", ("thanks",))
    ]  # fmt: skip
    assert [shown(found.read(i)) for i in (0, 1)] == [list(range(10)), list(range(13, 23))]
    assert [found.frames(i) for i in (0, 1)] == [10, 10]
    whole = label_table.read(path, segmented=False)
    assert not any(row.segment for row in whole.rows) and "again" in whole.problems[0]


def test_wlasl_is_read(tmp_path):
    path = tmp_path / "WLASL_v0.3.json"
    every = {"video_id": "00625", "frame_start": 1, "frame_end": -1, "split": "train", "fps": 25}
    part = {"video_id": "00626", "frame_start": 30, "frame_end": 70, "split": "val", "signer_id": 2}
    path.write_text(json.dumps([{"gloss": "book", "instances": [every, {**part, "fps": 25}]}]))
    one, two = label_table.read(path).rows
    assert (one.file, one.glosses, one.split, one.segment) == ("00625", ("book",), "train", None)
    assert (two.file, two.signer, two.split) == ("00626", "2", "val")
    assert two.segment == Segment(29 / 25, 70 / 25)
    path.write_text('{"book": 1}')
    with pytest.raises(UserError, match="WLASL"):
        label_table.read(path)


def test_elans_files_are_told_with_the_way_out(tmp_path):
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR=""/>'
    for name in ("film.eaf", "film.csv"):
        (tmp_path / name).write_text(text)
        with pytest.raises(UserError, match="ELAN.*Tab-delimited"):
            tables.read_rows(tmp_path / name)


def test_labels_beside_films_keep_their_parts_where_frames_are_counted_alike(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "file,gloss,frame_start,frame_end\nfilm.mp4,a,1,10\nfilm.mp4,b,14,23\n"
    )
    names, out = {"film.mp4": "film"}, tmp_path / "out"
    (line,) = extracted.carry_over(tmp_path, out, names, overwrite=False, thinned=True)
    assert "not carried over" in line and "frame_start" in line and not out.exists()
    recording().save(out / "film.clip.npz")
    (line,) = extracted.carry_over(tmp_path, out, names, overwrite=False)
    assert "written, 2 rows" in line
    found = formats.open_collection(out)
    assert [shown(found.read(i)) for i in (0, 1)] == [list(range(10)), list(range(13, 23))]
    assert [entry.name for entry in found.entries] == ["film_f1-10", "film_f14-23"]
