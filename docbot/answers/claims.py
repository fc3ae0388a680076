"""Whether the passages that a sentence cites bear it out, told from their words.

A sentence goes when a number in it stands nowhere, when it says without a "not" what the passage
says with one, or when too few of its words stand together. It is a check of words, not of meaning:
who puts the words of a passage into another relation passes it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from docbot.answers.ground import Ground, without_addresses, words_of
from docbot.answers.language import is_foreign

# Share of a sentence's telling words that must stand together: the lowest that
# `python -m benchmarks.checked --fit` chooses on `own.jsonl` and `unseen.jsonl` of the tests,
# whichever author or site it leaves out.
BORNE_OUT: Final = 0.4
_SAYS = 2  # telling words; fewer claim nothing that could be looked for

# A digit within a name is the name's; "step 2" counts what the sentence itself lists.
_NUMBER = re.compile(r"(?<![\w.\[])(?<!step )(?<!option )\d[\d,_]*(?:\.\d+)*", re.IGNORECASE)
_GROUPED = re.compile(r"(?<=\d)[,_](?=\d{3})")
_SPELT: Mapping[str, str] = {
    "0": "zero|no|none", "1": "one|once|a|an|single|first", "2": "two|twice|both|second",
    "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine",
    "10": "ten", "12": "twelve", "100": "hundred", "1000": "thousand",
}  # fmt: skip
# What denies, in whatever words: "is not copied" and "skips the copy" say the same.
_DENYING = re.compile(
    r"n['’]t\b|\b(?:(?:not?|never|nor|none)\b|cannot|neither|nothing|without"
    r"|instead|rather|unless|except|only|but|regardless|despite|however|although|though"
    r"|otherwise|skip|ignor|exclud|omit|prevent|avoid|disabl|lack|missing|deny|denied|undefined"
    r"|restrict|block|refus|reject|forbid|prohibit|disallow|hidden|lose|lost|unlike|contrast"
    r"|opposite|unsupported|unable|impossible|rarely|seldom|independent|discard|clear)",
    re.IGNORECASE,
)
# "Do it like this", "there are two ways": words that tell nothing of a matter.
_CONNECTING_WORDS = """
    use set make follow following step way thing case example work do done option setting see look
    note important remember depend two three several different first next then finally simply
    configure change please below above yes no sure need can also both
"""
_CONNECTING = words_of(_CONNECTING_WORDS)


def says_something(sentence: str, question: str) -> bool:
    """Tell whether a sentence claims what could be wrong, other than "Do it like this:"."""
    said = words_of(sentence) - words_of(question) - _CONNECTING
    return len(said) >= _SAYS or "`" in sentence or _NUMBER.search(sentence) is not None


def fault(
    sentence: str, grounds: Sequence[Ground], question: str, least: float = BORNE_OUT
) -> str | None:
    """Hold a sentence against the passages that it cites; say what speaks against it, if anything.

    Args:
        sentence: Markdown, its citations taken out.
        grounds: one for each address that it cites, at least one.
        question: what was asked; its numbers are known.
        least: the share of the sentence's words that must stand together.
    """
    known = _GROUPED.sub("", "\n".join([question, *(each.text for each in grounds)]))
    for number in _NUMBER.findall(_GROUPED.sub("", without_addresses(sentence))):
        if not _stands(number.rstrip(",_"), known):
            return f"{number} is not there"
    words = words_of(sentence)
    telling = words - _CONNECTING
    if len(telling) < _SAYS or (
        is_foreign(sentence) and not any(each.is_foreign for each in grounds)
    ):
        return None
    matches = [ground.match(words) for ground in grounds]
    together = frozenset[str]().union(*(each.found for each in matches))
    if len(telling & together) < least * len(telling):
        return "its words are not there"
    closest = max(matches, key=lambda each: each.closeness)
    if closest.denies and not _DENYING.search(sentence):
        return "it is denied there"
    return None


def _stands(number: str, text: str) -> bool:
    """Tell whether a number stands in a text, in digits or spelt."""
    digits = rf"(?<!\d){re.escape(number)}(?!\d)"
    word = _SPELT.get(number)
    return (
        re.search(rf"{digits}|\b(?:{word})\b" if word else digits, text, re.IGNORECASE) is not None
    )
