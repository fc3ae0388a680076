"""Answering without a model: the best passage is quoted, with its page named."""

import re
from collections.abc import Sequence

from docbot.answers import texts
from docbot.answers.citations import without_numbers
from docbot.answers.markdown import Fence, Prose, blocks
from docbot.answers.sanitise import plain
from docbot.answers.split import split
from docbot.answers.tables import tables_as_code
from docbot.retrieval.lexical import terms
from docbot.retrieval.passages import Passage
from docbot.retrieval.signals import passage_terms

LIMIT = 900  # characters: a pointer with an excerpt, not the page
_PROSE_LIMIT = 420  # of the excerpt's words, so that code has room
_TITLE_LIMIT = 120
_LOOKED_AT = 3  # passages among which the one to quote is chosen
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")
_HEADING_LINE = re.compile(r"#{1,6}[ \t]")
_OWN_LINE = re.compile(r"^[ \t]*(?:[-*+>]|\d{1,9}[.)])(?:[ \t]|$)")  # an item, a quotation
_LEAST_WORDS = 4  # a shorter paragraph says nothing alone


def quote(question: str, passages: Sequence[Passage]) -> str:
    """Quote what bears most on the question: a lead-in, words and code, in the page's order.

    `[n]` cites the passage number n of those given. At most 900 characters; nothing for no
    passages.
    """
    if not passages:
        return ""
    asked = set(terms(question))
    number, best = max(
        enumerate(passages[:_LOOKED_AT], start=1),
        key=lambda pair: (len(passage_terms(pair[1]) & asked), -pair[0]),
    )
    lead = f"{texts.SEE} {_name(best)} [{number}]:"
    other = next(
        (n for n, each in enumerate(passages, start=1) if each.page_id != best.page_id), None
    )
    also = f"\n\n{texts.SEE_ALSO} {_name(passages[other - 1])} [{other}]." if other else ""
    excerpt = _excerpt(best.text, asked, LIMIT - len(lead) - len(also) - 2)
    return f"{lead}\n\n{excerpt}{also}" if excerpt else f"{lead[:-1]}.{also}"


def first_words(text: str) -> str:
    """Give the prose of a passage as one line: what a list of results shows of it.

    A passage of code or a table alone gives its first line, in code marks.
    """
    pieces = _pieces(tables_as_code(without_numbers(text)))
    lines = [line for kind, piece in pieces if kind is Prose for line in piece.split("\n")]
    if lines or not pieces:
        return " ".join(" ".join(_OWN_LINE.sub("", line) for line in lines).split())
    return f"`{pieces[0][1].splitlines()[1].replace('`', '')}`"


def title(passage: Passage) -> str:
    """Name a passage as `Page title › Heading`, at most 120 characters."""
    heading = passage.heading
    whole = passage.title if heading == passage.title else f"{passage.title} › {heading}"
    return whole if len(whole) <= _TITLE_LIMIT else f"{whole[: _TITLE_LIMIT - 1].rstrip()}…"


def _name(passage: Passage) -> str:
    return f"**{plain(title(passage)).replace('[', '(').replace(']', ')')}**"


def _excerpt(text: str, asked: set[str], room: int) -> str:
    """Take the paragraph and the code that share most with the question, in their order."""
    pieces = _pieces(tables_as_code(without_numbers(text)))
    chosen: dict[int, str] = {}
    for kind, most in ((Prose, min(_PROSE_LIMIT, room)), (Fence, room)):
        left = min(most, room - sum(len(each) + 2 for each in chosen.values()))
        index = _best(pieces, kind, asked)
        if index is not None and left >= _LEAST_WORDS * 10:
            chosen[index] = _shortened(pieces[index][1], left)
    return "\n\n".join(chosen[index] for index in sorted(chosen))


def _pieces(text: str) -> list[tuple[type, str]]:
    """Cut into paragraphs and fences, headings left out."""
    pieces: list[tuple[type, str]] = []
    for block in blocks(text):
        if isinstance(block, Fence):
            body = "\n".join(line.removeprefix(block.prefix) for line in block.lines).strip("\n")
            marker = block.marker
            pieces.append((Fence, f"{marker}{block.info}\n{body}\n{marker}" if body else ""))
            continue
        for paragraph in _PARAGRAPHS.split(block.text):
            lines = [line for line in paragraph.split("\n") if not _HEADING_LINE.match(line)]
            pieces.append((Prose, _unwrapped(lines)))
    return [piece for piece in pieces if piece[1]]


def _unwrapped(lines: Sequence[str]) -> str:
    """Join the lines of a paragraph: where a page's source is wrapped, Discord would break."""
    joined: list[str] = []
    for line in lines:
        if joined and not _OWN_LINE.match(line):
            joined[-1] = f"{joined[-1].rstrip()} {line.strip()}"
        else:
            joined.append(line)
    return "\n".join(joined).strip()


def _best(pieces: Sequence[tuple[type, str]], kind: type, asked: set[str]) -> int | None:
    candidates = [
        index
        for index, (its_kind, text) in enumerate(pieces)
        if its_kind is kind and (kind is Fence or len(text.split()) >= _LEAST_WORDS)
    ]
    shared = {index: len(asked.intersection(terms(pieces[index][1]))) for index in candidates}
    return max(candidates, key=lambda index: (shared[index], -index), default=None)


def _shortened(text: str, most: int) -> str:
    """Keep the beginning, cut at the end of a sentence or line; fences stay closed."""
    if len(text) <= most:
        return text
    first = split(text, most - 4)[0]
    fence = blocks(first)[0]
    if isinstance(fence, Fence) and fence.closing is not None:
        return f"{first.removesuffix(fence.closing)}…\n{fence.closing}"
    return f"{first} …"
