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
        "I cannot read images."
    )


def later() -> str:
    return _say("I cannot answer just now. I will keep trying, and answer here as soon as I can.")


def later_privately() -> str:
    return _say(
        "I cannot answer just now. I will keep trying for a quarter of an hour; if nothing is here "
        "by then, please ask again."
    )


def cannot_answer() -> str:
    return _say("Something went wrong on my side, so I cannot answer now. Please try again later.")


def quoted_instead() -> str:
    return _say("I cannot write an answer of my own just now, so I quote the documentation.")


def may_help() -> str:
    return _say("These pages may help:")


def sources() -> str:
    # Translators: the heading of the list of links under an answer
    return _say("Sources")


def solved_thread() -> str:
    # Translators: stands in brackets behind a link, in place of the name of a documentation
    return _say("solved thread")


def already_solved(thread: str) -> str:
    # Translators: {thread} is a link to a thread in which somebody asked the same
    return _say("Already solved here: {thread}", thread=thread)


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


# Around an answer


def draft_to_review(thread: str) -> str:
    # Translators: to staff, above the draft of an answer
    return _say("Draft for {thread}. Send it, change it, or discard it.", thread=thread)


def draft_held_back(thread: str) -> str:
    # Translators: to staff, above the draft of an answer
    return _say(
        "Somebody else replied first in {thread}, so I held this back. Send it if it helps.",
        thread=thread,
    )


def draft_goes_on() -> str:
    return _say("The whole draft is in the file below.")


def draft_over(thread: str, why: str) -> str:
    # Translators: {why} is a few words, as "thread locked"
    return _say("The draft for {thread} is withdrawn: {why}.", thread=thread, why=why)


def reviewed_by(person: str) -> str:
    # Translators: below an answer
    return _say("Reviewed by {person} before it was sent.", person=person)


def did_this_solve_it(person: str) -> str:
    return _say(
        "{person}, did this solve it? Press Solved if it did, or ask for a human if not.",
        person=person,
    )


def stop_words() -> Sequence[str]:
    # Translators: replies that keep docbot out of a thread, small letters, with commas between
    said = _say("stop, stop it, please stop, stop please, please stop it, stop it please")
    return [words.strip() for words in said.split(",")]


def satisfied_words() -> Sequence[str]:
    # Translators: how a message begins that thanks, or says yes to "did this solve it?"; small letters, with commas between
    said = _say(
        "thanks, thank you, many thanks, thx, ty, cheers, yes, yep, yeah, yup, solved, fixed, works, "
        "worked, it works, it worked, it did, that works, that worked, that helped, that was it, "
        "that did it, that solved it, that fixed it, perfect, great, awesome"
    )
    return [words.strip() for words in said.split(",")]


def closing_words() -> Sequence[str]:
    # Translators: all of which a message that only thanks or says yes may be made, small letters, with commas between
    said = _say(
        "thanks, thank, you, many, thx, ty, cheers, so, very, much, a, lot, again, all, for, the, "
        "your, this, help, answer, it, that, that's, its, it's, was, is, did, does, just, exactly, "
        "what i needed, what i wanted, i, needed, wanted, works, worked, working, solved, fixed, "
        "helps, helped, now, perfect, perfectly, great, awesome, nice, cool, good, got, bot, docbot, "
        "mate, guys, yes, yep, yeah, yup, indeed"
    )
    return [words.strip() for words in said.split(",")]


def stays_out(thread: str) -> str:
    # Translators: to one person alone, who called docbot in the thread
    return _say(
        "I was asked to stay out of {thread}. Its author or staff can let me in again with `/open`.",
        thread=thread,
    )


def human_wanted(role: str) -> str:
    return _say("{role}, help is needed here.", role=role)


def human_wanted_here() -> str:
    return _say("Somebody here asks for a human's help.")


def human_wanted_in(thread: str, person: str) -> str:
    return _say("{person} asks for a human in {thread}.", person=person, thread=thread)


def answered_from(pages: str) -> str:
    # Translators: what docbot did, to those who help now
    return _say("docbot answered from: {pages}", pages=pages)


def pointed_to(pages: str) -> str:
    # Translators: what docbot did, to those who help now
    return _say("docbot named these pages: {pages}", pages=pages)


