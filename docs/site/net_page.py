"""The page of the nets: a table each, made from their classes and their shipped recipes."""

import inspect
import sys

import jax
import numpy as np

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.train import setup

# Net -> the recipe of its published sizes, and the pages that tell of it.
RECIPES = {
    "sign_transformer": ("fslr_transformer", ("small_sets.md", "from_fslr.md")),
    "iv3_gru": ("fslr_iv3_gru", ("from_fslr.md",)),
    "asl_hybrid": ("asl_hybrid", ("from_asl_hybrid.md",)),
    "poseformer": ("signon", ("transfer.md", "from_signon.md")),
    "ptn": ("signon:ptn", ("transfer.md", "from_signon.md")),
    "vtn": ("signon:vtn", ("from_signon.md",)),
    "whisper_sign": ("whisper_sign", ("sentences.md", "from_whispersign.md")),
    "sttran": ("sttran", ("scene_graphs.md", "from_vidsgg.md")),
    "stket": ("stket", ("scene_graphs.md", "from_vidsgg.md")),
    "tempura": ("tempura", ("scene_graphs.md", "from_vidsgg.md")),
    "scene_llm": ("scene_llm", ("scene_graphs.md", "from_vidsgg.md")),
    "easg": ("easg", ("scene_graphs.md",)),
    "easg_fc": ("easg:fc", ("scene_graphs.md",)),
    "faster_rcnn": ("faster_rcnn", ("detector.md", "detector_training.md")),
}
# What a recipe leaves to its data: classes of signs.
SIGNS = 25
HEAD = f"""# Nets

What a net takes and gives are fields of a batch and named outputs; sizes are those of its recipe.
Parameters are counted with {SIGNS} signs where the data tell how many there are, for nets of
relations with the classes of Action Genome or EASG, and without backbones that only some inputs
need. What is NaN was not detected.
"""


def text() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *(_section(name, *row) for name, row in RECIPES.items())])


def _section(name: str, recipe: str, pages: tuple[str, ...]) -> str:
    net, parameters = _built(recipe)
    title, told, source = _documented(name)
    rows = {
        "inputs": _inputs(net),
        "outputs": ", ".join(f"`{one}`" for one in net.outputs),
        "parameters": f"{parameters:,}",
        "recipe": f"`--config {recipe}`",
        "source": source,
        "pages": ", ".join(f"[{page}]({page})" for page in pages),
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    return f"## {title}\n\n{told}\n\n| `{name}` | |\n|---|---|\n{table}\n"


def _documented(name: str) -> tuple[str, str, str]:
    """A net's title, what it is, and its source, of the file's docstring."""
    first, _, rest = inspect.getdoc(sys.modules[nets.get(name).__module__]).partition("\n\n")
    title, _, told = " ".join(first.split()).partition(": ")
    source, _, more = " ".join(rest.split()).removeprefix("Source: ").partition(". ")
    return title, f"{told[:1].upper()}{told[1:]} {more}".strip(), source.removesuffix(".")


def _inputs(net: nets.Net) -> str:
    fields = [f"`{name}`" for name in net.inputs]
    if net.inputs[0] == "x":
        shape = ", ".join(map(str, ("B", "T", *net.frame_shape)))
        fields[0] += f" float32 [{shape}]" + (" with NaN" if net.takes_nan else "")
        fields[1] += " bool [B, T]"
    longest = (
        f"; at most {net.max_frames} frames" if net.inputs[0] == "x" and net.max_frames else ""
    )
    return ", ".join(fields) + longest


def _built(recipe: str) -> tuple[nets.Net, int]:
    """The net of a recipe, and the number of its parameters; nothing is computed."""
    config = configs.load(recipe)
    config.smoke.update(batch_size=1, frames=2)
    if "input_dim" in config.net and not config.net.input_dim:
        config.net.input_dim = 156
    if config.net.get("num_gloss") == 0:
        config.net.num_gloss = SIGNS
    config = setup.filled(config, tasks.kind(config).assumed(config))
    net = setup.build_net(config, np.dtype("float32"))
    task, key = tasks.build(config, net), jax.random.key(0)
    shapes = jax.eval_shape(lambda: task.init(key, task.imagined(config, key)))
    return net, sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
