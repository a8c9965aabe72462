import pytest
from collections_of_clips import google_folder, read_csv

from jaxsign import cli


def test_choose_split_explore(tmp_path, capsys):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7", "8", "9"))
    assert (
        cli.main(["choose", str(source), "--out", str(tmp_path / "two"), "--num-signs", "2"]) == 0
    )
    said = capsys.readouterr().out
    assert "0  hello" in said and "1  go" in said and "20 clips in format google_islr" in said
    parts = str(tmp_path / "parts")
    assert cli.main(["split", str(tmp_path / "two"), "--out", parts]) == 0
    said = capsys.readouterr().out
    assert "warning: train: fewer than 10 clips of 2 sign(s)" in said
    signers = {r["participant_id"] for r in read_csv(tmp_path / "parts" / "test" / "train.csv")}
    assert len(signers) == 1 and f"signers of test: {signers.pop()}" in said
    assert cli.main(["explore", parts, "--out", str(tmp_path / "seen"), "--clips", "3"]) == 0
    said = capsys.readouterr().out
    assert "read        3 of 3" in said and str(tmp_path / "seen" / "report.txt") in said


def test_a_wrong_sign_is_one_message(tmp_path, capsys):
    source = google_folder(tmp_path / "all", signs=("go",), signers=("1",))
    out = str(tmp_path / "out")
    assert cli.main(["choose", str(source), "--out", out, "--signs", "goo, zebra"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Did you mean 'go'" in said and "'zebra'" in said
    assert cli.main(["split", str(source), "--out", out]) == 1
    assert "all clips are of one signer" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["choose", str(source), "--out", out, "--signs", ","])
    assert "expected names with commas" in capsys.readouterr().err


def test_no_everyday_word_occurs(tmp_path, capsys):
    source = google_folder(tmp_path / "all", signs=("owie", "gum"), signers=("1",))
    assert cli.main(["choose", str(source), "--out", str(tmp_path / "out"), "--to", "clips"]) == 0
    said = capsys.readouterr().out
    assert "only 2 signs have clips; 25 were asked for" in said
    assert "no everyday words but the most frequent others: gum, owie" in said


@pytest.mark.parametrize("seed", ["-1", str(2**32), "a"])
def test_seeds_that_are_none(tmp_path, capsys, seed):
    for verb in ("split", "explore"):
        with pytest.raises(SystemExit):
            cli.main([verb, str(tmp_path), "--out", str(tmp_path / "out"), "--seed", seed])
        assert "--seed" in capsys.readouterr().err


def test_shares_that_are_no_folds(tmp_path, capsys):
    source = google_folder(tmp_path / "all", signers=("5", "6", "7"))
    words = ["--by", "signer-stratified", "--test-share", "0.9"]
    assert cli.main(["split", str(source), "--out", str(tmp_path / "out"), *words]) == 1
    assert "take a share up to 0.6" in capsys.readouterr().err


def test_clip_files_are_no_other_npz_files(tmp_path, capsys):
    source = google_folder(tmp_path / "all", signers=("5",))
    assert cli.main(["convert", str(source), "--out", str(tmp_path / "clips")]) == 0
    for verb in ("choose", "convert"):
        words = ["--from" if verb == "convert" else "--format", "fslr"]
        out = tmp_path / "out"
        assert cli.main([verb, str(tmp_path / "clips"), "--out", str(out), *words]) == 1
        assert not out.exists()