def found_nothing() -> str:
    # Translators: what docbot did, to those who help now
    return _say("docbot found nothing about it in the documentation.")


def has_not_answered() -> str:
    # Translators: what docbot did, to those who help now
    return _say("docbot has not answered.")


# Votes on an answer


def helpful() -> str:
    # Translators: on a button under an answer
    return _say("Helpful")


def not_right() -> str:
    # Translators: on a button under an answer
    return _say("Not right")


def counted_votes(label: str, votes: int) -> str:
    # Translators: on a button, with how many pressed it
    return _say("{label} ({votes})", label=label, votes=votes) if votes else label


def voted(vote: str) -> str:
    """Confirm a vote: `helpful` or `not_right`."""
    if vote == "helpful":
        return _say("Thank you, noted as helpful. Press the other button to change your mind.")
    return _say(
        "Thank you, noted as not right. What is wrong with it? "
        "Press Helpful under the answer to change your mind."
    )


def vote_unknown() -> str:
    return _say("I no longer have the answer that this button belongs to.")


def button_unknown() -> str:
    return _say("I do not know this button any more.")


def feedback_off() -> str:
    return _say("This server takes no votes on answers.")


def outdated() -> str:
    # Translators: on a button: what is wrong with an answer
    return _say("Outdated")


def inaccurate() -> str:
    # Translators: on a button: what is wrong with an answer
    return _say("Inaccurate")


def does_not_answer() -> str:
    # Translators: on a button: what is wrong with an answer
    return _say("Doesn't answer it")


def other_reason() -> str:
    # Translators: on a button: what is wrong with an answer, in words of one's own
    return _say("Something else…")


def take_back() -> str:
    # Translators: on a button: the vote does not count any more
    return _say("Take it back")


def taken_back() -> str:
    return _say("Your vote is taken back.")


def no_vote() -> str:
    return _say("You have no vote on this answer any more.")


def reason_noted() -> str:
    return _say("Thank you, noted.")


def what_is_wrong() -> str:
    # Translators: the title of a form, at most 45 characters
    return _say("What is not right about this answer?")


def in_your_words() -> str:
    # Translators: the label of a field, at most 45 characters
    return _say("In your own words")


def reason_too_long(most: int) -> str:
    return _say("That is too long: please say it in at most {most} characters.", most=most)


# How a thread stands


def solved() -> str:
    # Translators: on a button under an answer
    return _say("Solved")


def is_solved() -> str:
    # Translators: on a button under an answer, once it was pressed
    return _say("Solved ✓")


def ask_a_human() -> str:
    # Translators: on a button under an answer
    return _say("Ask a human")


def human_asked() -> str:
    # Translators: on a button under an answer, once it was pressed
    return _say("A human was asked")


def marked_solved() -> str:
    return _say("Marked as solved. `/unsolve` takes it back.")


def marked_unsolved() -> str:
    return _say("No longer marked as solved.")


def thread_closed() -> str:
    return _say("I stay out of this thread from now on. `/open` lets me in again.")


def thread_opened() -> str:
    return _say("I am back. Mention me to ask something.")


def human_called() -> str:
    return _say("I have asked for a human.")


def refused(why: str) -> str:
    """Say why a press or a command did nothing; `why` is a refusal of `forum.conduct`."""
    said = {
        "not yours": _say("Only the person who asked here, or staff, can do that."),
        "staff only": _say("Only staff can do that."),
        "solved already": _say("This is marked as solved already. `/unsolve` takes it back."),
        "not solved": _say("This is not marked as solved."),
        "closed already": _say("I stay out of this thread already. `/open` lets me in again."),
        "not closed": _say("I am not kept out of this thread."),
        "asked already": _say("A human was asked for here already."),
        "no draft": _say("I no longer have this draft."),
        "draft over": _say("This draft is no longer open."),
        "draft changed": _say(
            "This draft was changed meanwhile. Read it as it is now, then decide."
        ),
        "no solution": _say("I no longer have this solution."),
        "solution learned": _say("This solution was learned already."),
        "solution discarded": _say(
            "This solution was discarded already, and will not be learned again."
        ),
        "solution over": _say("There is nothing to decide any more about this solution."),
        "solution changed": _say(
            "This solution was changed meanwhile. Read it as it is now, then decide."
        ),
        "no words": _say("A solution without words cannot be learned. Nothing was changed."),
        "no thread": not_a_thread(),
        "thread shut": _say("This thread is locked or deleted, so nothing can be done there."),
        "nobody to ask": _say(
            "Nobody is set up to be asked here: this server has named neither helpers nor a "
            "channel of its staff."
        ),
    }
    return said[why]


