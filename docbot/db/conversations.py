"""Conversations: whose turns are each other's history."""

from docbot.db.pool import Conn

_FIND_CALL = """
    SELECT id FROM conversations
    WHERE kind = $1 AND channel_id = $2 AND person_id = $3 AND closed_at IS NULL
"""
_CLOSE_CALLS = """
    UPDATE conversations SET closed_at = now()
    WHERE kind IN ('chat', 'private') AND channel_id = $1 AND person_id = $2 AND closed_at IS NULL
    RETURNING id
"""
_CLOSE_POST = """
    UPDATE conversations SET closed_at = now()
    WHERE kind = 'post' AND thread_id = $1 AND closed_at IS NULL
    RETURNING id
"""


async def find_call(conn: Conn, *, kind: str, channel_id: int, person_id: int) -> int | None:
    """Find a person's open conversation by /chat or /private in a channel."""
    conversation_id: int | None = await conn.fetchval(_FIND_CALL, kind, channel_id, person_id)
    return conversation_id


async def close_calls(conn: Conn, *, channel_id: int, person_id: int) -> bool:
    """Let a person's next call in this channel begin anew; False: there was nothing to end."""
    return bool(await conn.fetch(_CLOSE_CALLS, channel_id, person_id))


async def close_post(conn: Conn, thread_id: int) -> bool:
    """Let the next question of a thread begin anew; False: there was nothing to end."""
    return bool(await conn.fetch(_CLOSE_POST, thread_id))
