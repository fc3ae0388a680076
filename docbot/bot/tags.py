"""A forum's tags, as the server set them up by now: any of them may be renamed or deleted."""

import discord

from docbot.config import NO_TAG, ForumConfig, is_tag

_USUAL_NAME = "solved"


def solved_tag(channel: discord.ForumChannel, config: ForumConfig) -> discord.ForumTag | None:
    """Find the tag for solved threads: the one that is set, by id or name, else one named so."""
    wanted = config.solved_tag or _USUAL_NAME
    if wanted == NO_TAG:
        return None
    return next((tag for tag in channel.available_tags if is_tag(wanted, tag.id, tag.name)), None)
