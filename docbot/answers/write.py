"""Writing an answer as Discord messages: sanitised text, then the sources that it cites."""

from collections.abc import Sequence

from docbot import texts
from docbot.answers.answer import Answer, Citation
from docbot.answers.sanitise import inline_code, is_linkable, masked_link, plain, sanitise
from docbot.answers.split import LIMIT, length, split


def write(answer: Answer, limit: int = LIMIT) -> list[str]:
    """Write the messages, in order, each at most `limit` long and none empty.

    Citations stay `[n]` in the text; the sources below it link each number once, and name the
    documentation where there is more than one. A line of the sources is never cut.
    """
    allowed = [citation.url for citation in answer.citations]
    parts = split(sanitise(answer.text, allowed), limit)
    if not answer.citations:
        return parts
    are_several = len({citation.source for citation in answer.citations}) > 1
    lines = [_line(citation, limit, is_named=are_several) for citation in answer.citations]
    if answer.lane == "suggest":
        return _below(parts, lines, "\n", limit)
    return _below(parts, [f"**{texts.sources()}**", *lines], "\n\n", limit)


def _line(citation: Citation, limit: int, *, is_named: bool) -> str:
    """Write one source; its name alone where the address is too long for a message."""
    name = plain(citation.title).replace("[", "(").replace("]", ")")
    if is_linkable(citation.url):
        line = f"[{citation.n}] {masked_link(citation.title, citation.url)}"
    else:
        line = f"[{citation.n}] {name}: {inline_code(citation.url)}"
    if is_named and citation.source:
        line += f" ({plain(citation.source)})"
    # With room for the heading of the list above it.
    room = limit - length(texts.sources()) - 8
    return line if length(line) <= room else split(f"[{citation.n}] {name}", room)[0]


def _below(parts: Sequence[str], lines: Sequence[str], gap: str, limit: int) -> list[str]:
    """Put the lines under the last message if all fit, else into messages of their own."""
    whole = "\n".join(lines)
    if parts and length(parts[-1]) + length(gap) + length(whole) <= limit:
        return [*parts[:-1], f"{parts[-1]}{gap}{whole}"]
    written = list(parts)
    begun = len(written)
    for line in lines:
        joined = f"{written[-1]}\n{line}" if len(written) > begun else line
        if len(written) > begun and length(joined) <= limit:
            written[-1] = joined
        else:
            written.append(line)
    return written
