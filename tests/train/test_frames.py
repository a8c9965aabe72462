"""InceptionV3GRU trained on images: the frozen backbone stays as it was and is stored once."""

import jax
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.input import files
from jaxsign.train import log, loop, smoke, weights


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = ["file,gloss,cat"]
    for i in range(2):
        frames = rng.integers(0, 255, (2, 75, 75, 3), dtype=np.uint8)
        files.write_npz(tmp_path / "data" / f"clip {i}.npz", {"frames": frames})
        rows.append(f"clip {i},{i},0")
    (tmp_path / "data" / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_training_on_frames(folder):
    words = [
        f"--config.data.train.path={folder}/data",
        f"--config.data.val.path={folder}/data",
        "--config.data.key=frames",
        "--config.net.num_gloss=2",
        "--config.net.num_cat=1",
        "--config.input.batch_size=2",
        "--config.input.buckets=(2,)",
        "--config.input.max_length=2",
        "--config.train.epochs=2",
        "--config.train.backbone_weights=random",
        "--config.log.tensorboard=False",
    ]
    config = configs.load("fslr_iv3_gru", words)
    loop.train(config, folder / "run", log.TrainingDisplay(live=False))
    variables = weights.load_variables(folder / "run", "last")[0]
    frozen = folder / "run" / "checkpoints" / "frozen"
    assert frozen.is_dir()
    size = sum(p.stat().st_size for p in (folder / "run" / "checkpoints" / "last").rglob("*"))
    # The checkpoint made every epoch holds the recurrent layers and heads, not the backbone.
    assert size < 10e6 < sum(p.stat().st_size for p in frozen.rglob("*"))
    assert set(variables["params"]) == {
        "backbone", "gru1", "gru2", "gloss_head", "category_head",
    }  # fmt: skip
    # A frozen backbone runs in eval mode: its running statistics do not move.
    counts = [
        leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(variables["batch_stats"])
        if "count" in str(path[-1])
    ]
    assert counts and all(int(count) == 0 for count in counts)


def test_the_smoke_test_runs_the_backbone_too(tmp_path):
    words = ["--config.smoke.batch_size=1", "--config.smoke.frames=2"]
    config = configs.load("fslr_iv3_gru", words)
    of_features, of_images = smoke.smoke_test(config, tmp_path)
    assert "input (1, 2, 2048)" in of_features and "input (1, 2, 75, 75, 3)" in of_images
    small = weights.load_variables(tmp_path / "smoke")[0]["params"]
    whole = weights.load_variables(tmp_path / "smoke-backbone")[0]["params"]
    assert set(whole) - set(small) == {"backbone"}
