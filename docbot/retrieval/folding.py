"""Near-duplicates: of passages that say the same, the best ranked one stays.

Pages repeat paragraphs, stand under two addresses or in several versions, and carry boilerplate.
What is folded is a passage of whose words nearly all stand, in the same order, in better ones.

Promise: what differs in a number says something else and is kept; of two sources only what is the
same word for word is folded, since an answer tells them apart.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

from docbot.retrieval.passages import Passage

# Share of a passage's runs of words that better ones have; one other word in ten costs a third.
_SAID_BEFORE = 0.8
_RUN = 3  # words; two say less about their order, and of more each other word costs more
_FEWEST = 12  # words; of fewer, "see the parameters above" would be a repetition
_WORD = re.compile(r"\w+")
_TARGET = re.compile(r"\]\([^()\s]*\)")  # of a link: two versions of a page differ in each


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
    """What was said so far: runs of words by source, and words with a digit."""

    def __init__(self) -> None:
        self._everywhere: set[tuple[str, ...]] = set()
        self._by_source: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
        self._numbers: set[str] = set()

    def adds(self, passage: Passage) -> bool:
        """Tell whether a passage says something new; if so, it is said from now on."""
        words = _words(passage)
        runs = set(zip(*(words[at:] for at in range(_RUN)), strict=False)) or {tuple(words)}
        numbers = {word for word in words if not word.isalpha() and any(map(str.isdigit, word))}
        if runs <= self._everywhere:
            return False
        again = len(runs & self._by_source[passage.source]) >= _SAID_BEFORE * len(runs)
        if again and len(words) >= _FEWEST and numbers <= self._numbers:
            return False
        self._everywhere |= runs
        self._by_source[passage.source] |= runs
        self._numbers |= numbers
        return True


def _words(passage: Passage) -> list[str]:
    """List the words of a passage below those of its title and headings, which tell it apart."""
    text = "\n".join([passage.title, *passage.heading_path, passage.text])
    return _WORD.findall(_TARGET.sub("]", text).lower())
