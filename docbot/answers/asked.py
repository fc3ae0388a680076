"""What a question asks for: its terms, each with what finding it is worth.

The title says what is asked, names and error lines say it most exactly; the rest of a post tells
a story in which much is beside the point. A term that stands everywhere in what was found tells
nothing apart.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import product

from docbot.retrieval.lexical import error_lines, prose, terms

_OF_TITLE = 1.0
_OF_BODY = 0.25  # measured with 0.1 to 0.5: more lets the story decide, less forgets the details
_OF_NAME = 2.0  # of the title, as a whole
_OF_BODY_NAME = 1.5
_OF_ERROR = 1.0
_MOST_BODY = 3_000  # characters; what is beyond seldom says more

_NAME = re.compile(
    r"`[^`\n]{2,60}`|--?[a-z][\w-]+|\b[^\W_]+(?:[_.]+[^\W_]+)+|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z0-9]+[A-Z]\w*|@\w[\w.]*"
)


def weigh(
    question: str, read: Sequence[Collection[str]], languages: Collection[str]
) -> dict[str, float]:
    """Weigh the terms of a question.

    Args:
        question: the title, an empty line and the body; or one text.
        read: the terms of each piece among which is chosen, for how rare each is there.
        languages: of those pieces; a word of the question has its stem in each.

    Returns:
        what each term found in `read` is worth, above 0.
    """
    title, _, body = question.strip().partition("\n\n")
    body = body[:_MOST_BODY]
    spoken = prose(body)
    worth: dict[str, float] = {}
    for text, each_is in (
        (spoken, _OF_BODY),
        ("\n".join(error_lines(body)), _OF_ERROR),
        (prose(title), _OF_TITLE),
    ):
        for language in languages:
            worth.update(dict.fromkeys(terms(text, language=language), each_is))
    for part, least in ((spoken, _OF_BODY_NAME), (title, _OF_NAME)):
        # Of `max_retries` the whole says it, `retries` alone little.
        for name, language in product(_NAME.findall(part), languages):
            for term in terms(name, language=language)[:1]:
                worth[term] = max(worth.get(term, 0.0), least)
    held = Counter(term for each in read for term in set(each) if term in worth)
    return {term: worth[term] * _rarity(count, len(read)) for term, count in held.items()}


def _rarity(count: int, of: int) -> float:
    """Give 1 for what one piece alone holds, near 0 for what all hold."""
    return math.log((of + 1) / (count + 0.5)) / math.log((of + 1) / 1.5) if of > 1 else 1.0
