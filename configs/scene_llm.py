"""SceneLLM: STTran on features that are codes, with a language model's word on the whole video.

    jaxsign train --config scene_llm --workdir runs/ag --config.data.train.path=DIR

DIR is Action Genome's folder (docs/scene_graphs.md). PredCLS in three stages of one run: the
quantiser alone, then STTran on its codes, then with the language model, which is a dense layer
here, as it is in the original without its libraries.

Variants: 'gemma' - with Gemma 2 (2B) and LoRA: --config.train.pretrained=FOLDER holds its weights.
It stands still for the first ten epochs of its stage, then its LoRA learns at a tenth of the rate.
'original' - STTran learns in no stage, as in m3sgg: it is that of a run, which
--config.train.init_from=RUN names. 'sgcls', 'sgdet' - the net tells the boxes' classes; a detector
gives boxes. 'scenes' - one's own scenes, a smaller net of their widths. 'synthetic' - a small net
on built-in moving boxes:

    jaxsign train --config scene_llm:synthetic --workdir runs/scenes

'synthetic-rare' - as of sttran.
"""

from ml_collections import ConfigDict

from configs import sttran

# Rows of the codebook are parameters that few examples each move: at the others' rate they fall
# behind what they are to stand for, which runs away from them.
CODES = (("^quantiser/codebook$", 10.0),)
LANGUAGE = ("^quantiser/", "^language/")
LORA_ALONE = ("^quantiser/", r"^language/.*/(kernel|weight)$")


def get_config(arg: str = "") -> ConfigDict:
    """arg: "" or one of `CHANGES`."""
    config = sttran.recipe(NET, CHANGES, arg)
    if "stage2" not in config.stage:
        _staged(config, (5, 45, 50))
    config.optim.lr_factors = CODES
    if arg == "gemma":
        _spoken(config)
    if arg == "original":
        _still(config)
    return config


def _staged(config: ConfigDict, epochs: tuple[int, int, int]) -> None:
    """The quantiser alone, relations by codes, relations with the language model."""
    names = "vqvae", "stage1", "stage2"
    config.stages = ",".join(names)
    config.stage = ConfigDict(
        {
            name: {
                "net": {"stage": name},
                "train": {"epochs": count, "frozen": () if name == "vqvae" else ("^quantiser/",)},
                "reset_best": name == "stage1",  # what the quantiser reached is no recall
            }
            for name, count in zip(names, epochs, strict=True)
        }
    )


def _spoken(config: ConfigDict) -> None:
    """Behind ten epochs of the last stage LoRA learns, the model's own weights never."""
    config.net.language = "gemma2"
    config.stages = "vqvae,stage1,still,stage2"
    last = config.stage.stage2.to_dict()
    config.stage.still = {**last, "train": {"epochs": 10, "frozen": LANGUAGE}}
    config.stage.stage2.train.update(epochs=40, frozen=LORA_ALONE)
    config.optim.lr_factors = (*CODES, (r"^language/.*/lora_[ab]$", 0.1))


def _still(config: ConfigDict) -> None:
    """What the original calls its decoder is an STTran that another run has trained."""
    config.train.init_match = "matching"
    for name in ("stage1", "stage2"):
        config.stage[name].train.freeze_parts = "decoder"


def _small(config: ConfigDict) -> None:
    config.net.update(embed_dim=32, codebook_size=64, ot_step=8)
    config.schedule.warmup = 1
    _staged(config, (5, 5, 5))


CHANGES = {
    "gemma": lambda config: None,
    "original": lambda config: None,
    "scenes": sttran.scenes,
    **sttran.followed(_small, "synthetic", "synthetic-rare"),
}
NET = {
    **sttran.NET,
    "name": "scene_llm",
    "stage": "stage2",
    "embed_dim": 1024,
    "codebook_size": 8192,
    "commitment_cost": 0.25,
    "ot_step": 512,
    "mixing": "attention",
    "box_scale": "image",
    "language": "none",
    "language_dim": 2304,
    "language_layers": 26,
    "language_heads": 8,
    "language_kv_heads": 4,
    "language_head_dim": 256,
    "language_ff": 9216,
    "language_scalar": 256.0,
    "language_window": 4096,
    "language_weights": "float32",
    "lora_names": ("q_proj", "v_proj"),
    "lora_r": 16,
    "lora_alpha": 32.0,
    "lora_dropout": 0.05,
}
