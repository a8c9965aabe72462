"""What a sweep is, written into its folder: another one is refused there."""

import dataclasses
import re
from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import reading, run_files
from jaxsign.errors import UserError, listing
from jaxsign.train.sweeps import PLAN
from jaxsign.train.sweeps.trials import Trial, Values
from jaxsign.whole import write_json, write_text

SPACE = "space.toml"


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """What all trials of a sweep share.

    Attributes:
      config: recipe, as behind --config.
      overrides: words --config.KEY=VALUE.
      space: text of the file.
      how: 'grid', 'random' or 'bayes'.
      seed: of the choice of values.
      recipe: its resolved values.
    """

    config: str
    overrides: tuple[str, ...]
    space: str
    how: str
    seed: int
    recipe: ConfigDict

    def claim(self, folder: Path) -> None:
        """Writes the plan into the sweep's folder, or goes on with it.

        Raises:
          UserError: the folder holds another sweep, or a run.
        """
        path = folder / PLAN
        kept = {
            "how": self.how,
            "seed": self.seed,
            "space": self.space,
            # As JSON has it: what is read again is compared.
            "recipe": reading.parse_json(configs.stored_text(self.recipe)),
        }
        if path.exists():
            _check_same(folder, reading.read_json(path), kept)
            return
        is_run = run_files.is_run(folder)
        if is_run or (folder / "fold-1").exists():
            raise UserError(
                f"--workdir {folder} holds {'a run' if is_run else 'folds'}. Choose another folder "
                "for the sweep"
            )
        write_text(folder / SPACE, self.space)
        write_json(path, kept)

    def recipe_text(self, values: Values, about: str) -> str:
        """A recipe file with a trial's values: what `--config FILE` takes."""
        name = self.config
        if "/" in name or name.partition(":")[0].endswith(".py"):
            file, colon, variant = name.partition(":")
            name = f"{configs.find(file)}{colon}{variant}"
        lines = "".join(f"        {key!r}: {value!r},\n" for key, value in values.items())
        words = "".join(f"        {word!r},\n" for word in self.overrides)
        about = re.sub(r'[\\"\x00-\x1f]', "?", about)
        return (
            f'"""{about}"""\n\nfrom jaxsign import config as configs\n\n\n'
            'def get_config(arg=""):\n'
            f"    words = [\n{words}    ]\n"
            f"    values = {{\n{lines}    }}\n"
            f"    return configs.merged(configs.load({name!r}, words), values)\n"
        )


def _check_same(folder: Path, old: dict[str, object], new: dict[str, object]) -> None:
    different = [
        f"--{name}: {old.get(name)!r} there, {new[name]!r} now"
        for name in ("how", "seed")
        if old.get(name) != new[name]
    ]
    if old.get("space") != new["space"]:
        different.append(f"--space: that of this sweep is in {folder / SPACE}")
    there, now = (configs.flatten(ConfigDict(one.get("recipe") or {})) for one in (old, new))
    different += [
        f"{key}: {there.get(key, '(absent)')!r} there, {now.get(key, '(absent)')!r} now"
        for key in sorted({*there, *now})
        if there.get(key) != now.get(key)
    ]
    if different:
        raise UserError(
            f"--workdir {folder} holds another sweep; these differ:\n{listing(different)}\n"
            "Choose another --workdir, or repeat that sweep's settings to go on with it"
        )


def about(trial: Trial, folder: Path) -> str:
    """The first line of a trial's recipe."""
    return f"Trial {trial.number} of the sweep in {folder}."
