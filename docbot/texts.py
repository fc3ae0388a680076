"""Every sentence, label and heading that docbot says to members, in one catalogue.

Each is a function, so it is looked up when it is said, in the language that is spoken where it is
said (`speaking`): English unless told otherwise, and English where a translation lacks. What goes
into a sentence comes ready to show: escaped, shortened, between its marks.

A text is a whole sentence, and its number of things is told to `_count`, so that a language may
put both as it needs. `make docs` collects the texts into `locale/docbot.pot`; the comments that
begin with "Translators:" go with them.
"""

import gettext
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from docbot.errors import SettingsError

# Holds LANGUAGE/LC_MESSAGES/docbot.mo for each language that docbot was translated to.
LOCALE: Final = Path(__file__).parent / "locale"
ENGLISH: Final = "en"
_DOMAIN = "docbot"
_UNTRANSLATED = gettext.NullTranslations()
# Of the task at hand: each may speak another language.
_spoken: ContextVar[gettext.NullTranslations] = ContextVar("spoken", default=_UNTRANSLATED)


def find_catalogue(language: str, folder: Path = LOCALE) -> gettext.NullTranslations | None:
    """Read the translations to a language; None where there are none.

    Args:
        language: as Discord names it: `de`, `pt-BR`. What was translated to `pt` serves both.
        folder: where the translations lie.

    Raises:
        SettingsError: the file is none of translations.
    """
    path = gettext.find(_DOMAIN, folder, [language.replace("-", "_")])
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            return gettext.GNUTranslations(file)
    except (OSError, ValueError, struct.error) as error:
        raise SettingsError(f"{path}: cannot be read ({error}); compile it anew") from error


@contextmanager
def speaking(catalogue: gettext.NullTranslations | None) -> Iterator[None]:
    """Say within what these translations have in their language; None: all in English."""
    token = _spoken.set(catalogue or _UNTRANSLATED)
    try:
        yield
    finally:
        _spoken.reset(token)


# What an answer is made of


def nothing_found() -> str:
    return _say("I found nothing about this in the documentation.")


def nothing_asked() -> str:
    return _say(
        "I cannot tell what you want to know. Please write your question in a few words; "
        "images I cannot read."
    )


def later() -> str:
    return _say("I cannot answer just now. I keep trying, and answer here as soon as I can.")


def cannot_answer() -> str:
    return _say("Something went wrong on my side, so I cannot answer now. Please try again later.")


def quoted_instead() -> str:
    return _say("I cannot write an answer of my own just now, so I quote the documentation.")


def may_help() -> str:
    return _say("These pages may help:")


def sources() -> str:
    # Translators: the heading of the list of links under an answer
    return _say("Sources")


def unfamiliar(names: str) -> str:
    # Translators: under code in which something occurs that the documentation does not name
    return _say(
        "⚠ I did not find this in the documentation, so check it before you use it: {names}",
        names=names,
    )


def from_page(page: str, under: str = "") -> str:
    """Head a quotation; `under` is a heading within what is quoted, empty for none."""
    if under:
        # Translators: above a quotation; {heading} is a part of {page}
        return _say("From {page}, under {heading}:", page=page, heading=under)
    # Translators: above a quotation
    return _say("From {page}:", page=page)


def from_section(section: str, under: str = "") -> str:
    """Head a quotation from the same page as the one before it."""
    if under:
        # Translators: above a further quotation from the same page
        return _say("{section}, under {heading}:", section=section, heading=under)
    # Translators: above a further quotation from the same page
    return _say("{section}:", section=section)


def see(page: str) -> str:
    # Translators: where nothing of the page can be quoted
    return _say("See {page}.", page=page)


def see_also(pages: Sequence[str]) -> str:
    return _say("See also {pages}.", pages=_listed(pages))


def in_file(name: str) -> str:
    # Translators: in place of code that is too long for a message
    return _say("See the attached file {name}.", name=name)


def file_cut() -> str:
    # Translators: the last line of a file
    return _say("[The rest is left out: it is too long for a file on Discord.]")


def text_cut() -> str:
    # Translators: the last line of an answer's text
    return _say("The rest is left out: it is too long for this channel.")


# Votes on an answer


def helpful() -> str:
    # Translators: on a button under an answer
    return _say("Helpful")


def not_right() -> str:
    # Translators: on a button under an answer
    return _say("Not right")


def voted(vote: str) -> str:
    """Confirm a vote: `helpful` or `not_right`."""
    if vote == "helpful":
        return _say("Thank you, noted as helpful. Press the other button to change your mind.")
    return _say("Thank you, noted as not right. Press the other button to change your mind.")


