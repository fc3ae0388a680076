"""The buttons under an answer. They live as long as their message: all they need is in their id."""

import asyncio
import re
from typing import TYPE_CHECKING, Any, Self

import discord

from docbot import texts
from docbot.errors import DocbotError

if TYPE_CHECKING:
    from docbot.bot.client import HelpClient

_LABELS = {"helpful": texts.helpful, "not_right": texts.not_right}
_STYLES = {"helpful": discord.ButtonStyle.success, "not_right": discord.ButtonStyle.secondary}


class VoteButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"docbot:vote:(?P<vote>helpful|not_right):(?P<answer>\d+):(?P<row>\d+)",
):
    """A vote on an answer; `row` is the outbox row of the message that carries the button."""

    def __init__(self, vote: str, answer_id: int, row_id: int) -> None:
        super().__init__(
            discord.ui.Button(
                label=_LABELS[vote](),
                style=_STYLES[vote],
                custom_id=f"docbot:vote:{vote}:{answer_id}:{row_id}",
            )
        )
        self._vote = vote
        self._answer_id = answer_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        return cls(match["vote"], int(match["answer"]), int(match["row"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Store the vote first, then say so to whom pressed."""
        client: HelpClient = interaction.client
        deferred = interaction.response.defer(ephemeral=True, thinking=True)
        stored = self._store(client, interaction.user.id, interaction.guild_id or 0)
        shown, reply = await asyncio.gather(deferred, stored, return_exceptions=True)
        # The vote counts also where Discord no longer takes the reply.
        for outcome in (shown, reply):
            if isinstance(outcome, BaseException):
                raise outcome
        await interaction.followup.send(str(reply), ephemeral=True)

    async def _store(self, client: "HelpClient", person_id: int, guild_id: int) -> str:
        try:
            votes = await client.parts.answers.vote(
                self._answer_id, person_id, guild_id, self._vote
            )
        except DocbotError as error:
            client.report(f"vote on answer {self._answer_id}", error)
            return texts.failed()
        return texts.voted(self._vote) if votes else texts.vote_unknown()


def vote_view(answer_id: int, row_id: int) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for vote in _LABELS:
        view.add_item(VoteButton(vote, answer_id, row_id))
    return view
