"""Questions that docbot solved, as a questions file for `docbot eval`."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urldefrag

from docbot.app.files import new_file, refuse_target, writing
from docbot.app.rooms import Rooms
from docbot.db.questions import Solved
from docbot.text import as_seen, without_mentions

_WHAT = "the file of questions"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file; `gold` are addresses of pages, without fragments."""

    id: str
    source: str
    title: str
    body: str
    gold: list[str]

    def __str__(self) -> str:
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields, ensure_ascii=False)


async def export_solved(
    rooms: Rooms, path: Path, *, force: bool, say: Callable[[str], None]
) -> None:
    """Write the posts whose answers helped, a line of JSON for each and for each source it cites.

    Args:
        rooms: what it works with.
        path: `-` is standard output.
        force: replaces a file that is there.
        say: told how many were written, and what was left out.

    Raises:
        UsageError: the file is there already, or cannot be written.
        TransientError: the disk failed; no file is left.
    """
    is_stdout = str(path) == "-"
    if not is_stdout:
        refuse_target(path, force=force)
    solved = await rooms.questions.solved()
    lines = [line for question in solved for line in lines_of(question)]
    text = "".join(f"{line}\n" for line in lines)
    if is_stdout:
        sys.stdout.write(text)
    else:
        with new_file(path, _WHAT, force=force) as file, writing(_WHAT):
            file.write(text.encode())
    for said in _summary(solved, len(lines)):
        say(said)


def lines_of(question: Solved) -> Iterator[Line]:
    """Give a line for each source that the answer cites; none where the text was deleted."""
    if question.is_deleted:
        return
    gold: dict[str, dict[str, None]] = {}  # in the order of the numbers, each page once
    for source, address in question.cited:
        if source is not None:
            gold.setdefault(source, {})[urldefrag(address).url] = None
    for source, pages in gold.items():
        name = str(question.id) if len(gold) == 1 else f"{question.id}-{source}"
        body = without_mentions(as_seen(question.body))
        yield Line(name, source, as_seen(question.title), body, list(pages))


def _summary(solved: list[Solved], lines: int) -> Iterator[str]:
    deleted = sum(question.is_deleted for question in solved)
    lost = sum(not question.is_deleted and not any(lines_of(question)) for question in solved)
    written = len(solved) - deleted - lost
    yield f"solved questions written: {written}, in {lines} lines (one for each source cited)"
    if deleted:
        yield f"left out: {deleted} whose text was deleted on Discord"
    if lost:
        yield f"left out: {lost} whose source is not known any more"
