"""What `/search` shows: results in pages, turned with buttons.

A page needs nothing but its own message: the query stands in it, the rest in the ids of its
buttons. So pages can be turned as long as they are shown, also after a restart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import discord

from docbot import texts
from docbot.answers.quote import first_words
from docbot.answers.sanitise import inline_code, is_linkable, masked_link, plain, sanitise
from docbot.answers.split import LIMIT, length
from docbot.bot import faults
from docbot.bot.acknowledging import acknowledge, say, see_through
from docbot.db.sources import Sources
from docbot.errors import DocbotError, TransientError, UsageError
from docbot.retrieval.passages import Passage
from docbot.retrieval.search import Query, Searcher
from docbot.text import shortened

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient

MOST_RESULTS = 25
_PAGE_RESULTS = 5
_SNIPPET_CHARACTERS = 140
# Five names and the longest query fit into a message even when each character needs two.
_NAME_CHARACTERS = 80
_MOST_SOURCES = 20  # with 64 characters each they fit into one message
_SOURCE_CHARACTERS = 100  # of what was typed as the name of one
_TURNING = "a further page of /search"

_HEAD = re.compile(r"[^`\n]*`([^`\n]+)`(?:\n|$)")


@dataclass(frozen=True, slots=True)
class SearchTools:
    searcher: Searcher
    sources: Sources


@dataclass(frozen=True, slots=True)
class Search:
    """A page that somebody wants to see; `limit` is of all pages, `page` counts from 1."""

    query: str
    source: str | None
    limit: int
    page: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a message; without buttons where it is the only one."""

    text: str
    buttons: discord.ui.View | None


async def look_up(tools: SearchTools, search: Search) -> Page | str:
    """Return the page, or the line that says why there is none.

    Raises:
        DocbotError: the search itself failed.
    """
    try:
        sources = await tools.sources.get_many([search.source] if search.source else [])
    except UsageError:
        names = [source.name for source in await tools.sources.all()]
        return _no_such_source(search.source or "", names)
    found = await tools.searcher.search(
        Query(search.query, ""), [source.id for source in sources], search.limit
    )
    if not found.indexed:
        return texts.not_ready()
    if not found.passages:
        return texts.nothing_found_for(inline_code(shortened(search.query, _NAME_CHARACTERS)))
    page = page_within(search.page, len(found.passages))
    text = page_text(search.query, found.passages, page)
    return Page(text, _buttons(search, page, last_page(len(found.passages))))


def search_failed(error: DocbotError) -> str:
    return texts.out_of_reach() if isinstance(error, TransientError) else texts.failed()


def asked(query: str) -> str:
    """Return the query as it is searched and shown: one line without what no message keeps."""
    return " ".join(
        "".join(each if each.isprintable() and each != "`" else " " for each in query).split()
    )


def asked_on(message: str) -> str | None:
    """Read the query from a page's message; None where it is no such message."""
    head = _HEAD.match(message)
    return asked(head[1]) or None if head else None


def last_page(results: int) -> int:
    return max(1, -(-results // _PAGE_RESULTS))


def page_within(page: int, results: int) -> int:
    """Return the page, or the nearest one there is: there may be fewer results by now."""
    return min(max(page, 1), last_page(results))


def page_text(query: str, passages: Sequence[Passage], page: int) -> str:
    """Write a page: the query, then titles, links and a line of text each, in one message.

    Where that is too much for one message, the longest results lose their line of text, then
    their link.
    """
    start = (page - 1) * _PAGE_RESULTS
    shown = passages[start : start + _PAGE_RESULTS]
    head = texts.results_for(inline_code(query), start + 1, start + len(shown), len(passages))
    forms = [_forms(number, passage) for number, passage in enumerate(shown, start=start + 1)]
    while length(text := "\n".join([head, *(each[0] for each in forms)])) > LIMIT:
        longest = max((each for each in forms if len(each) > 1), key=lambda each: length(each[0]))
        del longest[0]
    return text


def _forms(number: int, passage: Passage) -> list[str]:
    """Write a result in full, then ever shorter."""
    line = sanitise(shortened(first_words(passage.text), _SNIPPET_CHARACTERS), ())
    name = _name(passage)
    linked = f"{number}. {_link(name, passage.url)}"
    # Indented, the line belongs to its number, whatever it begins with.
    return [f"{linked}\n   {line}".rstrip(), linked, f"{number}. {texts.unlinked(plain(name))}"]


def _no_such_source(name: str, known: Sequence[str]) -> str:
    shown = shortened(name.replace("`", ""), _SOURCE_CHARACTERS)
    listed = [inline_code(each) for each in known[:_MOST_SOURCES]]
    return texts.no_such_source(f"`{shown}`", listed, len(known) - len(listed))


def _link(title: str, url: str) -> str:
    """Write a link without a preview; the address of a page that has none on the web as text."""
    return masked_link(title, url) if is_linkable(url) else f"{plain(title)} ({inline_code(url)})"


def _name(passage: Passage) -> str:
    name = passage.title
    if passage.heading not in ("", passage.title):
        name = f"{name} › {passage.heading}"
    return shortened(name, _NAME_CHARACTERS)


_PAGE_BUTTON = r"docbot:search:(?P<page>\d{1,2}):(?P<limit>\d{1,2}):(?P<source>[a-z0-9._-]{0,64})"


def turns_a_page(custom_id: str) -> bool:
    """Whether this is the id of a button that shows another page of results."""
    return re.fullmatch(_PAGE_BUTTON, custom_id) is not None


class PageButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=_PAGE_BUTTON,
):
    """Turns to another page of the results that its message shows."""

    def __init__(self, label: str, search: Search, *, disabled: bool = False) -> None:
        source = search.source or ""
        super().__init__(
            discord.ui.Button(
                label=label,
                disabled=disabled,
                custom_id=f"docbot:search:{search.page}:{search.limit}:{source}",
            )
        )
        self._search = search

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        query = asked_on(interaction.message.content) if interaction.message else None
        search = Search(
            query or "", match["source"] or None, int(match["limit"]), int(match["page"])
        )
        return cls(texts.next_page(), search)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show the page in place of the other; where there is none, say why and leave that."""
        client: HelpClient = interaction.client
        await see_through(interaction, _TURNING, self._turn(interaction), client.report)

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        client: HelpClient = interaction.client
        return await client.desk.hears(interaction)

    async def _turn(self, interaction: discord.Interaction[Any]) -> None:
        await acknowledge(interaction, thinking=False)
        page = await self._page(interaction.client)
        if isinstance(page, str):
            await say(interaction, page)
            return
        with faults.translated():
            await interaction.edit_original_response(content=page.text, view=page.buttons)

    async def _page(self, client: "HelpClient") -> Page | str:
        if not self._search.query:
            return texts.search_unknown()
        try:
            return await look_up(client.parts.search, self._search)
        except DocbotError as error:
            client.report(_TURNING, error)
            return search_failed(error)


def _buttons(search: Search, page: int, last: int) -> discord.ui.View | None:
    if last == 1:
        return None
    view = discord.ui.View(timeout=None)
    for label, to in ((texts.previous_page(), page - 1), (texts.next_page(), page + 1)):
        wanted = Search(search.query, search.source, search.limit, to)
        view.add_item(PageButton(label, wanted, disabled=not 1 <= to <= last))
    return view
