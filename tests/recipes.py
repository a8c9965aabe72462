"""What every shipped recipe says and what its first step of training gives: tests/recipes/*.json.

    python tests/recipes.py [NAME ...]

writes the files anew, which a change of a recipe or of a default needs; `git diff` then shows what
has changed. `values` are the recipe's resolved values. `loss` and `grad_norm` are those of one step
of its middle stage, in a chain's last run, on a few made-up clips and with a net made small
(`SMALL`), so that it is cheap; everything else is the recipe's own.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from jaxsign import chains, runtime  # noqa: E402
from jaxsign import config as configs  # noqa: E402
from jaxsign.input import files  # noqa: E402
from jaxsign.train import initial, setup  # noqa: E402

FOLDER = HERE / "recipes"
NAMES = (
    "fslr_transformer",
    "fslr_transformer:synthetic",
    "fslr_iv3_gru",
    "fslr_iv3_gru:large",
    "traduttore",
    "small",
    "small:masked",
    "signon",
    "signon:ptn",
    "signon:ptn-a",
    "signon:vtn",
    "signon:lse",
    "signon:parity",
    "signon:synthetic",
    "signon:traduttore",
    "signon:traduttore-ptn",
    "signon:signwish",
    "signon:signwish-ptn",
    "signon:transfer",
    "asl_hybrid",
    "asl_hybrid:parity",
    "asl_hybrid:test",
    "asl_hybrid:synthetic",
    "asl_hybrid:synthetic-parity",
    "asl_hybrid:traduttore",
    "whisper_sign",
    "whisper_sign:small",
    "whisper_sign:low-memory",
    "whisper_sign:slow-start",
    "whisper_sign:parity",
    "whisper_sign:synthetic",
    "whisper_sign:boston104",
    "sttran:synthetic",
    "scene_llm:synthetic",
    "scene_llm:gemma",
    "scene_llm:original",
    "stket",
    "stket:paper",
    "stket:synthetic",
    "tempura:sgcls",
    "tempura:synthetic",
    "easg",
    "easg:sgcls",
    "easg:easgcls",
    "easg:fc",
    "easg:synthetic",
    "sttran:synthetic-sets",
    "faster_rcnn:action-genome",
    "faster_rcnn:synthetic",
)
# Fields of nets that are made small, wherever a net has them.
SMALL = {
    "dim": 8, "emb_dim": 16, "ff_dim": 16, "n_heads": 2, "num_heads": 2, "n_layers": 1,
    "num_layers": 1, "max_target": 8, "max_relative": 64, "hidden1": 8, "hidden2": 6,
    "hidden_dim": 8, "word_dim": 4, "map_dim": 4, "classifier_dim": 8, "temporal_layers": 1,
}  # fmt: skip
LANGUAGE = {
    "embed_dim": 8, "codebook_size": 12, "language_dim": 6, "language_layers": 2,
    "language_heads": 4, "language_kv_heads": 2, "language_head_dim": 4, "language_ff": 10,
    "lora_r": 2,
}  # fmt: skip
SIGNS = {
    "signs": 3, "categories": 2, "signers": 3, "val_signers": 1, "clips_per_signer": 1,
    "frames": (8, 14), "glosses": (2, 3),
}  # fmt: skip


def file(name: str) -> Path:
    """The golden file of a recipe."""
    return FOLDER / f"{name.replace(':', '.')}.json"


def values(name: str) -> dict[str, Any]:
    """The recipe's resolved values as its golden file holds them."""
    return json.loads(json.dumps(configs.flatten(configs.load(name))))


def small(name: str, folder: Path) -> Any:
    """The recipe with a small net and a few made-up clips, for which files may lie in `folder`."""
    config = configs.load(name)
    if config.chain:
        config = chains.resolve(config)[-1].config
    if config.task.name in ("scene_graph", "action_graph"):
        return _scenes(config)
    if config.task.name == "detections":
        return _boxes(config)
    sentences = "stage1" in config.stage
    config.data.source = "synthetic"
    config.data.synthetic.update(SIGNS, continuous=sentences)
    length = 96 if sentences else 40
    config.input.update(batch_size=4, threads=0, max_length=length, buckets=(length,))
    config.net.update({key: value for key, value in SMALL.items() if key in config.net})
    config.net.update({key: 3 for key in ("num_gloss", "num_cat") if key in config.net})
    for stage in config.stage.values():
        if "input" in stage:
            stage.input.batch_size = 4
    if config.net.name in ("iv3_gru", "vtn"):
        _features(folder, config, 2048 if config.net.name == "iv3_gru" else 512)
    if config.view.name == "few_points":
        _sentences(folder, config)
    return config


