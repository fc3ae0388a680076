"""Which names an answer uses that stand nowhere in what it was made from.

A measure of its own, apart from what checks an answer before it is given: it tells what got
through. Only what looks like a name is looked at, and a name stands there when its letters do.
"""

import re
from collections.abc import Iterable

from docbot.answers.markdown import Prose, blocks, spans

# Flags, paths and dotted, hyphenated or underscored names; a plain word is one in code marks alone.
_WORD = re.compile(r"-{0,2}[A-Za-z_][\w]*(?:[./:-]+\w+)*")
_LOOKS_LIKE_A_NAME = re.compile(r"^-|_|[a-z][A-Z]|\w[./:]+\w|[A-Za-z]\d")
_LEAST = 3  # letters; shorter ones are variables of an example


def unknown_names(text: str, known: Iterable[str]) -> tuple[str, ...]:
    """List the names in `text` that none of the known texts holds, each once, in order."""
    where = "\n".join(known)
    return tuple(name for name in names_in(text) if name not in where)


def names_in(text: str) -> list[str]:
    """List what looks like a name, each once, in order; addresses and links are none."""
    found: dict[str, None] = {}
    for block in blocks(text):
        if isinstance(block, Prose):
            found |= dict.fromkeys(_of_prose(block.text))
        else:
            found |= dict.fromkeys(filter(_LOOKS_LIKE_A_NAME.search, _words(" ".join(block.lines))))
    return list(found)


def _of_prose(text: str) -> list[str]:
    found: list[str] = []
    position = 0
    for span in spans(text):
        found += filter(_LOOKS_LIKE_A_NAME.search, _words(text[position : span.start]))
        if span.kind == "code":
            found += _words(span.text)
        position = span.end
    return [*found, *filter(_LOOKS_LIKE_A_NAME.search, _words(text[position:]))]


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if len(word.strip("-")) >= _LEAST]
