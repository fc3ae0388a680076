import json

import pytest

from docbot.db import usage as statements
from docbot.db.pool import Pool

_MANY = """
    INSERT INTO uses (guild_id, person_id, kind, at)
    SELECT 1 + n % 3, 300 + n % 50, 'call', now() - n * interval '1 s'
    FROM generate_series(1, $1::int) AS n
"""
_ASK = statements._READ.replace("$1", "1").replace("$2", "300").replace("$3", "'call'")


@pytest.mark.parametrize("places", ["NULL", "30"])
async def test_a_look_reads_no_more_pages_however_many_uses_there_are(
    pool: Pool, places: str
) -> None:
    look = _ASK.replace("$4", "10").replace("$5", places)

    async def pages_read() -> int:
        await pool.execute("VACUUM ANALYZE uses")
        [document] = json.loads(
            await pool.fetchval("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + look)
        )
        return int(document["Plan"]["Shared Hit Blocks"] + document["Plan"]["Shared Read Blocks"])

    await pool.execute(_MANY, 500)
    few = await pages_read()
    await pool.execute(_MANY, 50_000)
    assert await pages_read() < few + 40