def not_a_thread() -> str:
    return _say("This works only in a thread of a forum that I answer in.")


def status_solved(when: str) -> str:
    return _say("Solved {when}.", when=when)


def status_not_solved() -> str:
    return _say("Not marked as solved.")


def status_escalated(when: str) -> str:
    return _say("A human was asked for {when}.", when=when)


def status_closed(when: str) -> str:
    return _say("I was asked to stay out {when}.", when=when)


def status_people() -> str:
    return _say("People talk here, so I speak only when I am mentioned.")


def status_votes(helpful: int, not_right: int) -> str:
    return _say(
        "Votes on my answer: {helpful} helpful, {not_right} not right.",
        helpful=helpful,
        not_right=not_right,
    )


def status_nothing() -> str:
    return _say("Nothing was asked of me here yet.")


def status_question(when: str, origin: str, outcome: str) -> str:
    """One question; `origin` is `post` or `mention`."""
    if origin == "post":
        return _say("Post, {when}: {outcome}", when=when, outcome=outcome)
    return _say("Mention, {when}: {outcome}", when=when, outcome=outcome)


def status_outcome(state: str, lane: str, sources: str, reason: str) -> str:
    """What became of a question, and why.

    Args:
        state: as the question has it.
        lane: of its answer; empty: it has none.
        sources: titles of what the answer cites; empty: none, or they were erased.
        reason: why, in a few words; empty: it is not said.
    """
    if state == "answered" and lane == "suggest" and sources:
        return _say("I named pages that may help: {sources}.", sources=sources)
    if state == "answered" and sources:
        return _say("I answered from {sources}.", sources=sources)
    said = {
        "collecting": _say("I am waiting for its author to finish writing."),
        "waiting": _say("It is waiting for my answer."),
        "answering": _say("I am working on an answer."),
        "review": _say("Staff has my draft and has not decided yet."),
        "posting": _say("My answer is on its way."),
        "answered": _say("I answered."),
        "abstained": _say("I said nothing, since the documentation does not answer it."),
        "yielded": _say("I held back, since somebody else was first."),
        "cancelled": _say("I did not answer."),
        "failed": _say("I failed to answer; the operator has the reason."),
    }[state]
    return f"{said} ({reason})" if reason and state in ("abstained", "cancelled") else said


# Drafts


def send() -> str:
    # Translators: on a button under the draft of an answer
    return _say("Send")


def edit() -> str:
    # Translators: on a button under the draft of an answer, and under a solution
    return _say("Edit")


def discard() -> str:
    # Translators: on a button under the draft of an answer, and under a solution
    return _say("Discard")


def edit_the_draft() -> str:
    # Translators: the title of a form, at most 45 characters
    return _say("Edit the draft")


def draft_text(number: int, of: int) -> str:
    # Translators: the label of a field, at most 45 characters
    return _say("Text") if of == 1 else _say("Text, part {number} of {of}", number=number, of=of)


def draft_sent() -> str:
    return _say("Sent.")


def draft_discarded() -> str:
    return _say("Discarded.")


def draft_changed() -> str:
    return _say("Changed. Press Send to post it.")


def draft_empty() -> str:
    return _say("A draft without text cannot be sent. Nothing was changed.")


def too_long_for_form() -> str:
    return _say("This is too long for a form. Take it as it is, or write in the thread yourself.")


def draft_was_sent(thread: str, person: str) -> str:
    return _say("The draft for {thread} was sent by {person}.", thread=thread, person=person)


def draft_was_discarded(thread: str, person: str) -> str:
    return _say("The draft for {thread} was discarded by {person}.", thread=thread, person=person)


# Solutions that staff lets pass


