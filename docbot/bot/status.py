"""What `/status` shows of a thread."""

from collections.abc import Iterator

from discord.utils import format_dt

from docbot import texts
from docbot.answers.sanitise import plain
from docbot.db.answers import QuestionStatus, ThreadStatus
from docbot.text import shortened

_SOURCES_CHARACTERS = 150


def shown(status: ThreadStatus) -> str:
    """Write how a thread stands, what docbot did in it and why; newest question first."""
    return "\n".join([*_standing(status), *map(_question, status.questions)])


def _standing(status: ThreadStatus) -> Iterator[str]:
    if status.solved_at is not None:
        yield texts.status_solved(format_dt(status.solved_at, "R"))
    else:
        yield texts.status_not_solved()
    if status.escalated_at is not None:
        yield texts.status_escalated(format_dt(status.escalated_at, "R"))
    if status.closed_at is not None:
        yield texts.status_closed(format_dt(status.closed_at, "R"))
    elif status.others_wrote:
        yield texts.status_people()
    if status.helpful or status.not_right:
        yield texts.status_votes(status.helpful, status.not_right)
    if not status.questions:
        yield texts.status_nothing()


def _question(question: QuestionStatus) -> str:
    # Those of an answer that was erased are empty.
    titles = ", ".join(str(each["title"]) for each in question.citations if each["title"])
    outcome = texts.status_outcome(
        question.state,
        question.lane or "",
        plain(shortened(titles, _SOURCES_CHARACTERS)),
        plain(question.reason or ""),
    )
    asked = format_dt(question.asked_at, "R")
    return f"- {texts.status_question(asked, question.origin, outcome)}"
