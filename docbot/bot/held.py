"""What `/forget` shows of what is stored of a person."""

from collections.abc import Iterator

from docbot import texts
from docbot.db.erasure import Held


def offer_to_forget(held: Held) -> str:
    """Write what is stored, kind by kind, and what becomes of it."""
    return texts.held([*_lines(held)])


def _lines(held: Held) -> Iterator[str]:
    if held.messages:
        yield texts.held_messages(held.messages)
    if held.titles:
        yield texts.held_titles(held.titles)
    if held.questions:
        yield texts.held_questions(held.questions)
    if held.calls:
        yield texts.held_calls(held.calls)
    if held.votes:
        yield texts.held_votes(held.votes)
    if held.drafts:
        yield texts.held_drafts(held.drafts)
    if held.solutions:
        yield texts.held_solutions(held.solutions)
