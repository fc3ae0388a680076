"""Conversations: whose turns are each other's history."""

from typing import Literal, TypeAlias

from docbot.db.pool import Conn

# Those that one person has in a channel: by mentions in a text channel, by /chat, by /private.
OwnKind: TypeAlias = Literal["channel", "chat", "private"]

_FIND_OWN = """
    SELECT id FROM conversations
    WHERE kind = $1 AND channel_id = $2 AND person_id = $3 AND closed_at IS NULL
"""
_FIND_POST = """
    SELECT id FROM conversations WHERE thread_id = $1 AND kind = 'post' AND closed_at IS NULL
"""
_CLOSE_OWN = """
    UPDATE conversations SET closed_at = now()
    WHERE kind <> 'post' AND channel_id = $1 AND person_id = $2 AND closed_at IS NULL
    RETURNING id
"""
_CLOSE_POST = """
    UPDATE conversations SET closed_at = now()
    WHERE kind = 'post' AND thread_id = $1 AND closed_at IS NULL
    RETURNING id
"""


async def find_own(conn: Conn, *, kind: OwnKind, channel_id: int, person_id: int) -> int | None:
    """Find a person's open conversation of a kind in a channel."""
    conversation_id: int | None = await conn.fetchval(_FIND_OWN, kind, channel_id, person_id)
    return conversation_id


async def find_post(conn: Conn, thread_id: int) -> int | None:
    """Find a thread's open conversation; None where nobody asked anything in it."""
    conversation_id: int | None = await conn.fetchval(_FIND_POST, thread_id)
    return conversation_id


async def close_own(conn: Conn, *, channel_id: int, person_id: int) -> bool:
    """Let what a person asks next in this channel begin anew; False: there was nothing to end."""
    return bool(await conn.fetch(_CLOSE_OWN, channel_id, person_id))


async def close_post(conn: Conn, thread_id: int) -> bool:
    """Let the next question of a thread begin anew; False: there was nothing to end."""
    return bool(await conn.fetch(_CLOSE_POST, thread_id))
