"""How a run's scores become label sequences: what its recipe says, and what is asked for."""

import dataclasses
import math
import re
import sys
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from jaxsign import stages
from jaxsign.errors import UserError, did_you_mean
from jaxsign.sections import decode
from jaxsign.tasks import answering

MODES = ("greedy", "beam", "two_pass")
# Prefixes are compared with each other, so that time and memory grow with the beam's square.
_WIDEST = 1024
_FRESH = {"scale": 1, "bias": 0}  # a norm that nothing has trained


@dataclasses.dataclass(frozen=True)
class DecodingOptions(decode.Decode):
    """Settings of decoding: a recipe's, with a share of CTC that is known.

    Attributes:
      mode: 'greedy': the best label of each frame; 'beam': CTC prefix beam search; 'two_pass': the
        beam's best hypotheses, weighed by CTC and the attention decoder.
      beam: prefixes kept a frame, at most 1024.
      n_best: hypotheses kept and given back, at most `beam`.
      ctc_weight: CTC's share in the second pass, 0 to 1.
      length_bonus: added to the score of the second pass for every label.
    """

    ctc_weight: float = 0.3

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            near = did_you_mean(self.mode, MODES)
            raise UserError(f"decoding mode {self.mode!r} is none of {', '.join(MODES)}.{near}")
        if self.beam < 1 or not 1 <= self.n_best <= self.beam:
            raise UserError(
                f"beam={self.beam}, n_best={self.n_best}: expected 1 <= n_best <= beam. A larger "
                "--beam keeps more hypotheses."
            )
        if self.beam > _WIDEST:
            raise UserError(f"beam={self.beam}: expected at most {_WIDEST}")
        if not math.isfinite(self.length_bonus):
            raise UserError(f"length_bonus={self.length_bonus}: expected a finite number")
        if not 0 <= self.ctc_weight <= 1:
            raise UserError(f"ctc_weight={self.ctc_weight} must be between 0 and 1")


def of_run(run: answering.Trained, **asked: Any) -> DecodingOptions:
    """The recipe's settings (`config.decode`), changed by those that are asked for (not None).

    The second pass is left out, unless it is asked for, where the decoder was never trained; to ask
    such a decoder brings a warning.

    Raises:
      UserError: a setting that there is not, or that makes no sense.
    """
    known = [field.name for field in dataclasses.fields(DecodingOptions)]
    for name in asked:
        if name not in known:
            raise UserError(
                f"{name}: no setting of decoding.{did_you_mean(name, known)} Known: "
                f"{', '.join(known)}"
            )
    own = _of_recipe(run.config)
    if own["mode"] == "two_pass" and not decoder_is_trained(run):
        own["mode"] = "beam"
    given = answering.given(asked)
    if "beam" in given and "n_best" not in given:
        own["n_best"] = min(own["n_best"], given["beam"])
    if "n_best" in given and "beam" not in given:
        own["beam"] = max(own["beam"], given["n_best"])
    options = DecodingOptions(**{**own, **given})
    _warn_of_decoder(run, options)
    return options


def _of_recipe(config: ConfigDict) -> dict[str, Any]:
    own: dict[str, Any] = {
        **dataclasses.asdict(DecodingOptions()),
        **dict(config.get("decode", {})),
    }
    if own["ctc_weight"] < 0:
        own["ctc_weight"] = float(stages.resolve(config)[-1].config.loss.get("alpha", 0.3))
    return own


def decoder_is_trained(run: answering.Trained) -> bool:
    """Whether any training of the checkpoint has reached the attention decoder.

    Stages that learn by CTC alone, or that freeze the decoder, do not. Nor did the original
    program: in its checkpoints the decoder's last norm is still what every norm begins as.
    """
    if run.manifest.imported is not None:
        norm = run.variables["params"].get(run.net.attention_part, {}).get("final_norm", {})
        return any(
            bool((norm[name] != start).any()) for name, start in _FRESH.items() if name in norm
        )
    epochs = int(run.info.get("epoch", 0))
    first = 0
    for stage in stages.resolve(run.config):
        if first < epochs and _trains(run.net.attention_part, stage.config):
            return True
        first += stage.epochs
    return False


def _warn_of_decoder(run: answering.Trained, options: DecodingOptions) -> None:
    """Says so on stderr where the second pass asks a decoder that has learned nothing."""
    if options.mode == "two_pass" and not decoder_is_trained(run):
        print(
            f"warning: the attention decoder of {run.workdir} was never trained, so the second "
            "pass weighs with chance; --mode beam leaves it out",
            file=sys.stderr,
        )


def _trains(part: str, config: ConfigDict) -> bool:
    def chosen(patterns: Sequence[str]) -> bool:
        return any(re.search(pattern, f"{part}/tokens") for pattern in patterns)

    learns = config.loss.get("alpha", 1.0) < 1
    return learns and chosen(config.train.trainable) and not chosen(config.train.frozen)
