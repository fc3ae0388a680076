from docbot.db.afresh import forget_discord
from docbot.db.pool import Pool
from tests.db.contents import FILL, contents

# With a row each of what is neither.
DOCUMENTATION = {"sources", "pages", "chunks", "embeddings", "syncs", "addresses"}
SET = {"guilds", "forums", "forum_sources", "config"}
OWN = {"activity", "installation", "index_generations"}


async def test_all_that_came_of_discord_is_gone_and_what_was_read_and_set_stays(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute(FILL)
        before = await contents(conn)
        await forget_discord(pool)
        after = await contents(conn)
    # A new table: what is stored of threads and people is to be emptied by `forget_discord`.
    assert {name for name, rows in after.items() if rows} == DOCUMENTATION | SET | OWN
    changed = {name for name in DOCUMENTATION | SET | OWN if after[name] != before[name]}
    assert changed == {"pages"}
    assert len(after["pages"]) == len(before["pages"]) - 1  # the solved thread's
