"""What docbot says to members in commands and under buttons, all in one place."""

from collections.abc import Sequence

from docbot.answers.sanitise import inline_code, is_linkable, masked_link, plain
from docbot.errors import DocbotError, TransientError
from docbot.text import shortened

HELPFUL = "Helpful"
NOT_RIGHT = "Not right"
VOTE_UNKNOWN = "I no longer have the answer that this button belongs to."
PREVIOUS = "Previous"
NEXT = "Next"
SEARCH_UNKNOWN = "I can no longer tell what this search was for. Please use `/search` again."
FAILED = "Something went wrong on my side. Please try again later."
OUT_OF_REACH = "I cannot reach what I search in just now. Please try again in a few minutes."
NOT_READY = "I am still reading the documentation. Please try again in a few minutes."
_MOST_NAMES = 20  # with 64 characters each they fit into one message
_LONGEST_NAME = 100
NOT_ALLOWED = "Only members who may manage this server can do that."

_VOTED = {
    "helpful": "Thank you, noted as helpful. Press the other button to change your mind.",
    "not_right": "Thank you, noted as not right. Press the other button to change your mind.",
}


def search_failed(error: DocbotError) -> str:
    return OUT_OF_REACH if isinstance(error, TransientError) else FAILED


def voted(vote: str) -> str:
    return _VOTED[vote]


def nothing_found_for(query: str) -> str:
    return f"I found nothing about `{query.replace('`', '')}` in the documentation."


def results_for(query: str, first: int, last: int, total: int) -> str:
    """The head of a page of results; `query` is written as code."""
    if total == 1:
        return f"1 result for {query}"
    return f"Results {first}–{last} of {total} for {query}"


def unlinked(title: str) -> str:
    """A result whose address has no place in a message."""
    return f"{title} (its address is too long to show)"


def no_such_source(name: str, known: Sequence[str]) -> str:
    listed = ", ".join(f"`{each}`" for each in known[:_MOST_NAMES]) or "none yet"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    shown = shortened(name.replace("`", ""), _LONGEST_NAME)
    return f"There is no source `{shown}`. Sources: {listed}{more}."


def link(title: str, url: str) -> str:
    """A link without a preview; the address of a page that has none on the web as text."""
    return masked_link(title, url) if is_linkable(url) else f"{plain(title)} ({inline_code(url)})"


def reloaded(changed: Sequence[str], need_restart: Sequence[str], *, env_file_read: bool) -> str:
    """Name what was taken in and what was not, and why; values are never shown."""
    lines = [
        f"Taken in: {', '.join(f'`{name}`' for name in changed)}."
        if changed
        else "Nothing changed."
    ]
    if need_restart:
        names = ", ".join(f"`{name}`" for name in need_restart)
        lines.append(f"Changed, but needs a restart: {names}.")
    if not env_file_read:
        lines.append(
            "The `.env` file was not read: that is done only in the server that "
            "`DOCBOT_OPERATOR_GUILD` names."
        )
    return "\n".join(lines)


def reload_refused(reason: str) -> str:
    return f"Nothing was taken in: {reason}"