def solution_to_review(thread: str, person: str) -> str:
    # Translators: to staff, above the question and its solution
    return _say(
        "{person} marked a solution in {thread}. Let me learn it, change it first, or discard it: "
        "a discarded message will not be learned again, as long as no other message of the thread "
        "is marked in between.",
        person=person,
        thread=thread,
    )


def solution_goes_on() -> str:
    return _say("The whole solution is in the file below.")


def learn() -> str:
    # Translators: on a button under a solution, which is then found by searches
    return _say("Learn")


def edit_the_solution() -> str:
    # Translators: the title of a form, at most 45 characters
    return _say("Learn it in these words")


def solution_learned() -> str:
    return _say("Learned. Searches will find it in a moment.")


def solution_learned_as_edited() -> str:
    return _say("Learned in your words. Searches will find them in a moment.")


def solution_discarded() -> str:
    return _say("Discarded. It will not be learned again.")


def solution_was_learned(thread: str, person: str) -> str:
    return _say("{person} let me learn the solution in {thread}.", thread=thread, person=person)


def solution_was_edited(thread: str, person: str) -> str:
    return _say(
        "{person} let me learn the solution in {thread}, in their own words.",
        thread=thread,
        person=person,
    )


def solution_was_discarded(thread: str, person: str) -> str:
    return _say(
        "{person} discarded the solution in {thread}. It will not be learned again.",
        thread=thread,
        person=person,
    )


def solution_over(thread: str, why: str) -> str:
    # Translators: {why} is a few words, as "deleted on Discord"
    return _say(
        "There is nothing to decide any more about the solution in {thread}: {why}.",
        thread=thread,
        why=why,
    )


def learned_without_review() -> str:
    # Translators: why there is nothing to decide any more about a solution
    return _say("learned without a review")


def title_erased() -> str:
    # Translators: in place of a thread's title that docbot does not store any more
    return _say("(its title was erased)")


# What is stored of a person


def held(lines: Sequence[str]) -> str:
    """Say what is stored, what erasing it means, and what stays; `lines` are a list."""
    head = _say("This is what I store about you in this server:")
    tail = _say(
        "Erase removes all of it, and calls off questions of yours that I am still on. "
        "What I wrote on Discord stays there, and so do your own messages: delete those yourself. "
        "I also keep when you asked me lately, since that limits how often you can, and whether "
        "this server banned you from asking me."
    )
    return "\n".join([head, *(f"- {line}" for line in lines), tail])


def held_messages(count: int) -> str:
    return _count("the text of {count} message", "the texts of {count} messages", count)


def held_titles(count: int) -> str:
    return _count(
        "the title of {count} thread that you opened",
        "the titles of {count} threads that you opened",
        count,
    )


def held_questions(count: int) -> str:
    return _count(
        "{count} question in threads, with its answer",
        "{count} questions in threads, with their answers",
        count,
    )


def held_calls(count: int) -> str:
    # Translators: asked by /chat and /private
    return _count(
        "{count} question by a command, with its answer",
        "{count} questions by commands, with their answers",
        count,
    )


def held_votes(count: int) -> str:
    return _count("{count} vote on an answer", "{count} votes on answers", count)


def held_drafts(count: int) -> str:
    # Translators: drafts of docbot's answers, which a person of the staff changed
    return _count(
        "{count} draft that you wrote anew as staff",
        "{count} drafts that you wrote anew as staff",
        count,
    )


def held_solutions(count: int) -> str:
    return _count(
        "what I learned from {count} solved thread that you opened or solved",
        "what I learned from {count} solved threads that you opened or solved",
        count,
    )


def nothing_held() -> str:
    return _say(
        "I store no texts and no votes of yours in this server. I do keep when you asked me lately, "
        "since that limits how often you can, and whether this server banned you from asking me."
    )


def erase() -> str:
    # Translators: on a button
    return _say("Erase")


def keep() -> str:
    # Translators: on a button
    return _say("Keep")


def all_erased() -> str:
    return _say("Erased. What you write from now on is stored again as before.")


def call_erased() -> str:
    # Translators: in place of the answer to a command
    return _say("You had this question erased, so I do not answer it.")


def nothing_erased() -> str:
    return _say("Nothing was erased.")


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


