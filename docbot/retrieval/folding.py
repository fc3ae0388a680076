"""Near-duplicates: of passages that say the same, the best ranked one stays.

Pages repeat paragraphs, stand under two addresses or in several versions, and carry boilerplate.
What is folded is a passage of whose words nearly all stand, in the same order, in better ones.

Promise: what differs in a number says something else and is kept; of two sources only what is the
same word for word is folded, since an answer tells them apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from docbot.retrieval.passages import Passage

# Share of a passage's words, and of its runs of words, that better ones have.
_SAID_BEFORE = 0.8
_RUN = 3  # words; two say less about their order, and of more each other word costs more
_FEWEST = 12  # words; of fewer, "see the parameters above" would be a repetition
_TARGET = re.compile(r"\]\([^()\s]*\)")  # of a link: two versions of a page differ in each

_Runs = set[tuple[str, ...]]


def fold(passages: Sequence[Passage]) -> list[Passage]:
    """Leave out what says again what better passages say.

    Args:
        passages: best first.

    Returns:
        those that stay, as they are.
    """
    said = _Said()
    return [passage for passage in passages if said.adds(passage)]


class _Said:
    """What was said so far; runs are only counted where the words alone do not tell."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._uncounted: list[tuple[str, list[str]]] = []
        self._runs: defaultdict[str, _Runs] = defaultdict(set)  # by source

    def adds(self, passage: Passage) -> bool:
        """Tell whether a passage says something new; if so, it is said from now on."""
        words = _words(passage)
        distinct = set(words)
        new = distinct - self._words
        few = len(new) <= (1 - _SAID_BEFORE) * len(distinct)
        if few and not _holds_digit(new) and self._has(words, passage.source):
            return False
        self._words |= new
        self._uncounted.append((passage.source, words))
        return True

    def _has(self, words: Sequence[str], source: str) -> bool:
        for where, said in self._uncounted:
            self._runs[where] |= _runs(said)
        self._uncounted.clear()
        runs = _runs(words)
        if runs <= set().union(*self._runs.values()):
            return True
        again = len(runs & self._runs[source])
        return len(words) >= _FEWEST and again >= _SAID_BEFORE * len(runs)


def _words(passage: Passage) -> list[str]:
    """List the words of a passage behind those of its title and headings, which tell it apart."""
    text = "\n".join([passage.title, *passage.heading_path, passage.text])
    return (_TARGET.sub("]", text) if "](" in text else text).lower().split()


def _runs(words: Sequence[str]) -> _Runs:
    return set(zip(*(words[at:] for at in range(_RUN)), strict=False)) or {tuple(words)}


def _holds_digit(words: Iterable[str]) -> bool:
    return any(not word.isalpha() and any(map(str.isdigit, word)) for word in words)
