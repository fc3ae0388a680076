"""One search or question from the command line, answered as the bot would."""

from collections.abc import Callable, Sequence

from docbot.answers.answer import Answer
from docbot.answers.generate import OnText
from docbot.answers.prompt import QuestionText
from docbot.app.rooms import Rooms, open_answerer, refuse_endpoint_without_model
from docbot.errors import UsageError
from docbot.retrieval.search import Query, SearchResult

PASSAGES = 8


async def search_once(
    rooms: Rooms,
    query: str,
    source_names: Sequence[str],
    limit: int,
    *,
    sections: bool = False,
) -> SearchResult:
    """Search the named sources, or all; with `sections` as a model reads what is found.

    Raises:
        UsageError: nothing was read yet, the index is not where it belongs, or a name is not
            known.
        TransientError: the index cannot be reached.
    """
    chosen = await rooms.sources.get_many(source_names)
    sources = [source.id for source in chosen]
    found = await rooms.searcher.search(Query(query, ""), sources, limit, sections=sections)
    if not found.indexed:
        await refuse_without_index(rooms)
    return found


async def refuse_without_index(rooms: Rooms) -> None:
    """Say why there is no index to search, and what makes one.

    Raises:
        UsageError: there is none.
        TransientError: the index cannot be reached.
    """
    if await rooms.index.reach() is not None:
        return
    if await rooms.generations.find_current() is None:
        raise UsageError("nothing was read yet; `docbot sources add`, then `docbot sync`")
    raise UsageError(
        f"the index is not in {rooms.builder.place}, or is damaged; `docbot sync` builds it there"
    )


async def ask_once(
    rooms: Rooms,
    question: str,
    source_names: Sequence[str],
    *,
    warn: Callable[[str], None],
    on_text: OnText | None = None,
) -> Answer:
    """Answer from the named sources, or from all.

    Args:
        rooms: what it works with.
        question: in one text.
        source_names: none for all.
        warn: told what made the answer worse than it could be.
        on_text: told what of a reply has passed the check, while the model writes on.

    Raises:
        UsageError: nothing was read yet, or a name is not known.
        DocbotError: the model cannot be asked.
    """
    await refuse_endpoint_without_model(rooms.settings)
    async with open_answerer(rooms.settings) as answerer:
        found = await search_once(
            rooms, question, source_names, PASSAGES, sections=answerer.has_model
        )
        if found.warning:
            warn(found.warning)
        if found.signals is None:
            raise UsageError(
                "the index is of an earlier version of docbot; `docbot sync` makes it anew"
            )
        return await answerer.answer(QuestionText(question, ""), [], found, on_text)
