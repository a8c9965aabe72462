"""Names of clips and classes that can be written as files and labels, and are found again."""

from pathlib import PurePosixPath

from jaxsign.errors import UserError
from jaxsign.input.signs.formats._types import Collection, Entry

GOOD_NAME = (
    "a name must stay in its folder, and must not hold a part that begins with a dot, a backslash, "
    "a line break, or spaces around it"
)


def check(entry: Entry) -> None:
    """Whether an entry comes back from every format that can hold it.

    Raises:
        UserError: says what does not.
    """
    if not is_plain(entry.name):
        raise UserError(f"{entry.name!r} is no good name for a file: {GOOD_NAME}")
    for word in (*entry.glosses, entry.category, entry.signer):
        if not _is_text(word):
            raise UserError(
                f"{entry.name}: the label {word!r} would not come back: labels are text without "
                "spaces around them"
            )


def check_classes(collection: Collection) -> None:
    """Whether the classes of a collection, which have numbers, come back.

    Raises:
        UserError: names one that does not.
    """
    for word in (*collection.glosses, *collection.categories):
        if not _is_text(word):
            raise UserError(
                f"{collection.name}: the class {word!r} would not come back: names of classes are "
                "text without spaces around them. Rename it."
            )


def is_plain(name: str) -> bool:
    """Whether a name stays inside the folder that it is put into, and is found there again.

    Hidden files are not looked for, and labels files are written with / and without spaces around
    their words.
    """
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    plain = bool(path.parts) and str(path) == name and not path.is_absolute() and not hidden
    return plain and not {"\\", "\n"} & set(name) and _is_text(name)


def _is_text(word: str) -> bool:
    """Whether a word comes back from a csv file."""
    broken = any("\ud800" <= letter <= "\udfff" for letter in word)
    return word == word.strip() and not broken and not {"\r", "\0"} & set(word)
