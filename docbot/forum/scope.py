"""What is searched for a question: the sources of its forum, or those that its server may read."""

from dataclasses import dataclass

from docbot.db.questions import Claimed
from docbot.db.sources import Sources
from docbot.forum.bindings import Bindings


@dataclass(frozen=True, slots=True)
class Scope:
    """The sources that are searched; `name` and `names` tell the operator which they are."""

    name: str
    names: tuple[str, ...]
    sources: tuple[int, ...]


async def scope_of(question: Claimed, bindings: Bindings, sources: Sources) -> Scope | None:
    """Tell what to search; None where docbot does not answer any more.

    In a forum that is off by now this was asked before, since nothing is asked there any more.
    Who calls docbot by a command may do so anywhere; where no forum is bound, all is searched that
    the server may read.
    """
    forum = bindings.find(question.forum_id)
    if forum is not None:
        chosen = bindings.sources_of(forum, question.tags)
        return Scope(f"forum {forum.channel_id}", forum.source_names, chosen)
    if question.interaction_id is None:
        return None
    readable = await sources.readable_by(question.guild_id)
    return Scope(f"server {question.guild_id}", tuple(readable.values()), tuple(readable))
