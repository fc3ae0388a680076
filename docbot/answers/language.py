"""Whether a text is English, as far as a check of words needs to know."""

from docbot.retrieval.language import ENGLISH, language_of

_LATIN = 0x24F  # the last letter of the Latin script's first blocks


def is_foreign(text: str) -> bool:
    """Tell whether prose is of a language other than English; of a few words it is never told."""
    told = language_of(text)
    if told is not None:
        return told != ENGLISH
    letters = [letter for letter in text if letter.isalpha()]
    return sum(ord(letter) > _LATIN for letter in letters) > len(letters) / 2
