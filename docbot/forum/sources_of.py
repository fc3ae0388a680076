"""Which sources a thread is answered from: its forum's, or those that its tags choose.

What a forum learned from its own solved threads is searched with either.
"""

from collections.abc import Collection, Mapping

from docbot.config import is_tag
from docbot.db.forums import Forum


def sources_of(forum: Forum, tags: Collection[int], known: Mapping[str, int]) -> tuple[int, ...]:
    """Choose the sources to search.

    Args:
        forum: as it is bound.
        tags: of the thread, as Discord's ids.
        known: the operator's sources by name.

    Returns:
        those that the thread's tags choose, all of them; the forum's own where they choose none.
    """
    chosen = {
        known[source]
        for tag, source in forum.config.tag_sources.items()
        if source in known and any(_is_named(forum, each, tag) for each in tags)
    }
    learned = [] if forum.solved_source_id is None else [forum.solved_source_id]
    return (*(sorted(chosen) or forum.source_ids), *learned)


def lines_about_tags(forum: Forum, known: Collection[str]) -> list[str]:
    """Say what of a forum's `tag-sources` chooses nothing, for the operator."""
    gone = [
        f"source `{source}` is gone, to which tag-sources leads from tag `{tag}`"
        for tag, source in forum.config.tag_sources.items()
        if source not in known
    ]
    unknown = [
        f"it has no tag `{tag}`, as tag-sources names it"
        for tag in forum.config.tag_sources
        if forum.tags is not None and not any(_is_named(forum, each, tag) for each in forum.tags)
    ]
    return [
        f"forum {forum.channel_id}: {what}; its threads are answered from the forum's own sources"
        for what in (*gone, *unknown)
    ]


def _is_named(forum: Forum, tag: int, name: str) -> bool:
    return is_tag(name, tag, (forum.tags or {}).get(tag, ""))
