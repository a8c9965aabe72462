"""A run that learns glosses alone, of clips that have nothing else: from training to answers."""

import json

import numpy as np
import pytest

from jaxsign import cli, nets
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input.signs import fslr_npz
from jaxsign.train import log, loop, setup

ALONE = ("--config.task.heads=('gloss',)", "--config.loss.weights=(1.0,)")
SMALL = {
    "fslr_transformer": (
        "--config.data.source=collection", "--config.net.num_cat=0", "--config.net.emb_dim=16",
        "--config.net.n_heads=2", "--config.net.n_layers=1", "--config.net.ff_dim=32",
        "--config.net.max_len=16",
    ),
    "fslr_iv3_gru": ("--config.data.source=npz", "--config.data.key=X2048"),
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        x, x2048 = rng.random((6, 156), np.float32), rng.random((6, 2048), np.float32)
        fslr_npz.write(tmp_path / "data" / f"c{i}.npz", x, x2048=x2048)
    rows = ["file,gloss", *(f"c{i},{i % 2}" for i in range(4))]
    (tmp_path / "data" / "labels.csv").write_text("\n".join(rows))
    return tmp_path / "data"


def recipe(name, data, *words):
    places = (f"--config.data.{split}.path={data}" for split in ("train", "val"))
    small = (
        "--config.net.num_gloss=0", "--config.input.buckets=(8,)", "--config.input.batch_size=4",
        "--config.train.epochs=1", "--config.log.tensorboard=False",
    )  # fmt: skip
    return configs.load(name, [*places, *small, *SMALL[name], *words])


@pytest.mark.parametrize("name", SMALL)
def test_a_run_of_glosses_alone(name, data, tmp_path, capsys, caplog):
    workdir = tmp_path / "run"
    loop.train(recipe(name, data, *ALONE), workdir, log.TrainingDisplay(live=False))
    run = runs.load_run(workdir)
    assert run.config.net.num_cat == 0 and "category_head" not in run.variables["params"]
    assert json.loads((workdir / "labels.json").read_text())["heads"] == {"gloss": ["0", "1"]}
    capsys.readouterr()
    assert cli.main(["predict", "--workdir", str(workdir), str(data)]) == 0
    assert "4 of 4 files predicted" in capsys.readouterr().out
    assert cli.main(["evaluate", "--workdir", str(workdir), "--save-predictions"]) == 0
    if run.net.optional_parts:  # an export wants its weights too
        return
    assert cli.main(["export", "--workdir", str(workdir), str(tmp_path / "m.pt")]) == 0
    assert cli.main(["import", str(tmp_path / "m.pt"), "--workdir", str(tmp_path / "back")]) == 0
    # It goes on, with a word where its labels are others by now.
    for labels, told in (("0101", ""), ("1010", "examples of train and val are not those")):
        rows = ["file,gloss", *(f"c{i},{label}" for i, label in enumerate(labels))]
        (data / "labels.csv").write_text("\n".join(rows))
        caplog.clear()
        loop.train(recipe(name, data, *ALONE), workdir, log.TrainingDisplay(live=False))
        warned = [text for text in caplog.messages if "not those with which" in text]
        assert len(warned) == bool(told) and all(told in text for text in warned)


def test_a_head_that_is_not_learnt_is_not_made(data, tmp_path):
    with pytest.raises(UserError, match=r"have no cat, but the recipe learns it.*task.heads"):
        setup.prepare(recipe("fslr_transformer", data), tmp_path / "run")
    run = setup.prepare(recipe("fslr_transformer", data, *ALONE), tmp_path / "run")
    assert (run.config.net.num_gloss, run.config.net.num_cat) == (2, 0)
    net = nets.build("sign_transformer", num_cat=0)
    assert not [row for row in net.key_table() if row.key.startswith("category_head")]
    weights = {"gru1.weight_hh_l0": np.zeros((48, 16)), "gru2.weight_hh_l0": np.zeros((36, 12))}
    fields = nets.get("iv3_gru").fields_from_state_dict({**weights, "gloss_head.bias": np.zeros(7)})
    assert (fields["num_gloss"], fields["num_cat"]) == (7, 0)


def test_a_run_that_made_such_a_head_goes_on_with_it(data, tmp_path):
    stored = recipe("fslr_transformer", data, *ALONE, "--config.net.num_cat=10")
    run = setup.prepare(recipe("fslr_transformer", data, *ALONE), tmp_path / "run")
    assert setup.resolve(stored, run.train.under(run.config), stored).net.num_cat == 10