def _scenes(config: Any) -> Any:
    """A few made-up scenes for a small net of relations."""
    sizes = dict(videos=4, val_videos=1, objects=3, boxes=(1, 2), feature_dim=6)
    if config.task.name == "action_graph":
        config.data.source = "synthetic_actions"
        config.data.synthetic_actions.update(sizes, graphs=(1, 1), verbs=2, verb_dim=4)
    else:
        config.data.source = "synthetic_scenes"
        config.data.synthetic_scenes.update(sizes, frames=(2, 3), union_dim=2)
    config.net.update({key: value for key, value in SMALL.items() if key in config.net})
    config.input.update(batch_size=4, threads=0, buckets=((3, 3, 3),))
    if "language" in config.net:
        config.net.update(LANGUAGE)
        config.train.pretrained = "random" if config.net.language == "gemma2" else ""
    return config


def _boxes(config: Any) -> Any:
    """A few made-up images for a small detector."""
    config.data.source = "synthetic_scenes"
    config.data.synthetic_scenes.update(
        videos=1, val_videos=1, frames=(2, 2), objects=3, boxes=(1, 2)
    )
    config.net.update(
        num_classes=0, backbone="resnet18", short_side=64, proposal_dim=8, scales=(1.0, 2.0),
        compared=64, proposals=8, train_compared=64, train_proposals=8,
    )  # fmt: skip
    config.input.update(batch_size=2, threads=0)
    config.train.pretrained = "random"
    return config


def _features(folder: Path, config: Any, width: int) -> None:
    """Features of an image net, which no synthetic sign has."""
    config.data.key = f"X{width}"
    rng = np.random.default_rng(5)
    for i in range(6):
        x = 0.3 * rng.standard_normal((8 + i, width), np.float32)
        files.write_npz(folder / f"{i}.npz", {config.data.key: x})
    rows = "".join(f"{i}.npz,{i % 3},{i % 2}\n" for i in range(6))
    (folder / "labels.csv").write_text(f"file,gloss,cat\n{rows}")
    config.data.source, config.view.name = "npz", ""
    config.input.augment.frames.update(crop=0.0, flip=0.0)
    for place in (config.data.train, config.data.val):
        place.path, place.labels = str(folder), str(folder / "labels.csv")


def _sentences(folder: Path, config: Any) -> None:
    """Sentences of a few points, which no synthetic sign has."""
    rng = np.random.default_rng(6)
    frames, glosses = rng.integers(20, 36, 9), rng.integers(2, 4, 9)
    steps = 5 * rng.standard_normal((frames.sum(), 6))
    files.write_npz(
        folder / "sentences.npz",
        {
            "features": (200 + np.cumsum(steps, 0)).astype(np.float32),
            "frame_offset": np.cumsum([0, *frames]),
            "gloss": np.concatenate([1 + np.arange(count) for count in glosses]),
            "gloss_offset": np.cumsum([0, *glosses]),
            "split": np.array([0] * 6 + [1] * 3),
            "vocab": np.array(["<blank>", "A", "B", "C"]),
        },
    )
    config.data.source, config.data.train.path = "sentences", str(folder / "sentences.npz")


def first_step(name: str, folder: Path) -> dict[str, float]:
    """Loss and norm of the gradient in one step of the recipe's middle stage."""
    run = setup.prepare(small(name, folder), folder / "run")
    session = setup.begin(run, run.stages[len(run.stages) // 2], None)
    settings = session.stage.config
    variables, _ = initial.variables(settings, session.task, session.train_batches)
    state = session.compiled.place(session.fresh(variables, 0, None))
    batch = next(session.train_batches.iterator(None))
    now = {"lr": jnp.float32(settings.optim.lr), "epoch": jnp.float32(0)}
    now |= session.task.rates(settings, 0).now
    _, found = session.compiled.train(state, session.compiled.put_train(batch), now)
    sums = session.compiled.scalars(found)
    grad_norm = float(sums.pop("grad_norm"))
    sums.pop("finite")
    return {"loss": float(session.task.summarise(sums)["loss"]), "grad_norm": grad_norm}


def golden(name: str) -> dict[str, Any]:
    """What a recipe's golden file holds."""
    with tempfile.TemporaryDirectory() as scratch:
        return {**first_step(name, Path(scratch)), "values": values(name)}


if __name__ == "__main__":
    runtime.quiet()
    runtime.compilation_cache()
    jax.config.update("jax_platforms", "cpu")
    FOLDER.mkdir(exist_ok=True)
    for recipe in sys.argv[1:] or NAMES:
        file(recipe).write_text(json.dumps(golden(recipe), indent=1) + "\n")
        print(file(recipe))
