"""A Discord that begins afresh, as the demo's at each start: what came of the one before is gone.

Promise: nobody has asked, said, voted or solved anything yet. What was read of documentation stays,
and so do bindings and settings.
"""

from docbot.db.errors import translated
from docbot.db.pool import Pool

# What a vector was made of can be guessed from it.
_FORGET_VECTORS = """
    DELETE FROM embeddings USING chunks JOIN sources ON sources.id = source_id
    WHERE chunk_hash = chunks.hash AND sources.kind = 'solved'
"""
# Their source stays, by which the index is found to hold what is gone, and made anew.
_DELETE_PAGES = """
    DELETE FROM pages USING sources WHERE sources.id = source_id AND sources.kind = 'solved'
"""
# All at once, as they refer to each other.
_EMPTY = """
    TRUNCATE threads, messages, conversations, questions, question_messages, interactions, answers,
             feedback, drafts, outbox, outbox_erasures, solutions, uses, server_turns, person_turns
"""


async def forget_discord(pool: Pool) -> None:
    """Delete all that came of Discord, in every server; nobody may act on this database meanwhile."""
    with translated():
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute(_EMPTY)
            await conn.execute(_FORGET_VECTORS)
            await conn.execute(_DELETE_PAGES)
