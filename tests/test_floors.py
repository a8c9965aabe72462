"""The house (package, recipes, parity suite, benchmarks): who may import whom.

And a public class of the package has a name of its own.
"""

import ast
import collections
from pathlib import Path

import pytest
from helpers import ROOT

# Each floor may import what stands before it, and itself.
FLOORS = (
    (
        "errors",
        "runtime",
        "interrupts",
        "whole",
        "reading",
        "shipped",
        "models",
        "archives",
        "terminal",
        "screen",
        "spreadsheet",
        "telling",
        "stopwatch",
        "arguments",
        "lettering",
        "local_hands",
        "locking",
        "run_files",
        "machines",
        "fields",
    ),
    ("sections", "config", "defaults", "stages", "chains"),
    ("configs",),
    ("nets",),
    ("input",),
    ("tasks",),
    ("train",),
    ("infer",),
    ("api",),
    ("parity",),
    ("benchmarks",),
    ("cli", "__main__"),
)
PACKAGES = ("jaxsign", "configs", "parity", "benchmarks")
# These know neither clips nor scenes.
PLAIN_INPUT = (
    "batching",
    "buffers",
    "examples",
    "files",
    "pictures",
    "planning",
    "records",
    "shards",
    "traits",
    "windows",
    "words",
    "folders",
)


def _modules() -> dict[str, ast.Module]:
    """Every module of the packages by its dotted name, parsed."""
    found = {}
    for path in (path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = _modules()


def _imports(tree: ast.Module) -> set[str]:
    """Modules of the packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [
                inner if (inner := f"{node.module}.{alias.name}") in MODULES else node.module
                for alias in node.names
            ]
        found |= {name for name in names if name in MODULES and name != "jaxsign"}
    return found


IMPORTS = {name: _imports(tree) for name, tree in MODULES.items()}


def _floor(module: str) -> int:
    package, _, inside = module.partition(".")
    room = inside.partition(".")[0] if package == "jaxsign" else package
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def test_nobody_imports_upward():
    upward = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if module != "jaxsign" and _floor(other) > _floor(module)
    ]
    assert not upward, "\n".join(sorted(upward))


def test_no_circle_of_imports():
    waiting = {module: set(others) - {module} for module, others in IMPORTS.items()}
    while free := [module for module, others in waiting.items() if not others]:
        for module in free:
            del waiting[module]
        for others in waiting.values():
            others.difference_update(free)
    assert not waiting, f"these import each other: {sorted(waiting)}"


@pytest.mark.parametrize("room", PLAIN_INPUT)
def test_the_common_input_knows_no_kind_of_data(room):
    place = f"jaxsign.input.{room}"
    known = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        if module == place or module.startswith(f"{place}.")
        for other in others
        if other.startswith("jaxsign.input.") and other.split(".")[2] not in PLAIN_INPUT
    ]
    assert not known, "\n".join(sorted(known))


def test_a_public_class_name_occurs_once():
    places = collections.defaultdict(list)
    for module, tree in MODULES.items():
        # A reference of the parity suite is called as its original.
        for node in tree.body if module.startswith("jaxsign") else ():
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice


def test_every_module_is_on_a_floor():
    rooms = {path.stem for path in Path(ROOT / "jaxsign").iterdir() if path.stem != "__init__"}
    assert rooms - {"__pycache__"} <= {room for floor in FLOORS for room in floor}
