"""What is searched: a forum's sources, or all that the server may read everywhere."""

from dataclasses import replace

import pytest

from docbot.db.config import Configs
from docbot.db.forums import Forums
from docbot.db.pool import Pool
from docbot.db.questions import Claimed, Questions
from docbot.db.sources import Sources
from docbot.forum.bindings import Bindings
from docbot.forum.scope import scope_of
from tests.db.seed import FORUM, GUILD, ask, take_over

_SOURCES = """
    INSERT INTO sources (name, guild_id, forum_id, kind, location)
    VALUES ('docs', NULL, NULL, 'folder', '/docs'), ('own', $1, NULL, 'folder', '/own'),
           ('foreign', $1 + 1, NULL, 'folder', '/foreign'),
           ('solved-20', $1, $2::bigint, 'solved', '')
"""


async def asked(pool: Pool) -> Claimed:
    for guild_id in (GUILD, GUILD + 1):
        await Forums(pool).put_guild(guild_id, "Frobnicators")
    await pool.execute(_SOURCES, GUILD, FORUM)
    await ask(pool, 10)
    question = await Questions(pool).claim_next(await take_over(pool), 0)
    assert question is not None
    return question


async def bound(pool: Pool, mode: str) -> Bindings:
    [docs] = await Sources(pool).get_many(["docs"])
    await Forums(pool).bind(guild_id=GUILD, channel_id=FORUM, mode=mode, source_ids=[docs.id])
    bindings = Bindings(Forums(pool), Configs(pool))
    await bindings.reload()
    return bindings


async def test_a_call_where_no_forum_is_bound_reads_what_all_of_the_server_may(pool: Pool) -> None:
    question, bindings = await asked(pool), Bindings(Forums(pool), Configs(pool))
    assert await scope_of(question, bindings, Sources(pool)) is None
    scope = await scope_of(replace(question, interaction_id=1), bindings, Sources(pool))
    assert scope is not None
    # What was learned in a forum is for those alone who can read it.
    assert scope.names == ("docs", "own")


@pytest.mark.parametrize("mode", ["mention", "off"])
async def test_what_was_asked_in_a_bound_forum_is_searched_there_also_once_it_is_off(
    pool: Pool, mode: str
) -> None:
    question = await asked(pool)
    for asks in (question, replace(question, interaction_id=1)):
        scope = await scope_of(asks, await bound(pool, mode), Sources(pool))
        assert scope is not None
        assert scope.names == ("docs",)
