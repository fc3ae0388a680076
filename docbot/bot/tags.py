"""A forum's tags, as the server set them up by now: any of them may be renamed or deleted."""

import discord

from docbot.config import ForumConfig

_USUAL_NAME = "solved"
_NONE = "none"


def solved_tag(channel: discord.ForumChannel, config: ForumConfig) -> discord.ForumTag | None:
    """Find the tag for solved threads: the one that is set, by id or name, else one named so."""
    wanted = config.solved_tag or _USUAL_NAME
    if wanted == _NONE:
        return None
    return next(
        (tag for tag in channel.available_tags if is_called(wanted, tag.id, tag.name)), None
    )


def is_called(wanted: str | None, tag_id: int, name: str) -> bool:
    """Whether a setting means this tag."""
    return wanted is not None and (str(tag_id) == wanted or name.casefold() == wanted.casefold())
