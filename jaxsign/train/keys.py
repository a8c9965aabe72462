"""The keys of a recipe, explained: what `jaxsign train --list-keys` prints."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping

from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import defaults, fields, nets, stages
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs import views

EVERY = "all"


@dataclasses.dataclass(frozen=True)
class Key:
    """A key of a recipe, its value there, what it means, and whether the recipe uses it."""

    name: str
    value: object
    meaning: fields.Described
    used: bool

    def text(self) -> str:
        """As a word of the command line, and a line about it."""
        known = self.meaning
        parts = (known.text, known.allowed, f"default {known.default!r}")
        about = "; ".join(part for part in parts if part)
        return f"--config.{self.name}={self.value!r}\n    {about}"


def of_recipe(config: ConfigDict) -> list[Key]:
    """All keys of a recipe, in their order."""
    flat = configs.flatten(config)
    shared = fields.described(defaults.Recipe)
    known = dict(shared)
    if config.net.name:
        known |= _of_class(nets.get(config.net.name), "net.")
    if config.view.name:
        known |= _of_class(views.of_name(config.view.name), "view.")
    known["net.name"] = shared["net.name"]  # every flax module has a field of that name
    rows = []
    for key, value in flat.items():
        meaning = known.get(key) or _of_stage(key, known) or fields.Described(value)
        rows.append(Key(key, value, meaning, all(_holds(when, flat) for when in meaning.whens)))
    return rows


def listing(config: ConfigDict, asked: str = "") -> str:
    """The keys that a recipe uses, explained; those of which `asked` is a part, if it is given.

    Args:
      config: the recipe.
      asked: part of a key or of what is said of it; 'all': also those that are not used.

    Raises:
      UserError: nothing of that.
    """
    rows = of_recipe(config)
    if asked == EVERY:
        return "\n".join(row.text() for row in rows)
    found = [row for row in rows if asked.lower() in row.text().lower()]
    if not found:
        near = did_you_mean(asked, [row.name for row in rows])
        raise UserError(f"--list-keys {asked}: no key, and nothing said of one, holds that.{near}")
    unused = [row for row in found if not row.used]
    lines = [row.text() for row in found if row.used]
    if asked and unused:
        lines += ["Not used by this recipe as it stands:", *(row.text() for row in unused)]
    elif unused:
        lines.append(f"{len(unused)} more keys are not used by this recipe: --list-keys {EVERY}")
    return "\n".join(lines)


def _holds(when: fields.When, flat: Mapping[str, object]) -> bool:
    """Whether a condition holds for a recipe, one of its stages or a run of its chain."""
    return any(
        value in when.values
        for key, value in flat.items()
        if key == when.key or (key.startswith(("stage.", "link.")) and key.endswith(f".{when.key}"))
    )


def _of_class(owner: type, prefix: str) -> dict[str, fields.Described]:
    """The fields of a net or a view, as its docstring tells them."""
    texts = _entries(owner)
    return {
        key: dataclasses.replace(known, text=texts.get(key.removeprefix(prefix), ""))
        for key, known in fields.described(owner, prefix).items()
    }


def _of_stage(key: str, known: Mapping[str, fields.Described]) -> fields.Described | None:
    """What a key of a stage or link means: that of the recipe, or one of the stage's own."""
    section, _, rest = key.partition(".")
    name, _, inner = rest.partition(".")
    if section not in ("stage", "link") or not inner:
        return None
    own = _entries(stages.Stage).get(inner, "") if section == "stage" else ""
    meaning = known.get(inner) or fields.Described(stages.OWN.get(inner), "", own)
    return dataclasses.replace(meaning, text=f"in {section} {name}: {meaning.text or inner}")


def _entries(owner: Callable[..., object]) -> dict[str, str]:
    """Name -> text of what stands under Attributes or Args in a docstring."""
    text = inspect.getdoc(owner) or ""
    found: dict[str, str] = {}
    block = re.search(r"^(?:Attributes|Args):\n((?:[ ]+.*\n?|\n)*)", text, re.MULTILINE)
    if not block:
        return found
    indent = len(block.group(1)) - len(block.group(1).lstrip())
    for part in re.split(rf"^[ ]{{{indent}}}(?=\S)", block.group(1), flags=re.MULTILINE)[1:]:
        names, _, said = part.partition(": ")
        for name in names.split(", "):
            found[name] = " ".join(said.split()).rstrip(".")
    return found
