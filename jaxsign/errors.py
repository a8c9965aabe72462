"""What a person did wrong, said so that the person can mend it."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in the input, not in the program: shown as one message without a traceback.

    The message names the file or key, what was found, what was expected and how to mend it.
    """

    exit_code = 1


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the option nearest to `word`, or an empty string."""
    match = difflib.get_close_matches(word, list(options), n=1, cutoff=0.5)
    return f" Did you mean {match[0]!r}?" if match else ""


def listing(problems: Iterable[str], limit: int = 20) -> str:
    """One problem a line, the first `limit` of them, and how many more there are."""
    lines = list(problems)
    shown = [f"  - {line}" for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"  ... and {len(lines) - limit} more")
    return "\n".join(shown)
