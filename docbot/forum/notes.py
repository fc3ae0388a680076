"""What docbot writes in its own name around an answer: to staff, to helpers, to one person alone.

Names and texts of members come in here as they wrote them, and leave as plain text: nothing in
them pings, links or formats.
"""

from collections.abc import Sequence
from dataclasses import replace

from docbot import texts
from docbot.answers.answer import Answer
from docbot.answers.attached import File
from docbot.answers.sanitise import plain, sanitise
from docbot.answers.split import LIMIT, length, split
from docbot.answers.write import Message, write
from docbot.db.solutions import Solution
from docbot.text import as_seen, shortened, without_mentions

_TITLE_CHARACTERS = 100
_GIST_CHARACTERS = 160
_PAGES_CHARACTERS = 200
_DRAFT_FILE = "draft.md"
_SOLUTION_FILE = "solution.md"


def draft(answer: Answer, thread_id: int, *, people_first: bool) -> Message:
    """Show staff an answer, and why it was not sent; a long one whole in a file."""
    place = channel(thread_id)
    head = texts.draft_held_back(place) if people_first else texts.draft_to_review(place)
    whole = "\n\n".join(message.content for message in write(answer, attaches=False))
    return _below(head, write(answer), texts.draft_goes_on(), File(_DRAFT_FILE, whole))


def draft_over(thread_id: int, why: str) -> str:
    return texts.draft_over(channel(thread_id), why)


def draft_decided(thread_id: int, person_id: int, *, is_sent: bool) -> str:
    place, who = channel(thread_id), person(person_id)
    return texts.draft_was_sent(place, who) if is_sent else texts.draft_was_discarded(place, who)


def solution(learned: Solution) -> Message:
    """Show staff a solution that waits for them; a long one whole in a file."""
    head = texts.solution_to_review(channel(learned.thread_id), person(learned.marked_by))
    asked = plain(shortened(learned.question, _GIST_CHARACTERS))
    messages = [Message(part) for part in split(sanitise(learned.text, ()))]
    file = File(_SOLUTION_FILE, learned.text)
    return _below(_quoted(head, [asked] if asked else []), messages, texts.solution_goes_on(), file)


def solution_decided(learned: Solution, person_id: int) -> str:
    place, who = channel(learned.thread_id), person(person_id)
    if learned.state != "verified":
        return texts.solution_was_discarded(place, who)
    if learned.edited is not None:
        return texts.solution_was_edited(place, who)
    return texts.solution_was_learned(place, who)


def solution_over(learned: Solution) -> tuple[str, str]:
    """Say that there is nothing to decide any more; and why, in a few words."""
    why = learned.reason or texts.learned_without_review()
    return texts.solution_over(channel(learned.thread_id), why), why


def with_reviewer(messages: Sequence[Message], person_id: int) -> list[Message]:
    """Say below an answer who read it before it was sent."""
    line = f"-# {texts.reviewed_by(person(person_id))}"
    *before, last = messages
    if length(last.content) + length(line) + 1 <= LIMIT:
        return [*before, replace(last, content=f"{last.content}\n{line}")]
    return [*messages, Message(line)]


def reminder(author_id: int) -> str:
    return texts.did_this_solve_it(person(author_id))


def closed(thread_id: int) -> str:
    return texts.stays_out(channel(thread_id))


def summary(title: str, body: str, lane: str | None, pages: Sequence[str]) -> tuple[str, str]:
    """Tell in two lines what was asked, and what docbot did about it."""
    asked = plain(shortened(without_mentions(as_seen(body)), _GIST_CHARACTERS))
    first = f"{named(title)}: {asked}" if asked else named(title)
    listed = plain(shortened(", ".join(pages), _PAGES_CHARACTERS))
    if lane == "answer" and listed:
        return first, texts.answered_from(listed)
    if lane == "suggest" and listed:
        return first, texts.pointed_to(listed)
    return first, texts.found_nothing() if lane == "abstain" else texts.has_not_answered()


def human_wanted(role_id: int | None, lines: Sequence[str]) -> str:
    """Call the helpers of a role into the thread; without one, whoever reads it."""
    head = texts.human_wanted(f"<@&{role_id}>") if role_id else texts.human_wanted_here()
    return _quoted(head, lines)


def human_wanted_in(thread_id: int, by: int, lines: Sequence[str]) -> str:
    """Tell staff where somebody asks for a human."""
    return _quoted(texts.human_wanted_in(channel(thread_id), person(by)), lines)


def channel(channel_id: int) -> str:
    return f"<#{channel_id}>"


def person(person_id: int) -> str:
    return f"<@{person_id}>"


def named(title: str) -> str:
    """A title; of a thread whose title was erased, what stands for it."""
    if not title:
        return texts.title_erased()
    return f"**{plain(shortened(as_seen(title), _TITLE_CHARACTERS))}**"


def _below(head: str, messages: Sequence[Message], goes_on: str, whole: File) -> Message:
    """Put a text below a head; one that fits into no message begins there, and is whole in a file."""
    room = LIMIT - length(head) - 2
    if len(messages) == 1 and length(messages[0].content) <= room:
        return Message(f"{head}\n\n{messages[0].content}", messages[0].files)
    # Of what Discord would not show nothing is left to begin with.
    begins = [split(each.content, room - length(goes_on) - 2)[0] for each in messages[:1]]
    return Message("\n\n".join([head, *begins, goes_on]), (whole,))


def _quoted(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"> {line}" for line in lines)])