# What docbot tells of itself


def collections_head() -> str:
    # Translators: above a list
    return _say("What I search in for this server:")


def no_collections() -> str:
    return _say("There is nothing yet that I could search in for this server.")


def collection(name: str, pages: str, passages: str, read: str) -> str:
    """One source, each of whose parts `pages`, `passages` and `read` give comes ready."""
    return _say(
        "{name}: {pages}, {passages}, {read}", name=name, pages=pages, passages=passages, read=read
    )


def counted_pages(count: int) -> str:
    return _count("{count} page", "{count} pages", count)


def counted_passages(count: int) -> str:
    # Translators: the parts of pages that are found
    return _count("{count} passage", "{count} passages", count)


def last_read(when: str) -> str:
    # Translators: of documentation; {when} is shown as "2 hours ago"
    return _say("last read {when}", when=when)


def not_read_yet() -> str:
    # Translators: of documentation
    return _say("not read yet")


def and_more(count: int) -> str:
    # Translators: the last line of a list that is cut
    return _count("… and {count} more.", "… and {count} more.", count)


def commands_head() -> str:
    # Translators: above a list
    return _say("What you can use here:")


def command_line(usage: str, what: str) -> str:
    return _say("{usage}: {what}", usage=usage, what=what)


def command_for_own_threads(usage: str, what: str) -> str:
    # Translators: a command that only who opened a thread, and staff, may use
    return _say("{usage}: {what}, in threads that you opened", usage=usage, what=what)


def in_menu_of_message() -> str:
    # Translators: where a command is found
    return _say("in the menu of a message")


def in_menu_of_person() -> str:
    # Translators: where a command is found
    return _say("in the menu of a person")


def hello(mode: str) -> str:
    """Greet where the mode is `auto`, `draft`, `mention` or `off`, and say what it means."""
    said = {
        "auto": _say(
            "Hello! Ask in a new post here, and I answer it from the documentation. In a thread "
            "where people talk already, mention me."
        ),
        "draft": _say(
            "Hello! Ask in a new post here. I draft an answer from the documentation, and staff "
            "look at it before you see it."
        ),
        "mention": _say(
            "Hello! Mention me with your question here, and I answer it from the documentation."
        ),
        "off": _say("Hello! I do not answer here. `/search` finds pages of the documentation."),
    }
    return said[mode]


def hello_elsewhere(forums: Sequence[str]) -> str:
    """Greet where docbot answers nobody; `forums` are channels in which it does."""
    if not forums:
        return _say(
            "Hello! `/chat` asks me a question, and `/search` finds pages of the documentation."
        )
    return _say(
        "Hello! I answer questions in {forums}. Here `/chat` asks me one, and `/search` finds "
        "pages of the documentation.",
        forums=_listed(forums),
    )


def about_me(version: str) -> str:
    return _say(
        "I am docbot {version}. I answer questions from the documentation of this project, say "
        "which pages an answer is from, and stay quiet where they do not answer it.",
        version=version,
    )


def about_knowledge(sources: str, pages: str) -> str:
    # Translators: {sources} is as "2 sources", {pages} as "14 pages"
    return _say(
        "**What I know:** {sources} with {pages}. `/collections` lists them.",
        sources=sources,
        pages=pages,
    )


def counted_sources(count: int) -> str:
    # Translators: of documentations that are searched
    return _count("{count} source", "{count} sources", count)


def about_chat_model(model: str, host: str) -> str:
    return _say(
        "**Who sees what you ask:** the model {model} at {host} writes my answers. It is given your "
        "question, what was asked and answered before it in its conversation, and passages of the "
        "documentation and of threads that members solved.",
        model=model,
        host=host,
    )


def about_quoting() -> str:
    return _say(
        "**Who sees what you ask:** no model writes my answers. I quote the documentation, and threads "
        "that members solved."
    )


def about_embedding(model: str, host: str) -> str:
    return _say(
        "To search by meaning, questions, pages and solved threads also go to the model {model} at "
        "{host}.",
        model=model,
        host=host,
    )


def about_local_embedding(model: str) -> str:
    return _say(
        "To search by meaning I use the model {model}, on the machine that I run on; for that "
        "nothing goes anywhere else.",
        model=model,
    )


