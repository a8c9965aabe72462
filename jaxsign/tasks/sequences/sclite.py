"""Files for NIST sclite: references as .stm, hypotheses as .ctm.

Counted there: `sclite -h hypotheses.ctm ctm -r references.stm stm -f 0 -o sum dtl`.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxsign.tasks.sequences.sentences import Sentence
from jaxsign.whole import write_text

# What a clip without any recognised gloss needs, so that sclite counts its words as missed.
_EMPTY = "[EMPTY]"


def write(folder: Path, sentences: Sequence[Sentence], signers: Sequence[str] = ()) -> None:
    """Writes references.stm and hypotheses.ctm, both sorted by clip.

    A clip is one segment. Glosses have no times of their own: they share the clip evenly.

    Args:
      folder: where to.
      sentences: what was scored; spaces in names become underscores, as in glosses.
      signers: who signs each; 'signer' where unknown.
    """
    names = [signer or "signer" for signer in signers] or ["signer"] * len(sentences)
    both = sorted(zip(sentences, names, strict=True), key=lambda pair: _word(pair[0].id))
    references = [_segment(one, name) for one, name in both]
    hypotheses = [line for one, _ in both for line in _words(one)]
    for file, lines in (("references.stm", references), ("hypotheses.ctm", hypotheses)):
        write_text(folder / file, "".join(f"{line}\n" for line in lines))


def _segment(one: Sentence, signer: str) -> str:
    words = " ".join(map(_word, one.reference))
    return f"{_word(one.id)} 1 {_word(signer)} 0.00 {_end(one):.2f} {words}".rstrip()


def _words(one: Sentence) -> Iterator[str]:
    words = one.hypothesis or (_EMPTY,)
    each = _end(one) / len(words)
    for i, word in enumerate(words):
        yield f"{_word(one.id)} 1 {i * each:.2f} {each:.2f} {_word(word)}"


def _end(one: Sentence) -> float:
    """The segment's end; longer than the clip where glosses would fall on one hundredth."""
    return max(one.seconds, 0.02 * (len(one.hypothesis) + 1))


def _word(text: str) -> str:
    return re.sub(r"\s+", "_", text)
