"""Messages in the channel of the staff that ask for a decision: sent, changed, taken back."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from docbot.answers.write import Message
from docbot.db.outbox import Outbox
from docbot.db.pool import Conn


@dataclass(frozen=True, slots=True)
class StaffNote:
    """One of them: its row in the outbox, where it stands, and the thread that it is about."""

    row_id: int
    guild_id: int
    channel_id: int
    thread_id: int


class StaffNotes:
    """Every method joins the transaction of its caller."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def send(
        self,
        conn: Conn,
        message: Message,
        *,
        guild_id: int,
        channel_id: int,
        thread_id: int,
        buttons: Sequence[Any],
    ) -> int:
        """Send one, with `buttons` as `bot.views` knows them; its row."""
        return await self._outbox.add(
            conn,
            guild_id=guild_id,
            channel_id=channel_id,
            payload={
                **_shown(message),
                "reply_to": None,
                "vote_on": None,
                "buttons": list(buttons),
            },
            thread_id=thread_id,
        )

    async def edit(
        self, conn: Conn, note: StaffNote, message: Message, buttons: Sequence[Any] = ()
    ) -> None:
        """Let it say something else; without `buttons` there is nothing to decide any more."""
        await self._outbox.add_once(
            conn,
            "edit",
            guild_id=note.guild_id,
            channel_id=note.channel_id,
            payload={
                "row": note.row_id,
                **_shown(message),
                **({"buttons": list(buttons)} if buttons else {}),
            },
            row_id=note.row_id,
            thread_id=note.thread_id,
        )

    async def take_back(self, conn: Conn, note: StaffNote, content: str, why: str) -> None:
        """Say in it that there is nothing to decide any more; one that was never tried is dropped."""
        if not await self._outbox.drop_untried(conn, note.row_id, why):
            await self.edit(conn, note, Message(content))


def _shown(message: Message) -> dict[str, Any]:
    return {"content": message.content, "files": [asdict(file) for file in message.files]}
