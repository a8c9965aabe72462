"""An evaluation tells recall of every branch that a net compares."""

import functools
import json

import jax
import numpy as np
import recipes

from jaxsign import cli, nets
from jaxsign.infer import run as runs
from jaxsign.tasks.scenes import padded, recall
from jaxsign.train import log, loop


def test_every_branch_is_counted_by_its_own_answers(tmp_path, capsys):
    config = recipes.small("stket:synthetic", tmp_path)
    config.train.epochs, config.schedule.warmup, config.log.tensorboard = 1, 0, False
    folder = tmp_path / "run"
    loop.train(config, folder, log.TrainingDisplay(live=False))
    assert cli.main(["evaluate", "--workdir", str(folder), "--out", str(tmp_path / "e")]) == 0
    found = json.loads((tmp_path / "e/results.json").read_text())
    assert list(found["branches"]) == ["temporal", "spatial", "ensemble"]
    assert found["branches"]["temporal"] == {k: found[k] for k in ("recall", "mean_recall")}
    printed = capsys.readouterr().out
    assert all(f"{name}, no" in printed for name in found["branches"])

    run = runs.load_run(folder)
    examples = run.task.open(run.config, "val")
    batch = examples.stack([examples.example(0)], tuple(examples.sizes.max(0)))
    told = jax.device_get(jax.jit(functools.partial(nets.call, run.net))(run.variables, batch))
    truth = padded.truth(batch)
    for name, output in run.net.compared.items():
        outputs = {**told, "relations": told[output]}
        answers = padded.answers(batch["boxes"], outputs, run.task.words)
        ranks = recall.ranks(answers, truth, run.task.words, "no")
        wanted = recall.recall(recall.count(ranks, truth, run.task.words))
        shares = list(found["branches"][name]["recall"]["no"].values())
        np.testing.assert_allclose(shares, wanted, atol=1e-6)
