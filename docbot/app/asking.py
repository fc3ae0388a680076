"""One question from the command line, answered as the bot would."""

from collections.abc import Sequence

from docbot.answers.answer import Answer
from docbot.answers.prompt import QuestionText
from docbot.app.rooms import Rooms, open_answerer, refuse_endpoint_without_model
from docbot.errors import UsageError
from docbot.retrieval.search import Query

_PASSAGES = 8


async def ask_once(rooms: Rooms, question: str, source_names: Sequence[str]) -> Answer:
    """Answer from the named sources, or from all.

    Raises:
        UsageError: nothing was read yet, or a name is not known.
        DocbotError: the model cannot be asked.
    """
    await refuse_endpoint_without_model(rooms.settings)
    chosen = await rooms.sources.get_many(source_names)
    found = await rooms.searcher.search(
        Query(question, ""), [source.id for source in chosen], _PASSAGES
    )
    if not found.indexed:
        raise UsageError("nothing was read yet; `docbot sources add`, then `docbot sync`")
    async with open_answerer(rooms.settings) as answerer:
        return await answerer.answer(QuestionText(question, ""), [], found.passages)