def vote_unknown() -> str:
    return _say("I no longer have the answer that this button belongs to.")


# Search


def results_for(query: str, first: int, last: int, total: int) -> str:
    """Head a page of results; `query` is written as code, which is how it is found again."""
    if first == last == total == 1:
        # Translators: {query} stands on this line, and is the only code on it
        return _say("1 result for {query}", query=query)
    # Translators: {query} stands on this line, and is the only code on it
    return _say(
        "Results {first}–{last} of {total} for {query}",
        first=first,
        last=last,
        total=total,
        query=query,
    )


def nothing_found_for(query: str) -> str:
    return _say("I found nothing about {query} in the documentation.", query=query)


def unlinked(title: str) -> str:
    # Translators: a result whose address has no place in a message
    return _say("{title} (its address is too long to show)", title=title)


def previous_page() -> str:
    # Translators: on a button that turns a page
    return _say("Previous")


def next_page() -> str:
    # Translators: on a button that turns a page
    return _say("Next")


def search_unknown() -> str:
    return _say("I can no longer tell what this search was for. Please use `/search` again.")


def not_ready() -> str:
    return _say("I am still reading the documentation. Please try again in a few minutes.")


def out_of_reach() -> str:
    return _say("I cannot reach what I search in just now. Please try again in a few minutes.")


def no_such_source(name: str, known: Sequence[str], unnamed: int) -> str:
    """Say which sources there are instead; `unnamed` is how many more than those named."""
    if not known:
        return _say("There is no source {name}. Sources: none yet.", name=name)
    listed = ", ".join(known)
    if not unnamed:
        return _say("There is no source {name}. Sources: {listed}.", name=name, listed=listed)
    return _count(
        "There is no source {name}. Sources: {listed} and {count} more.",
        "There is no source {name}. Sources: {listed} and {count} more.",
        unnamed,
        name=name,
        listed=listed,
    )


# Commands


def failed() -> str:
    return _say("Something went wrong on my side. Please try again later.")


def not_allowed() -> str:
    return _say("Only members who may manage this server can do that.")


def over_own_limit(free_at: int) -> str:
    """Refuse until there is a place again; `free_at` in seconds since 1970."""
    # Translators: Discord shows <t:...:R> as "in 2 hours", and <t:...:t> as "14:30"
    return _say(
        "You have asked me as often as you can for now. Your next question is free "
        "<t:{free_at}:R>, at <t:{free_at}:t>.",
        free_at=free_at,
    )


def over_server_limit(free_at: int) -> str:
    """Refuse until there is a place again; `free_at` in seconds since 1970."""
    # Translators: Discord shows <t:...:R> as "in 2 hours", and <t:...:t> as "14:30"
    return _say(
        "This server has asked me as often as it can for now. The next question is free "
        "<t:{free_at}:R>, at <t:{free_at}:t>.",
        free_at=free_at,
    )


def still_on_last_one() -> str:
    return _say(
        "I am still on your last one. Please wait for its answer, or add to it where you asked it."
    )


def not_heard() -> str:
    # Translators: to somebody who is banned or ignored
    return _say("I take no questions from you in this server. Its staff can tell you why.")


def nothing_changed() -> str:
    return _say("Nothing changed.")


def taken_in(names: Sequence[str]) -> str:
    # Translators: {names} are settings that changed
    return _say("Taken in: {names}.", names=", ".join(names))


def needs_restart(names: Sequence[str]) -> str:
    # Translators: {names} are settings
    return _say("Changed, but needs a restart: {names}.", names=", ".join(names))


def env_file_not_read() -> str:
    return _say(
        "The `.env` file was not read: that is done only in the server that "
        "`DOCBOT_OPERATOR_GUILD` names."
    )


def reload_refused(reason: str) -> str:
    return _say("Nothing was taken in: {reason}", reason=reason)


def _listed(names: Sequence[str]) -> str:
    listed = names[0]
    for name in names[1:]:
        # Translators: joins the last name of a list to those before it
        listed = _say("{names} and {name}", names=listed, name=name)
    return listed


def _say(text: str, /, **values: object) -> str:
    return _filled(_spoken.get().gettext(text), text, values)


def _count(one: str, many: str, count: int, /, **values: object) -> str:
    """Say it in the form that this number of things needs; `{count}` is the number."""
    said = _spoken.get().ngettext(one, many, count)
    return _filled(said, one if count == 1 else many, {"count": count, **values})


def _filled(said: str, english: str, values: dict[str, object]) -> str:
    try:
        return said.format(**values)
    except (
        AttributeError,
        LookupError,
        ValueError,
    ):  # a translation that names what the sentence has not
        return english.format(**values)