def about_lexical_search() -> str:
    return _say("I search by words, and no model sees your question for that.")


def about_keeping(days: int | None) -> str:
    """What is kept of members; `days` is for how long, None: for good."""
    if days is None:
        return _say(
            "**What I keep about you:** what you ask me, and what you write in the threads that I "
            "read, with my answers, however old it is."
        )
    return _count(
        "**What I keep about you:** what you ask me, and what you write in the threads that I read, "
        "with my answers, for {count} day.",
        "**What I keep about you:** what you ask me, and what you write in the threads that I read, "
        "with my answers, for {count} days.",
        days,
    )


def about_votes_and_solutions() -> str:
    """What is kept of members however old it is."""
    return _say(
        "Your votes stay until you take them back. What solved a thread I go on quoting, until its "
        "message is deleted or the thread is not solved by it any more."
    )


def about_erasing() -> str:
    return _say(
        "What is deleted on Discord I erase too, if I am running then: of what is deleted while I am "
        "not, Discord does not tell me. `/forget` removes what I keep about you."
    )


def about_docs() -> str:
    return _say("How to run me is described in `README.md` and the folder `docs`.")


def of_command(text: str) -> str:
    """The description of a command, as Discord shows it to who reads this language."""
    return _spoken.get().pgettext("command description", text)


# Commands


def failed() -> str:
    return _say("Something went wrong on my side. Please try again later.")


def not_allowed() -> str:
    return _say("Only members who may manage this server can do that.")


def not_taken() -> str:
    return _say("I cannot take your question just now. Please ask again in a minute.")


def switched_off() -> str:
    return _say("I am switched off in this forum.")


def staff_reads_first() -> str:
    return _say(
        "Here staff reads my answers before they are posted: mention me in the thread, or use "
        "/private."
    )


def asked_by(mention: str, question: str) -> str:
    # Translators: above an answer that comes too late to stand below its question
    return _say("{mention} asked: {question}", mention=mention, question=question)


def cleared() -> str:
    return _say(
        "Done: what you ask next here by `/chat` or `/private`, or by mentioning me in a text "
        "channel, begins a new conversation."
    )


def cleared_thread() -> str:
    return _say("Done: what is asked next in this thread begins a new conversation.")


def nothing_to_clear() -> str:
    return _say("There was nothing to clear: what you ask next begins a new conversation anyway.")


def over_own_limit(free_at: int) -> str:
    """Refuse until there is a place again; `free_at` in seconds since 1970."""
    # Translators: Discord shows <t:...:R> as "in 2 hours", and <t:...:t> as "14:30"
    return _say(
        "You have asked me as often as you can for now. You can ask again "
        "<t:{free_at}:R>, at <t:{free_at}:t>.",
        free_at=free_at,
    )


def over_server_limit(free_at: int) -> str:
    """Refuse until there is a place again; `free_at` in seconds since 1970."""
    # Translators: Discord shows <t:...:R> as "in 2 hours", and <t:...:t> as "14:30"
    return _say(
        "This server has asked me as often as it can for now. You can ask again "
        "<t:{free_at}:R>, at <t:{free_at}:t>.",
        free_at=free_at,
    )


def still_on_last_one() -> str:
    return _say(
        "I am still on your last question. Please wait for its answer, or add to it where you asked it."
    )


def not_heard() -> str:
    # Translators: to somebody who is banned or ignored
    return _say("I take no questions from you in this server. Its staff can tell you why.")


def nothing_changed() -> str:
    return _say("Nothing changed.")


def taken_in(names: Sequence[str]) -> str:
    # Translators: {names} are settings that changed
    return _say("Applied: {names}.", names=", ".join(names))


def needs_restart(names: Sequence[str]) -> str:
    # Translators: {names} are settings
    return _say("Changed, but needs a restart: {names}.", names=", ".join(names))


def env_file_not_read() -> str:
    return _say(
        "The `.env` file was not read: that is done only in the server that "
        "`DOCBOT_OPERATOR_GUILD` names."
    )


def reload_refused(reason: str) -> str:
    return _say("Nothing was applied: {reason}", reason=reason)


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
