"""None of these: chosen by evaluate, gone by wherever a run is asked."""

import json

import run_helpers

from jaxsign import cli
from jaxsign.infer import run as runs
from jaxsign.tasks.classes import nothing

WORDS = (
    "--config.data.source=synthetic",
    "--config.data.synthetic.signs=5",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=1",
    "--config.data.synthetic.frames=(8,14)",
)


def test_evaluate_chooses_it_and_streams_go_by_it(tmp_path, capsys):
    folder = run_helpers.save_run(tmp_path / "r", words=WORDS)
    words = ["evaluate", "--workdir", str(folder), "--split", "test"]
    assert cli.main([*words, "--none", "NOBODY"]) == 1
    assert "'NOBODY' is no class of gloss" in capsys.readouterr().err
    assert cli.main([*words, "--none"]) == 0
    assert "none of these (best below" in " ".join(capsys.readouterr().out.split())
    stored = json.loads((folder / "evaluate-test/complete_validation_results.json").read_text())
    assert 0 <= stored["none_of_these"]["signs_kept"] <= 1

    nothing.Nothing("gloss", 0.61, "TEA", 4).write(folder)
    run = runs.load_run(folder)
    for made in (run.task.follower(run, {}), run.task.watcher(run, {})):
        assert (made.threshold, made.no_sign) == (0.61, "TEA")
    assert run.task.follower(run, {"threshold": 0.3}).threshold == 0.3
    assert run.task.follower(run, {"head": "cat"}).threshold == 0.5
