"""The readable summary of an evaluation of label sequences."""

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from jaxsign import screen
from jaxsign.screen import Console
from jaxsign.tasks import chance
from jaxsign.tasks.sequences import sentences
from jaxsign.tasks.sequences.sentences import Sentence
from jaxsign.tasks.sequences.word_errors import Counts

# How many of the worst are shown.
_GLOSSES = 5
_SENTENCES = 3
_TITLES = {"greedy": "greedy", "beam": "beam", "two_pass": "two-pass"}


def show(found: Mapping[str, Sequence[Sentence]], console: Console | None = None) -> None:
    """Prints the rates of every mode, then the weakest glosses and the worst sentences of the last.

    Args:
      found: mode -> what was scored.
      console: where to print; standard output if None.
    """
    console = console or Console(highlight=False)
    console.print(_rates({mode: sentences.total(rows) for mode, rows in found.items()}))
    last = list(found.values())[-1]
    weak = weakest(sentences.per_gloss(last))
    if weak:
        console.print(_weak_glosses(weak))
    worst = sorted(last, key=lambda one: (-one.counts.errors, one.id))[:_SENTENCES]
    shown = [one for one in worst if one.counts.errors]
    if not shown:
        console.print("Every sentence was recognised without an error.")
        return
    console.print("[italic]Sentences with most errors (all: predictions.csv)[/]")
    lines = Table.grid(padding=(0, 2), pad_edge=True)
    for one in shown:
        lines.add_row(Text(one.id, style="dim", overflow="fold"), aligned(one))
    console.print(lines)


def weakest(glosses: Sequence[sentences.GlossRow]) -> list[sentences.GlossRow]:
    """The few glosses with the lowest recall, of those signed; the most frequent first."""
    rows = [row for row in glosses if row["recall"] is not None and row["recall"] < 1]
    return sorted(rows, key=lambda row: (row["recall"] or 0.0, -row["support"]))[:_GLOSSES]


def aligned(one: Sentence) -> Text:
    """A sentence with what is wrong in it: missed glosses struck out, added ones with a plus."""
    text = Text()
    for truth, said in one.alignment:
        if truth == said:
            text.append(f"{truth} ")
            continue
        if truth is not None:
            text.append(truth, style="red strike").append(" ")
        if said is not None:
            text.append(f"+{said}", style="yellow").append(" ")
    return text


def _rates(totals: Mapping[str, Counts]) -> Table:
    some = next(iter(totals.values()))
    glosses = f"{some.sentences:,} sentences, {some.words:,} glosses"
    table = screen.table(f"Word errors (%) in {glosses}")
    table.add_column("decoding", no_wrap=True)
    names = ("WER", "deleted", "inserted", "substituted", "sentences right", "95 % interval")
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    best = min((counts.wer for counts in totals.values()), default=0)
    for mode, counts in totals.items():
        mark = "bold" if len(totals) > 1 and counts.wer == best else ""
        table.add_row(
            _TITLES[mode],
            _percent(counts.errors, counts.words),
            _percent(counts.deletions, counts.words),
            _percent(counts.insertions, counts.words),
            _percent(counts.substitutions, counts.words),
            _percent(counts.sentences - counts.wrong_sentences, counts.sentences),
            chance.spelt(counts.interval) if counts.sentences else "-",
            style=mark,
        )
    return table


def _weak_glosses(rows: Sequence[sentences.GlossRow]) -> Table:
    table = screen.table("Weakest glosses (all: per_gloss.csv)")
    table.add_column("gloss")
    for name in ("right", "missed", "added"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("most often taken for")
    for row in rows:
        table.add_row(
            Text(row["gloss"]),
            f"{row['correct']} of {row['support']}",
            str(row["deleted"] or ""),
            str(row["inserted"] or ""),
            Text(f"{row['mistaken_for']} ({row['times']}x)" if row["times"] else ""),
        )
    return table


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f}" if total else "-"
