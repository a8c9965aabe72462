"""What `make docs` adds to the pages of docs/: those made from the README and from the code."""

import re
from pathlib import Path

import command_pages
import net_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# Files beside docs/ that are pages of the site, by the pages' names.
BESIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
PYTHON = """# Python

What `from jaxsign import api` gives; [jaxsign as a library](api.md) shows it at work.

::: jaxsign.api
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the verbs' pages into the navigation, as a part of its last entry."""
    reference = next(part["Reference"] for part in config.nav if "Reference" in part)
    reference.append(
        {"Commands": [f"commands/{name}.md" for name in ("index", *command_pages.verbs())]}
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that lie in no file of docs/."""
    made = {
        "python.md": PYTHON,
        "nets.md": net_page.text(),
        **{f"commands/{name}.md": text for name, text in command_pages.texts().items()},
        **{page: _as_in_docs(ROOT / name) for name, page in BESIDE.items()},
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links that lead out of docs/ go to the page made of that file, if there is one."""
    for name, page in BESIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    # The rest of the repository is no part of the site: its files are named, not linked.
    return re.sub(r"\[([^\]]*)\]\(\.\./(?!\w+\.md)([^)]*)\)", r"\1 (`\2`)", markdown)


def _as_in_docs(path: Path) -> str:
    text = path.read_text(encoding="utf-8").replace("](docs/", "](")
    for name, page in BESIDE.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text
