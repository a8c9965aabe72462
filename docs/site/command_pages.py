"""The verbs' pages, made from the parsers of the command line."""

import argparse
import re

from jaxsign import cli


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Verb -> its parser, in the order of `jaxsign --help`."""
    return dict(_subparsers(cli.parser()).choices)


def texts() -> dict[str, str]:
    """Name of a page -> its Markdown: `index`, and one a verb."""
    top = cli.parser()
    summaries = {one.dest: one.help for one in _subparsers(top)._choices_actions}
    rows = [f"| [`{verb}`]({verb}.md) | {_plain(summaries[verb])} |" for verb in verbs()]
    index = [
        "# Commands", _described(top), "| verb | what it does |", "|---|---|", *rows,
        "", *_options(top), *_examples(top),
    ]  # fmt: skip
    pages = {verb: _page(verb, parser) for verb, parser in verbs().items()}
    return {"index": "\n".join(index), **pages}


def _page(verb: str, parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ").replace(" [-h]", "")
    lines = [f"# jaxsign {verb}", _described(parser), "```", _wrapped(usage), "```", ""]
    return "\n".join([*lines, *_options(parser), *_examples(parser)])


def _subparsers(
    top: argparse.ArgumentParser,
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    return next(one for one in top._actions if isinstance(one, argparse._SubParsersAction))


def _described(of: argparse.ArgumentParser | argparse._ArgumentGroup) -> str:
    return f"\n{_plain(of.description.strip())}\n" if of.description else ""


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """A table a group of options; help and what groups verbs are left out."""
    lines = []
    for group in parser._action_groups:
        shown = [one for one in group._group_actions if _is_shown(one)]
        if not shown:
            continue
        title = (group.title or "options").removeprefix("positional ")
        lines += [f"## {_plain(title[:1].upper() + title[1:])}", _described(group)]
        lines += ["| option | meaning |", "|---|---|", *(_row(one) for one in shown), ""]
    return lines


def _is_shown(action: argparse.Action) -> bool:
    left_out = argparse._HelpAction | argparse._SubParsersAction
    return action.help != argparse.SUPPRESS and not isinstance(action, left_out)


def _row(action: argparse.Action) -> str:
    words = argparse.HelpFormatter("jaxsign")._format_args(action, _value(action))
    names = [f"`{name} {words}`" if words else f"`{name}`" for name in action.option_strings]
    told = (action.help or "") % {**vars(action), "prog": "jaxsign"}
    needed = "**needed**; " if action.option_strings and action.required else ""
    cells = [", ".join(names) or f"`{words}`", needed + _plain(told)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _value(action: argparse.Action) -> str:
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    return choices or (action.dest.upper() if action.option_strings else action.dest)


def _examples(parser: argparse.ArgumentParser) -> list[str]:
    """What stands behind the options: indented lines are commands."""
    lines, code = [], False
    for line in (parser.epilog or "").splitlines():
        indented = line.startswith("  ")
        if indented != code and line.strip():
            lines += ["```bash"] if indented else ["```", ""]
            code = indented
        lines.append(line[2:] if code else _heading(line))
    return [*lines, *(["```"] if code else [])]


def _heading(line: str) -> str:
    return "## Examples\n" if line == "examples:" else _plain(line)


def _plain(text: str) -> str:
    """Text whose stars, brackets and underscores mean nothing to Markdown; options are code."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        escaped = re.sub(r"([*_<>\[\]])", r"\\\1", parts[place])
        parts[place] = re.sub(r"(?<![\w-])(--[a-z][\w-]*)", r"`\1`", escaped)
    return "`".join(parts)


def _wrapped(usage: str) -> str:
    """A usage with an indented line for what does not fit in 80 letters."""
    lines = [""]
    for word in re.findall(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]|\S+", usage):
        if len(lines[-1]) + len(word) > 80:
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines)
