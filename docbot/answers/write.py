"""Writing an answer as Discord messages: sanitised text, then the sources that it cites."""

from collections.abc import Sequence
from dataclasses import dataclass

from docbot import texts
from docbot.answers.answer import Answer, Citation
from docbot.answers.attached import MOST_FILES, File, fences, mark, move_out
from docbot.answers.sanitise import inline_code, is_linkable, masked_link, plain, sanitise
from docbot.answers.split import LIMIT, length, split

# Two messages are read at a glance, on a phone too; of a third one scrolls back.
_MOST_WITH_CODE = 2
# Of a message: shorter code is sooner read where it stands than opened.
_WORTH_A_FILE = 0.5
# No answer has so many; one that had would bury its thread.
_MOST_MESSAGES = 10


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its text, never empty, and what is attached to it."""

    content: str
    files: tuple[File, ...] = ()


def write(answer: Answer, limit: int = LIMIT, *, attaches: bool = True) -> list[Message]:
    """Write the messages, in order, each at most `limit` long and none empty.

    Citations stay `[n]` in the text; the sources below it link each number once, and name the
    documentation where there is more than one. A line of the sources is never cut. Above all
    stands the link to a thread that asked the same, where there is one.

    Code becomes a file where it does not fit into one message whole, since nobody copies code
    from two; and, the longest first, where the answer would take more than two messages.

    Args:
        answer: what there is to say.
        limit: in UTF-16 code units.
        attaches: False where docbot may not attach files: all code stays in the text.
    """
    parts, files = _messages(answer, answer.text, limit), list[File]()
    moved: list[int] = []
    for place, fence in fences(answer.text)[:MOST_FILES] if attaches else ():
        if not _is_better_a_file(fence, len(parts), limit):
            break
        moved.append(place)
        text, files = move_out(answer.text, moved)
        parts = _messages(answer, text, limit)
    return _with_files(parts, files)


def _is_better_a_file(fence: str, messages: int, limit: int) -> bool:
    if length(fence) > limit:
        return True
    return messages > _MOST_WITH_CODE and length(fence) > limit * _WORTH_A_FILE


def _with_files(parts: Sequence[str], files: Sequence[File]) -> list[Message]:
    """Attach each file to the message that names it."""
    held: list[list[File]] = [[] for _ in parts]
    for file in files:
        named = (number for number, part in enumerate(parts) if mark(file) in part)
        held[next(named, -1)].append(file)
    return [Message(part, tuple(own)) for part, own in zip(parts, held, strict=True)]


def _messages(answer: Answer, text: str, limit: int) -> list[str]:
    above = [_solved_line(citation) for citation in answer.citations if not citation.n]
    parts = _prose(above, text, [citation.url for citation in answer.citations], limit)
    cited = [citation for citation in answer.citations if citation.n]
    if not cited:
        return parts
    are_several = len({each.source for each in cited if not each.is_solved}) > 1
    lines = [_line(citation, limit, is_named=are_several) for citation in cited]
    if answer.lane == "suggest":
        return _below(parts, lines, "\n", limit)
    return _below(parts, [f"**{texts.sources()}**", *lines], "\n\n", limit)


def _prose(above: Sequence[str], text: str, allowed: Sequence[str], limit: int) -> list[str]:
    most = limit * _MOST_MESSAGES
    whole = filter(None, [*above, sanitise(text[:most], allowed)])
    parts = split("\n\n".join(whole), limit)
    if len(text) <= most and len(parts) <= _MOST_MESSAGES:
        return parts
    return _below(parts[: _MOST_MESSAGES - 1], [texts.text_cut()], "\n\n", limit)


def _solved_line(citation: Citation) -> str:
    return texts.already_solved(masked_link(citation.title, citation.url))


def _line(citation: Citation, limit: int, *, is_named: bool) -> str:
    """Write one source; its name alone where the address is too long for a message."""
    name = plain(citation.title).replace("[", "(").replace("]", ")")
    if is_linkable(citation.url):
        line = f"[{citation.n}] {masked_link(citation.title, citation.url)}"
    else:
        line = f"[{citation.n}] {name}: {inline_code(citation.url)}"
    if citation.is_solved:
        line += f" ({texts.solved_thread()})"
    elif is_named and citation.source:
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
